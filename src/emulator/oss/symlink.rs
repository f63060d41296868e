//! Symbolic links: a key that stands for another.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use md5::{Digest as _, Md5};

use super::super::error::OssError;
use super::super::store::{Attributes, Bucket, Content, Facts, Kind, Object};
use super::super::wire::{decode, encode};
use super::address::check_key;
use super::answer::{empty, set, set_stamp, set_written};
use super::attributes;
use super::call::Call;
use super::put::{Overwrite, keep};

/// `PUT /key?symlink` with `x-oss-symlink-target`, encoded.
pub(super) fn put(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let mut attributes = attributes::of_headers(call.head)?;
    attributes::allow(call, &bucket, call.key(), &attributes)?;
    let target = target(call)?;
    let facts = Facts {
        etag: const_hex::encode_upper(Md5::digest(&target)),
        content_md5: None,
        crc64: 0,
        kind: Kind::Symlink,
        modified: call.now,
        version: None,
        restored: None,
    };
    attributes.target = Some(target);
    let object = Object { content: Content::default(), attributes, facts };
    let object = keep(&bucket, call.key(), object, Overwrite::of(call.head)?)?;
    let mut response = empty(StatusCode::OK);
    set_written(response.headers_mut(), &object);
    Ok(response)
}

/// `GET /key?symlink`.
pub(super) fn read(call: &Call<'_>) -> Result<Response, OssError> {
    let (bucket, object) = call.object("oss:GetObject")?;
    let Some(target) = &object.attributes.target else {
        return Err(OssError::bad_request("NotSymlink", "The object is not symlink."));
    };
    let mut response = empty(StatusCode::OK);
    set_stamp(response.headers_mut(), &bucket, &object);
    set(response.headers_mut(), "x-oss-symlink-target", &encode(target));
    Ok(response)
}

/// What a read of an object reads: of a link its target, which the sender must be allowed to read too. Bytes, tag, digests
/// and storage class are then the target's, the time is the later of both, and all else is the link's.
///
/// <https://www.alibabacloud.com/help/en/oss/developer-reference/headobject>
pub(super) fn resolve(call: &Call<'_>, bucket: &Bucket, object: &Arc<Object>) -> Result<Arc<Object>, OssError> {
    let Some(key) = &object.attributes.target else {
        return Ok(Arc::clone(object));
    };
    call.allow_object("oss:GetObject", bucket, key)?;
    let target = bucket.object(key).ok_or_else(|| {
        let message = "The symlink target object does not exist";
        OssError::not_found("SymlinkTargetNotExist", message).with("Key", key.as_str())
    })?;
    if target.facts.kind == Kind::Symlink {
        return Err(OssError::bad_request("InvalidTargetType", "The target of a symlink must not be a symlink."));
    }
    Ok(Arc::new(through(object, &target)))
}

fn through(link: &Object, target: &Object) -> Object {
    let facts = Facts {
        kind: Kind::Symlink,
        modified: link.facts.modified.max(target.facts.modified),
        version: link.facts.version.clone(),
        ..target.facts.clone()
    };
    let storage_class = target.attributes.storage_class.clone();
    let attributes = Attributes { storage_class, ..link.attributes.clone() };
    Object { content: target.content.clone(), attributes, facts }
}

fn target(call: &Call<'_>) -> Result<String, OssError> {
    let text = call.head.header("x-oss-symlink-target")?.unwrap_or_default();
    let target = decode(&text).filter(|target| check_key(target).is_ok());
    target.ok_or_else(|| OssError::invalid_argument("x-oss-symlink-target", &text, "Invalid symlink target."))
}
