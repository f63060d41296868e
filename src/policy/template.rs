//! Texts with typed slots, such as `uploads/${caller.id}/`: parsed at start, filled for a request.
//!
//! A slot never brings in a character that could change the meaning of what stands around it. What does not fit is
//! refused, not escaped: RAM has no escape for `*` and `?`.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::caller::Caller;

/// The longest identity that fits a slot, in characters.
pub const MAX_IDENTITY: usize = 128;
/// The hexadecimal digits of a hashed id: 128 bits, so that nobody finds two ids with one hash.
const HASHED_ID: usize = 32;
/// The longest file name that fits a slot, in bytes: the limit of the common file systems.
const MAX_FILENAME: usize = 255;
/// The longest extension that is kept, without its dot.
const MAX_EXTENSION: usize = 16;

/// A placeholder of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Slot {
    /// `${caller.id}`: the verified id of the caller.
    CallerId,
    /// `${caller.claims.NAME}`: a verified claim of the caller, a text.
    CallerClaim(String),
    /// `${date}`: the day in UTC, `2026-01-31`.
    Date,
    /// `${uuid}`: new for each answer.
    Uuid,
    /// `${filename}`: the name that the caller gives the file.
    Filename,
    /// `${ext}`: the extension of that name with its dot, in lower case; empty where there is none.
    Ext,
    /// `${bucket}`: the grant's bucket; in policies.
    Bucket,
    /// `${dir}`: the caller's directory; in policies.
    Dir,
}

impl Slot {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "caller.id" => Self::CallerId,
            "date" => Self::Date,
            "uuid" => Self::Uuid,
            "filename" => Self::Filename,
            "ext" => Self::Ext,
            "bucket" => Self::Bucket,
            "dir" => Self::Dir,
            _ => Self::CallerClaim(name.strip_prefix("caller.claims.").filter(|claim| !claim.is_empty())?.to_owned()),
        })
    }

    fn names_caller(&self) -> bool {
        matches!(self, Self::CallerId | Self::CallerClaim(_))
    }
}

/// Where a template stands, which decides the slots that it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// A grant's `dir`.
    Directory,
    /// A grant's `key`, the name of a new object below the directory.
    Key,
    /// A grant's `session_name`.
    SessionName,
    /// A text in a policy file.
    Policy,
}

impl Place {
    fn admits(self, slot: &Slot) -> bool {
        match slot {
            Slot::CallerId | Slot::CallerClaim(_) => true,
            Slot::Date => matches!(self, Self::Directory | Self::Key),
            Slot::Uuid | Slot::Filename | Slot::Ext => self == Self::Key,
            Slot::Bucket | Slot::Dir => self == Self::Policy,
        }
    }

    const fn slots(self) -> &'static str {
        match self {
            Self::Directory => "${caller.id}, ${caller.claims.NAME} and ${date}",
            Self::Key => "${uuid}, ${ext}, ${filename}, ${date}, ${caller.id} and ${caller.claims.NAME}",
            Self::SessionName => "${caller.id} and ${caller.claims.NAME}",
            Self::Policy => "${bucket}, ${dir}, ${caller.id} and ${caller.claims.NAME}",
        }
    }
}

/// Why a text is no template for its place.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidTemplate {
    /// A `${` has no `}`.
    #[error("\"${{\" without \"}}\"")]
    Unclosed,
    /// The slot does not exist, or not here.
    #[error("${{{name}}} cannot stand here; there are {slots}")]
    UnknownSlot {
        /// The name between the braces.
        name: String,
        /// Those that can.
        slots: &'static str,
    },
}

/// What becomes of an id that does not fit `${caller.id}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum UnsafeId {
    /// The request is refused.
    #[default]
    Refuse,
    /// The first 32 hexadecimal digits of its SHA-256 take its place. So that nobody can be named like another's hash,
    /// an id of 32 hexadecimal digits is hashed too.
    Hash,
}

