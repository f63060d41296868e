//! The shapes of parameter values.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// URL-safe Base64, whose padding may be left out: OSS takes both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest text of a watermark in bytes: 64 characters of Chinese.
const MAX_TEXT: usize = 192;
/// The longest name of a font in bytes.
const MAX_NAME: usize = 64;

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A whole number within these bounds, in digits without leading zeros.
    Integer(i32, i32),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Six hexadecimal digits.
    Colour,
    /// Text to draw, in URL-safe Base64.
    Base64Text,
    /// The name of a font, in URL-safe Base64.
    Base64Name,
}

impl Shape {
    /// Whether `text` has it.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Integer(least, most) => integer(text).is_some_and(|number| (least..=most).contains(&number)),
            Self::OneOf(values) => values.contains(&text),
            Self::Colour => text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Self::Base64Text => decoded(text).is_some_and(|text| (1..=MAX_TEXT).contains(&text.len())),
            Self::Base64Name => decoded(text).is_some_and(|name| is_name(&name)),
        }
    }
}

/// The number that `text` is the only spelling of.
fn integer(text: &str) -> Option<i32> {
    text.parse::<i32>().ok().filter(|number| number.to_string() == text)
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text).ok()?).ok().filter(|text| !text.contains(char::is_control))
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
