//! What the slots are filled with, and what does not fit.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::slot::Slot;
use crate::caller::Caller;

/// The longest identity that fits a slot, in characters.
pub const MAX_IDENTITY: usize = 128;
/// The hexadecimal digits of a hashed id: 128 bits, so that nobody finds two ids with one hash.
const HASHED_ID: usize = 32;
/// The longest file name that fits a slot, in bytes: the limit of the common file systems.
pub(super) const MAX_FILENAME: usize = 255;
/// The longest extension that is kept, without its dot.
pub(super) const MAX_EXTENSION: usize = 16;

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
    #[error("the file's name has a slash, a backslash or a control character, or is not 1 to 255 bytes long")]
    UnsafeFilename,
}

/// Appends what stands for `slot` in this request.
pub(super) fn push_slot(text: &mut String, slot: &Slot, filling: &Filling<'_>) -> Result<(), Unfillable> {
    match slot {
        Slot::CallerId => text.push_str(&id(filling)?),
        Slot::CallerClaim(name) => text.push_str(claim(filling.caller, name)?),
        Slot::Date => write!(text, "{}", filling.now.date_naive()).expect("a String takes what is written"),
        Slot::Uuid => text.push_str(filling.uuid),
        Slot::Filename => text.push_str(filename(filling.unverified_filename)?),
        Slot::Ext => push_extension(text, filling.unverified_filename),
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
    let wrong = |c: char| c.is_control() || matches!(c, '/' | '\\');
    let safe = (1..=MAX_FILENAME).contains(&text.len()) && !text.contains(wrong) && text != "." && text != "..";
    if safe { Ok(text) } else { Err(Unfillable::UnsafeFilename) }
}

/// Appends the extension with its dot and in lower case, or nothing where it is not short and plain.
fn push_extension(text: &mut String, filename: &str) {
    let Some((stem, ext)) = filename.rsplit_once('.') else { return };
    let plain = (1..=MAX_EXTENSION).contains(&ext.len()) && ext.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !stem.is_empty() && plain {
        text.push('.');
        let begin = text.len();
        text.push_str(ext);
        text[begin..].make_ascii_lowercase();
    }
}
