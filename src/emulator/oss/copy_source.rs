//! What a copy takes: `x-oss-copy-source`, its version, its conditions, and its range.

use std::ops::Range;

use super::super::error::OssError;
use super::super::store::{Kind, Object};
use super::super::wire::decode;
use super::address::{check_key, is_bucket_name};
use super::call::{Call, in_version, versioned};
use super::conditions::{Conditions, Verdict};
use super::restore;

/// Longest object that is copied at once.
const LONGEST_COPY: u64 = 5 * 1024 * 1024 * 1024;

/// The object that a copy takes, once the sender may read it and its conditions hold. Of a link, that is the link itself:
/// reading the copy still needs the right to read the target.
pub(super) fn read(call: &Call<'_>) -> Result<Object, OssError> {
    let text = call.head.header("x-oss-copy-source")?.unwrap_or_default();
    let Named { bucket, key, version } = Named::parse(&text).ok_or_else(|| invalid(&text))?;
    let bucket = call.state.store.bucket(&bucket).ok_or_else(|| OssError::no_such_bucket(&bucket))?;
    call.allow_object(versioned("oss:GetObject", version.as_deref()), &bucket, &key)?;
    let object = in_version(&bucket, &key, version.as_deref())?;
    restore::check_readable(&object, call.now)?;
    if object.content.size() > LONGEST_COPY {
        return Err(OssError::entity_too_large());
    }
    match conditions(call)?.judge(&object.facts)? {
        Verdict::Send => Ok(Object::clone(&object)),
        Verdict::NotModified => Err(OssError::precondition_failed("x-oss-copy-source-if-none-match")),
    }
}

/// Refuses a link, of which no part can be made.
pub(super) fn no_link(source: &Object) -> Result<(), OssError> {
    if source.facts.kind != Kind::Symlink {
        return Ok(());
    }
    let message = "The source object of UploadPartCopy must not be a symbolic link.";
    Err(OssError::bad_request("OperationNotSupported", message).ec("0042-00000308"))
}

/// The bytes that a copied part takes of a source of this size.
pub(super) fn range(call: &Call<'_>, size: u64) -> Result<Range<u64>, OssError> {
    let Some(text) = call.head.header("x-oss-copy-source-range")? else {
        return Ok(0..size);
    };
    let wanted = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let bounds = wanted.and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)));
    match bounds {
        Some((first, last)) if first <= last && last < size => Ok(first..last + 1),
        Some(_) => Err(OssError::invalid_range()),
        None => {
            Err(OssError::invalid_argument("x-oss-copy-source-range", &text, "The range must be bytes=first-last."))
        }
    }
}

/// `/bucket/key?versionId=id`, each part encoded.
struct Named {
    bucket: String,
    key: String,
    version: Option<String>,
}

impl Named {
    fn parse(text: &str) -> Option<Self> {
        let (path, version) = match text.split_once("?versionId=") {
            Some((path, version)) => (path, Some(decode(version)?)),
            None => (text, None),
        };
        let path = decode(path.strip_prefix('/').unwrap_or(path))?;
        let (bucket, key) = path.split_once('/')?;
        let named = Self { bucket: bucket.to_owned(), key: key.to_owned(), version };
        (is_bucket_name(bucket) && check_key(key).is_ok()).then_some(named)
    }
}

fn conditions(call: &Call<'_>) -> Result<Conditions, OssError> {
    Ok(Conditions {
        matches: call.head.header("x-oss-copy-source-if-match")?,
        none_match: call.head.header("x-oss-copy-source-if-none-match")?,
        modified_since: call.head.header("x-oss-copy-source-if-modified-since")?,
        unmodified_since: call.head.header("x-oss-copy-source-if-unmodified-since")?,
    })
}

fn invalid(text: &str) -> OssError {
    OssError::invalid_argument("x-oss-copy-source", text, "Invalid copy source object key.")
}
