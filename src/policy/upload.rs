//! What forms and URLs have in common: the object's name, type and size, the life of the signature and its scheme.

use std::borrow::Cow;

use super::denied::Denied;
use super::form::FormKey;
use super::grant::{Grant, MAX_EXPIRES, is_content_type};
use super::named_by::NamedBy;
use super::object_key::ObjectKey;
use super::template::Filling;

/// How a caller wants an object to be named; at most one of the two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Naming<'a> {
    /// The whole key.
    pub key: Option<&'a str>,
    /// The file's name, from which the grant makes the key.
    pub filename: Option<&'a str>,
}

impl<'a> Naming<'a> {
    /// What there is of a name, for its extension.
    pub(super) fn name(&self) -> &'a str {
        self.key.or(self.filename).unwrap_or_default()
    }
}

/// The scheme of a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureVersion {
    /// HMAC-SHA1, closed to new accounts and buckets since 2025.
    V1,
    /// OSS4-HMAC-SHA256.
    V4,
}

/// How long a signature is good, before the session's end is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Life {
    /// In seconds.
    pub seconds: u32,
    /// Whether the grant allows less than was asked for.
    pub clamped: bool,
}

/// Refuses a name of the caller's, or none at all, where the server names objects.
pub(super) fn allow_naming(grant: &Grant, naming: &Naming<'_>) -> Result<(), Denied> {
    match (grant.keys, naming.key, naming.filename) {
        (NamedBy::Server, Some(_), _) => Err(Denied::KeyNamed),
        (NamedBy::Server, None, None) => Err(Denied::Missing {
            name: "filename",
            why: "the server names the objects of this grant, so a form is for one object and never for a directory",
        }),
        _ => Ok(()),
    }
}

/// The key asked for, or made by the grant below `dir`; `dir` where the caller said nothing of a name.
pub(super) fn key(
    grant: &Grant,
    filling: &Filling<'_>,
    dir: String,
    naming: &Naming<'_>,
    uuid: &str,
) -> Result<FormKey, Denied> {
    match (naming.key, naming.filename) {
        (Some(_), Some(_)) => Err(Denied::parameter("filename", "and \"key\" exclude each other: send one of the two")),
        (Some(key), None) => key_in(dir, key).map(FormKey::Exact),
        (None, Some(filename)) => made(grant, filling, dir, filename, uuid).map(FormKey::Exact),
        (None, None) => Ok(FormKey::Below(dir)),
    }
}

/// The key that the grant makes below `dir` for a file of this name.
pub(super) fn made(
    grant: &Grant,
    filling: &Filling<'_>,
    dir: String,
    filename: &str,
    uuid: &str,
) -> Result<ObjectKey, Denied> {
    let mut key = dir;
    grant.key.push(&mut key, &Filling { uuid, unverified_filename: filename, ..*filling })?;
    Ok(ObjectKey::parse(key)?)
}

fn key_in(dir: String, unverified: &str) -> Result<ObjectKey, Denied> {
    let key = ObjectKey::parse(unverified)?;
    if key.as_str().starts_with(&dir) { Ok(key) } else { Err(Denied::OutsideDirectory { dir }) }
}

/// The type asked for; else what the name's extension says; else the grant's own.
pub(super) fn content_type<'a>(grant: &'a Grant, asked: Option<&'a str>, name: &str) -> Result<Cow<'a, str>, Denied> {
    let allowed = |wanted: &str| grant.content_types.iter().any(|allowed| allowed == wanted);
    if let Some(asked) = asked
        && !allowed(asked)
        && !is_content_type(asked)
    {
        return Err(Denied::parameter("contentType", "is not of the form image/png"));
    }
    let own = || grant.default_content_type.as_deref().map(Cow::Borrowed);
    let chosen = asked.map(Cow::Borrowed).or_else(|| guessed(name)).or_else(own);
    let chosen = match (chosen, grant.content_types.as_slice()) {
        (Some(chosen), _) => chosen,
        (None, []) => "application/octet-stream".into(),
        (None, [only]) => only.into(),
        (None, _) => return Err(Denied::Missing { name: "contentType", why: "this grant allows certain types only" }),
    };
    if grant.content_types.is_empty() || allowed(&chosen) {
        Ok(chosen)
    } else {
        Err(Denied::ContentType { asked: chosen.into_owned(), allowed: grant.content_types.clone() })
    }
}

/// The type of such files, in lower case.
fn guessed(name: &str) -> Option<Cow<'static, str>> {
    let known = mime_guess::from_path(name).first_raw()?;
    let lower = !known.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if lower { known.into() } else { known.to_ascii_lowercase().into() })
}

pub(super) fn size(grant: &Grant, asked: u64) -> Result<(), Denied> {
    if grant.sizes.contains(&asked) {
        Ok(())
    } else {
        Err(Denied::Size { asked, min: *grant.sizes.start(), max: *grant.sizes.end() })
    }
}

pub(super) fn life(grant: &Grant, asked: Option<u32>) -> Result<Life, Denied> {
    let seconds = asked.unwrap_or(grant.expires);
    if !(1..=MAX_EXPIRES).contains(&seconds) {
        return Err(Denied::parameter("expires", "is 1 to 604,800 seconds"));
    }
    Ok(Life { seconds: seconds.min(grant.max_expires), clamped: seconds > grant.max_expires })
}

pub(super) fn signature(grant: &Grant, asked: Option<SignatureVersion>) -> Result<SignatureVersion, Denied> {
    match asked.unwrap_or(SignatureVersion::V4) {
        SignatureVersion::V1 if !grant.signature_v1 => Err(Denied::SignatureVersion),
        version => Ok(version),
    }
}