/// What the slots are filled with.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// What becomes of an id that does not fit.
    pub unsafe_id: UnsafeId,
    /// The time of the request.
    pub now: DateTime<Utc>,
    /// New for each answer.
    pub uuid: &'a str,
    /// The name that the caller gives the file; empty where there is none.
    pub unverified_filename: &'a str,
    /// The grant's bucket.
    pub bucket: &'a str,
    /// The caller's directory.
    pub dir: &'a str,
}

/// Why a template cannot be filled for a request.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Unfillable {
    /// It names the caller, and the caller is anonymous.
    #[error("the caller is anonymous")]
    Anonymous,
    /// The caller has no such claim, or it is not a text.
    #[error("the caller has no claim {0:?} that is a text")]
    NoClaim(String),
    /// The id or claim has characters that do not fit.
    #[error("the caller's {0} is not 1 to 128 of the characters A-Z a-z 0-9 _ . @ = -")]
    UnsafeIdentity(String),
    /// The file's name does not fit.
    #[error(
        "the file's name has a slash, a backslash, a control character, \"*\" or \"?\", or is not 1 to 255 bytes long"
    )]
    UnsafeFilename,
}

/// A text with slots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Slot(Slot),
}

impl Template {
    /// Reads `text` for `place`.
    pub fn parse(text: &str, place: Place) -> Result<Self, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or(InvalidTemplate::Unclosed)?;
            let slot = Slot::parse(name).filter(|slot| place.admits(slot));
            let unknown = || InvalidTemplate::UnknownSlot { name: name.to_owned(), slots: place.slots() };
            push_text(&mut parts, before);
            parts.push(Part::Slot(slot.ok_or_else(unknown)?));
            rest = after;
        }
        push_text(&mut parts, rest);
        Ok(Self(parts))
    }

    /// The text for one request.
    pub fn fill(&self, filling: &Filling<'_>) -> Result<String, Unfillable> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Slot(slot) => push_slot(&mut text, slot, filling)?,
            }
        }
        Ok(text)
    }

    /// Whether the text depends on who asks.
    #[must_use]
    pub fn names_caller(&self) -> bool {
        self.slots().any(Slot::names_caller)
    }

    /// Whether the text needs the file's name, or part of it.
    #[must_use]
    pub fn needs_filename(&self) -> bool {
        self.slots().any(|slot| *slot == Slot::Filename)
    }

    /// Whether the text contains the directory.
    #[must_use]
    pub fn names_dir(&self) -> bool {
        self.slots().any(|slot| *slot == Slot::Dir)
    }

    /// Whether two slots of the caller stand in one segment of a path. No character but the slash is kept out of
    /// identities, so where one of the two ends and the other begins cannot be told.
    #[must_use]
    pub fn joins_identities(&self) -> bool {
        let mut slots = 0;
        self.0.iter().any(|part| {
            match part {
                Part::Text(text) if text.contains('/') => slots = 0,
                Part::Slot(slot) if slot.names_caller() => slots += 1,
                _ => {}
            }
            slots > 1
        })
    }

    /// The text before the first slot.
    #[must_use]
    pub fn fixed_start(&self) -> &str {
        match self.0.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The whole text, where there is no slot.
    #[must_use]
    pub fn as_fixed(&self) -> Option<&str> {
        (self.slots().next().is_none()).then(|| self.fixed_start())
    }

    /// The text of the most bytes that it can become, given the longest bucket and directory.
    #[must_use]
    pub fn longest(&self, bucket: &str, dir: &str) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Slot(Slot::CallerId | Slot::CallerClaim(_)) => text.push_str(&"x".repeat(MAX_IDENTITY)),
                Part::Slot(Slot::Date) => text.push_str("2026-01-31"),
                Part::Slot(Slot::Uuid) => text.push_str(&"x".repeat(36)),
                Part::Slot(Slot::Filename) => text.push_str(&"x".repeat(MAX_FILENAME)),
                Part::Slot(Slot::Ext) => text.push_str(&"x".repeat(MAX_EXTENSION + 1)),
                Part::Slot(Slot::Bucket) => text.push_str(bucket),
                Part::Slot(Slot::Dir) => text.push_str(dir),
            }
        }
        text
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(slot),
            Part::Text(_) => None,
        })
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

