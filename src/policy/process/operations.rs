//! The operations that can be allowed, and the parameters of each.
//!
//! <https://www.alibabacloud.com/help/en/oss/user-guide/img-parameters>. A parameter that names another object (`image` of
//! a watermark) is missing on purpose, and with it those that only have a meaning beside it.

use super::InvalidProcess;
use super::shape::Shape::{self, Base64Name, Base64Text, Colour, Integer, OneOf};

/// An operation that no configuration can make read or write another object.
#[derive(Debug)]
pub(super) struct Operation {
    /// Family and name, such as `image/resize`.
    pub(super) name: &'static str,
    arguments: Arguments,
}

/// What follows the name behind commas.
#[derive(Debug)]
enum Arguments {
    /// Nothing.
    None,
    /// One bare value.
    Value(Shape),
    /// `name_value` in any order, each name at most once; the first name of the table is required if the flag is set.
    Named(&'static [(&'static str, Shape)], bool),
}

use self::Arguments::{Named, None as Nothing, Value};

const SIDE: Shape = Integer(1, 16_384);
const OFFSET: Shape = Integer(0, 30_000);
const RADIUS: Shape = Integer(1, 4_096);
const BLUR: Shape = Integer(1, 50);
const MARGIN: Shape = Integer(0, 4_096);
const PERCENT: Shape = Integer(0, 100);
const QUALITY: Shape = Integer(1, 100);
const TONE: Shape = Integer(-100, 100);
const FLAG: Shape = OneOf(&["0", "1"]);
const GRAVITY: Shape = OneOf(&["nw", "north", "ne", "west", "center", "east", "sw", "south", "se"]);
const IMAGE_FORMAT: Shape = OneOf(&["jpg", "jpeg", "png", "webp", "bmp", "gif", "tiff", "heic", "avif"]);
const RESIZE_MODE: Shape = OneOf(&["lfit", "mfit", "fill", "pad", "fixed"]);

/// All of them.
pub(super) const OPERATIONS: [Operation; 18] = [
    of("image/resize", Named(RESIZE, false)),
    of("image/crop", Named(CROP, false)),
    of("image/circle", Named(&[("r", RADIUS)], true)),
    of("image/rounded-corners", Named(&[("r", RADIUS)], true)),
    of("image/indexcrop", Named(&[("i", OFFSET), ("x", SIDE), ("y", SIDE)], false)),
    of("image/rotate", Value(Integer(0, 360))),
    of("image/auto-orient", Value(FLAG)),
    of("image/format", Value(IMAGE_FORMAT)),
    of("image/quality", Named(&[("q", QUALITY), ("Q", QUALITY)], false)),
    of("image/interlace", Value(FLAG)),
    of("image/bright", Value(TONE)),
    of("image/contrast", Value(TONE)),
    of("image/sharpen", Value(Integer(50, 399))),
    of("image/blur", Named(&[("r", BLUR), ("s", BLUR)], false)),
    of("image/info", Nothing),
    of("image/average-hue", Nothing),
    of("image/watermark", Named(WATERMARK, true)),
    of("video/snapshot", Named(SNAPSHOT, true)),
];

const RESIZE: &[(&str, Shape)] = &[
    ("m", RESIZE_MODE),
    ("w", SIDE),
    ("h", SIDE),
    ("l", SIDE),
    ("s", SIDE),
    ("limit", FLAG),
    ("color", Colour),
    ("p", Integer(1, 1_000)),
];

const CROP: &[(&str, Shape)] =
    &[("w", OFFSET), ("h", OFFSET), ("x", OFFSET), ("y", OFFSET), ("g", GRAVITY), ("p", Integer(1, 200))];

const WATERMARK: &[(&str, Shape)] = &[
    ("text", Base64Text),
    ("type", Base64Name),
    ("color", Colour),
    ("size", Integer(1, 1_000)),
    ("shadow", PERCENT),
    ("rotate", Integer(0, 360)),
    ("fill", FLAG),
    ("padx", MARGIN),
    ("pady", MARGIN),
    ("t", PERCENT),
    ("g", GRAVITY),
    ("x", MARGIN),
    ("y", MARGIN),
    ("voffset", Integer(-1_000, 1_000)),
];

const SNAPSHOT: &[(&str, Shape)] = &[
    // In milliseconds; a day is longer than any video that OSS takes a frame of.
    ("t", Integer(0, 86_400_000)),
    ("w", Integer(0, 16_384)),
    ("h", Integer(0, 16_384)),
    ("m", OneOf(&["fast"])),
    ("f", OneOf(&["jpg", "png"])),
    ("ar", OneOf(&["auto", "h", "w"])),
];

const fn of(name: &'static str, arguments: Arguments) -> Operation {
    Operation { name, arguments }
}

impl Operation {
    /// Checks what follows the name.
    pub(super) fn check<'t>(&self, mut texts: impl Iterator<Item = &'t str>) -> Result<(), InvalidProcess> {
        match &self.arguments {
            Nothing => texts.next().map_or(Ok(()), |text| Err(self.refused(text))),
            Value(shape) => match (texts.next(), texts.next()) {
                (Some(text), None) if shape.fits(text) => Ok(()),
                (text, more) => Err(self.refused(more.or(text).unwrap_or_default())),
            },
            Named(known, first_required) => self.check_named(texts, known, *first_required),
        }
    }

    fn check_named<'t>(
        &self,
        texts: impl Iterator<Item = &'t str>,
        known: &'static [(&'static str, Shape)],
        first_required: bool,
    ) -> Result<(), InvalidProcess> {
        let mut given = Vec::new();
        for text in texts {
            let (name, value) = text.split_once('_').ok_or_else(|| self.refused(text))?;
            let fits = known.iter().any(|(known, shape)| *known == name && shape.fits(value));
            if !fits || given.contains(&name) {
                return Err(self.refused(text));
            }
            given.push(name);
        }
        let required = known.first().filter(|_| first_required);
        match required.filter(|(name, _)| !given.contains(name)) {
            Some((name, _)) => Err(self.refused(&format!("{name}_ (missing)"))),
            None => Ok(()),
        }
    }

    fn refused(&self, parameter: &str) -> InvalidProcess {
        InvalidProcess::Parameter { operation: self.name, parameter: parameter.to_owned() }
    }
}
