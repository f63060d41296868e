//! Writing objects: put, copy, append.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::super::error::OssError;
use super::super::store::{Attributes, Bucket, Facts, Kind, Object, Written, combine};
use super::answer::{document, empty, quoted, set, set_written, xml_time};
use super::call::Call;
use super::head::Head;
use super::{attributes, body, callback, copy_source};

/// `PUT /key`.
pub(super) async fn put(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let attributes = attributes::of_headers(call.head)?;
    attributes::allow(call, &bucket, call.key(), &attributes)?;
    let order = callback::of_head(call)?;
    let overwrite = Overwrite::of(call.head)?;
    overwrite.check(bucket.object(call.key()).as_deref())?;
    let written = body::store(call, body).await?;
    let object = keep(&bucket, call.key(), whole(call, written, attributes), overwrite)?;
    let mut response = empty(StatusCode::OK);
    set_written(response.headers_mut(), &object);
    Ok(callback::answer(call, order, &object, response).await)
}

/// `PUT /key` with `x-oss-copy-source`.
pub(super) fn copy(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let given = attributes::of_headers(call.head)?;
    attributes::allow(call, &bucket, call.key(), &given)?;
    let overwrite = Overwrite::of(call.head)?;
    let source = copy_source::read(call)?;
    let attributes = copied(call.head, &source.attributes, given)?;
    let kind = if source.facts.kind == Kind::Appendable { Kind::Normal } else { source.facts.kind };
    let facts = Facts { modified: call.now, kind, restored: None, ..source.facts };
    let object = Object { content: source.content, attributes, facts };
    let object = keep(&bucket, call.key(), object, overwrite)?;
    let mut response = document("CopyObjectResult", |xml| {
        xml.text("ETag", quoted(&object.facts.etag));
        xml.text("LastModified", xml_time(object.facts.modified));
    });
    // oss2 reads the header, ali-oss the document.
    set(response.headers_mut(), "etag", &quoted(&object.facts.etag));
    set(response.headers_mut(), "x-oss-hash-crc64ecma", &object.facts.crc64.to_string());
    if let Some(version) = &object.facts.version {
        set(response.headers_mut(), "x-oss-version-id", version);
    }
    Ok(response)
}

/// `POST /key?append&position=N`.
pub(super) async fn append(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let attributes = attributes::of_headers(call.head)?;
    attributes::allow(call, &bucket, call.key(), &attributes)?;
    let text = call.head.parameter("position")?.unwrap_or_default();
    let position =
        text.parse::<u64>().map_err(|_| OssError::invalid_argument("position", text, "Invalid position."))?;
    check_position(bucket.object(call.key()).as_deref(), position)?;
    let written = body::store(call, body).await?;
    let object = bucket.amend(call.key(), None, |old| {
        check_position(old, position)?;
        Ok::<_, OssError>(old.map_or_else(|| first(call, &written, attributes), |old| longer(call, old, &written)))
    })?;
    let mut response = empty(StatusCode::OK);
    set_written(response.headers_mut(), &object);
    set(response.headers_mut(), "x-oss-next-append-position", &object.content.size().to_string());
    Ok(response)
}

/// Whether a write may take the place of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overwrite(bool);

impl Overwrite {
    /// As `x-oss-forbid-overwrite` says.
    pub(super) fn of(head: &Head) -> Result<Self, OssError> {
        Self::from_text(head.header("x-oss-forbid-overwrite")?.as_deref())
    }

    /// As the text of `x-oss-forbid-overwrite` says.
    pub(super) fn from_text(forbid: Option<&str>) -> Result<Self, OssError> {
        match forbid.map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "false") => Ok(Self(true)),
            Some("true") => Ok(Self(false)),
            Some(other) => {
                Err(OssError::invalid_argument("x-oss-forbid-overwrite", other, "It must be true or false."))
            }
        }
    }

    /// Refuses when there is an object that must stay.
    pub(super) fn check(self, old: Option<&Object>) -> Result<(), OssError> {
        if self.0 || old.is_none() { Ok(()) } else { Err(OssError::file_already_exists()) }
    }
}

/// Puts an object in its place.
pub(super) fn keep(
    bucket: &Bucket,
    key: &str,
    object: Object,
    overwrite: Overwrite,
) -> Result<std::sync::Arc<Object>, OssError> {
    bucket.put(key, |old| overwrite.check(old).map(|()| object))
}

/// The object that came at once.
pub(super) fn whole(call: &Call<'_>, written: Written, attributes: Attributes) -> Object {
    let facts = Facts {
        etag: const_hex::encode_upper(written.md5),
        content_md5: Some(STANDARD.encode(written.md5)),
        crc64: written.crc64,
        kind: Kind::Normal,
        modified: call.now,
        version: None,
        restored: None,
    };
    Object { content: written.content, attributes, facts }
}

fn first(call: &Call<'_>, written: &Written, attributes: Attributes) -> Object {
    let mut object = whole(call, written.clone(), attributes);
    object.facts.kind = Kind::Appendable;
    object.facts.content_md5 = None;
    object
}

fn longer(call: &Call<'_>, old: &Object, written: &Written) -> Object {
    let mut object = old.clone();
    object.content.push(&written.content);
    object.facts.crc64 = combine(old.facts.crc64, written.crc64, written.content.size());
    // OSS does not say how it makes this one; it only changes with each write.
    object.facts.etag = const_hex::encode_upper(Md5::digest([old.facts.etag.as_bytes(), &written.md5].concat()));
    object.facts.modified = call.now;
    object
}

fn check_position(old: Option<&Object>, position: u64) -> Result<(), OssError> {
    if old.is_some_and(|old| old.facts.kind != Kind::Appendable) {
        return Err(OssError::conflict("ObjectNotAppendable", "The object is not appendable."));
    }
    let length = old.map_or(0, |old| old.content.size());
    if length == position {
        Ok(())
    } else {
        let (error, length) = (
            OssError::conflict("PositionNotEqualToLength", "Position is not equal to file length."),
            length.to_string(),
        );
        // oss2 reads the header.
        Err(error.with("Position", length.clone()).header("x-oss-next-append-position", length))
    }
}

fn copied(head: &Head, source: &Attributes, given: Attributes) -> Result<Attributes, OssError> {
    let headers = match head.header("x-oss-metadata-directive")?.as_deref() {
        None | Some("COPY") => source.headers.clone(),
        Some("REPLACE") => given.headers,
        Some(other) => {
            return Err(OssError::invalid_argument("x-oss-metadata-directive", other, "It must be COPY or REPLACE."));
        }
    };
    let tags = match head.header("x-oss-tagging-directive")?.as_deref() {
        None | Some("Copy") => source.tags.clone(),
        Some("Replace") => given.tags,
        Some(other) => {
            return Err(OssError::invalid_argument("x-oss-tagging-directive", other, "It must be Copy or Replace."));
        }
    };
    Ok(Attributes { headers, tags, storage_class: given.storage_class, acl: given.acl, target: source.target.clone() })
}