fn push_slot(text: &mut String, slot: &Slot, filling: &Filling<'_>) -> Result<(), Unfillable> {
    match slot {
        Slot::CallerId => text.push_str(&id(filling)?),
        Slot::CallerClaim(name) => text.push_str(claim(filling.caller, name)?),
        Slot::Date => write!(text, "{}", filling.now.format("%Y-%m-%d")).expect("a String takes what is written"),
        Slot::Uuid => text.push_str(filling.uuid),
        Slot::Filename => text.push_str(filename(filling.unverified_filename)?),
        Slot::Ext => text.push_str(&extension(filling.unverified_filename)),
        Slot::Bucket => text.push_str(filling.bucket),
        Slot::Dir => text.push_str(filling.dir),
    }
    Ok(())
}

/// The caller's id, or what stands for it. An empty one is nobody's, hashed or not.
fn id<'a>(filling: &Filling<'a>) -> Result<Cow<'a, str>, Unfillable> {
    let id = filling.caller.id().ok_or(Unfillable::Anonymous)?;
    let like_a_hash = id.len() == HASHED_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (filling.unsafe_id, identity("id", id)) {
        (UnsafeId::Hash, refused) if !id.is_empty() && (like_a_hash || refused.is_err()) => {
            Ok(const_hex::encode(&Sha256::digest(id)[..HASHED_ID / 2]).into())
        }
        (_, outcome) => outcome.map(Cow::Borrowed),
    }
}

fn claim<'a>(caller: &'a Caller, name: &str) -> Result<&'a str, Unfillable> {
    caller.id().ok_or(Unfillable::Anonymous)?;
    let text = caller.claim(name).and_then(Value::as_str).ok_or_else(|| Unfillable::NoClaim(name.to_owned()))?;
    identity(name, text)
}

/// `text`, if it can stand as one segment of a key and as literal text in a policy.
fn identity<'a>(what: &str, text: &'a str) -> Result<&'a str, Unfillable> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@=-".contains(&byte);
    let safe = (1..=MAX_IDENTITY).contains(&text.len()) && text.bytes().all(fits) && text != "." && text != "..";
    if safe { Ok(text) } else { Err(Unfillable::UnsafeIdentity(what.to_owned())) }
}

fn filename(text: &str) -> Result<&str, Unfillable> {
    let wrong = |c: char| c.is_control() || matches!(c, '/' | '\\' | '*' | '?');
    let safe = (1..=MAX_FILENAME).contains(&text.len()) && !text.contains(wrong) && text != "." && text != "..";
    if safe { Ok(text) } else { Err(Unfillable::UnsafeFilename) }
}

/// The extension with its dot and in lower case, or nothing where it is not short and plain.
fn extension(filename: &str) -> String {
    match filename.rsplit_once('.') {
        Some((stem, ext))
            if !stem.is_empty()
                && (1..=MAX_EXTENSION).contains(&ext.len())
                && ext.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            format!(".{}", ext.to_ascii_lowercase())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(text: &str, caller: &Caller, filename: &str) -> Result<String, Unfillable> {
        let now = DateTime::from_timestamp(1_769_817_600, 0).unwrap();
        let unsafe_id = UnsafeId::Refuse;
        let filling =
            Filling { caller, unsafe_id, now, uuid: "u-1", unverified_filename: filename, bucket: "b", dir: "d/" };
        Template::parse(text, Place::Key).unwrap().fill(&filling)
    }

    fn known(id: &str) -> Caller {
        Caller::known(id, json!({ "tenant": "t1", "level": 3, "odd": "a/b" }).as_object().unwrap().clone())
    }

    #[test]
    fn every_slot_is_filled() {
        let filled =
            fill("${caller.id}/${caller.claims.tenant}/${date}/${uuid}${ext}-${filename}", &known("u42"), "A b.PNG");
        assert_eq!(filled.unwrap(), "u42/t1/2026-01-31/u-1.png-A b.PNG");
    }

    #[test]
    fn an_identity_that_could_leave_its_place_is_refused() {
        for id in
            ["", "*", "?", ".", "..", "../x", "a/b", "a%2Fb", "${filename}", "ａ", "a\0", "a\r\n", &"x".repeat(129)]
        {
            assert_eq!(fill("${caller.id}", &known(id), ""), Err(Unfillable::UnsafeIdentity("id".into())), "{id:?}");
        }
        assert_eq!(fill("${caller.id}", &known(&"x".repeat(128)), "").unwrap().len(), 128);
    }

    #[test]
    fn an_odd_id_may_be_hashed_and_nobody_is_named_like_a_hash() {
        let template = Template::parse("${caller.id}/", Place::Directory).unwrap();
        let dir = |id: &str| {
            let caller = known(id);
            let now = DateTime::UNIX_EPOCH;
            let unsafe_id = UnsafeId::Hash;
            let filling =
                Filling { caller: &caller, unsafe_id, now, uuid: "", unverified_filename: "", bucket: "", dir: "" };
            template.fill(&filling)
        };
        assert_eq!(dir("u42").unwrap(), "u42/");
        // printf %s 'auth0|42' | sha256sum
        assert_eq!(dir("auth0|42").unwrap(), "141ba0724f1ecd25c94cb22fc05a2013/");
        for id in ["*", "..", "a/b", "ａ", "a\0", &"x".repeat(129)] {
            let hashed = dir(id).unwrap();
            assert!(
                hashed.len() == 33 && hashed.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'/'),
                "{hashed}"
            );
            let taken = dir(hashed.trim_end_matches('/')).unwrap();
            assert_ne!(taken, hashed, "{id}");
        }
        assert_eq!(dir(""), Err(Unfillable::UnsafeIdentity("id".into())));
    }

    #[test]
    fn a_claim_must_be_a_text_that_fits() {
        assert_eq!(fill("${caller.claims.level}", &known("a"), ""), Err(Unfillable::NoClaim("level".into())));
        assert_eq!(fill("${caller.claims.none}", &known("a"), ""), Err(Unfillable::NoClaim("none".into())));
        assert_eq!(fill("${caller.claims.odd}", &known("a"), ""), Err(Unfillable::UnsafeIdentity("odd".into())));
        assert_eq!(fill("${caller.claims.tenant}", &Caller::anonymous(), ""), Err(Unfillable::Anonymous));
    }

    #[test]
    fn an_odd_extension_is_left_out_and_an_odd_name_refused() {
        for (name, ext) in
            [("a.tar.gz", ".gz"), ("a", ""), (".bashrc", ""), ("a.", ""), ("a.p/g", ""), ("a.JPEG", ".jpeg")]
        {
            assert_eq!(fill("${ext}", &known("a"), name).unwrap(), ext, "{name}");
        }
        for name in ["", "a/b", "a\\b", "..", "a*", "a?", "a\n", &"x".repeat(256)] {
            assert_eq!(fill("${filename}", &known("a"), name), Err(Unfillable::UnsafeFilename), "{name:?}");
        }
    }

    #[test]
    fn a_slot_that_does_not_belong_is_refused_at_start() {
        for (text, place) in [
            ("${callerid}", Place::Directory),
            ("${uuid}/", Place::Directory),
            ("${caller.claims.}", Place::Key),
            ("${dir}", Place::SessionName),
        ] {
            assert!(matches!(Template::parse(text, place), Err(InvalidTemplate::UnknownSlot { .. })), "{text}");
        }
        assert_eq!(Template::parse("a${b", Place::Key), Err(InvalidTemplate::Unclosed));
    }
}
