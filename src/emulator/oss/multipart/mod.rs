//! Multipart uploads: begin, put parts, list, complete, abort.

mod complete;
mod list;

use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::TryStreamExt as _;
use uuid::Uuid;

use super::super::error::OssError;
use super::super::store::{Bucket, Part, Upload};
use super::super::wire::encode;
use super::answer::{document, empty, quoted, set, xml_time};
use super::call::Call;
use super::put::Overwrite;
use super::{attributes, body, copy_source};

pub(super) use self::complete::complete;
pub(super) use self::list::{parts, uploads};

/// Highest number of a part.
const MOST_PARTS: u16 = 10_000;

/// `POST /key?uploads`.
pub(super) fn initiate(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let encodes = call.head.encodes()?;
    let attributes = attributes::of_headers(call.head)?;
    attributes::allow(call, &bucket, call.key(), &attributes)?;
    Overwrite::of(call.head)?.check(bucket.object(call.key()).as_deref())?;
    let id = const_hex::encode_upper(Uuid::new_v4().as_bytes());
    let upload = bucket.begin(id, call.key(), attributes, call.now)?;
    Ok(document("InitiateMultipartUploadResult", |xml| {
        if encodes {
            xml.text("EncodingType", "url");
        }
        xml.text("Bucket", &bucket.name);
        xml.text("Key", shown(call.key(), encodes));
        xml.text("UploadId", &upload.id);
    }))
}

/// `PUT /key?partNumber=N&uploadId=U`.
pub(super) async fn put_part(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let (_, upload) = upload(call, "oss:PutObject")?;
    let number = number(call)?;
    let written = body::store(call, body).await?;
    let part = Part { written, modified: call.now };
    let mut response = empty(StatusCode::OK);
    set(response.headers_mut(), "etag", &quoted(&part.etag()));
    set(response.headers_mut(), "x-oss-hash-crc64ecma", &part.written.crc64.to_string());
    upload.put(number, part);
    Ok(response)
}

/// `PUT /key?partNumber=N&uploadId=U` with `x-oss-copy-source`.
pub(super) async fn copy_part(call: &Call<'_>) -> Result<Response, OssError> {
    let (_, upload) = upload(call, "oss:PutObject")?;
    let number = number(call)?;
    let source = copy_source::read(call)?;
    copy_source::no_link(&source)?;
    let range = copy_source::range(call, source.content.size())?;
    let mut writer = call.state.store.writer().await?;
    let mut bytes = pin!(source.content.read(range));
    while let Some(chunk) = bytes.try_next().await? {
        writer.write(&chunk).await?;
    }
    let part = Part { written: writer.finish().await?, modified: call.now };
    let mut response = document("CopyPartResult", |xml| {
        xml.text("LastModified", xml_time(part.modified));
        xml.text("ETag", quoted(&part.etag()));
    });
    // oss2's documented way takes it from here to complete the upload.
    set(response.headers_mut(), "etag", &quoted(&part.etag()));
    set(response.headers_mut(), "x-oss-hash-crc64ecma", &part.written.crc64.to_string());
    upload.put(number, part);
    Ok(response)
}

fn number(call: &Call<'_>) -> Result<u16, OssError> {
    if call.head.parameter("partNumber")?.is_none_or(str::is_empty) {
        return Err(OssError::invalid_argument("partNumber", "", "Part number must be given."));
    }
    call.head.number("partNumber", 1, 1, MOST_PARTS)
}

/// `DELETE /key?uploadId=U`.
pub(super) fn abort(call: &Call<'_>) -> Result<Response, OssError> {
    let (bucket, upload) = upload(call, "oss:AbortMultipartUpload")?;
    bucket.end(&upload).ok_or_else(|| OssError::no_such_upload(&upload.id))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The upload addressed, once it is known that the sender may do `action` with its object.
fn upload(call: &Call<'_>, action: &str) -> Result<(Arc<Bucket>, Arc<Upload>), OssError> {
    let bucket = call.bucket()?;
    call.allow_object(action, &bucket, call.key())?;
    let id = call.head.parameter("uploadId")?.unwrap_or_default();
    let upload = bucket.upload(call.key(), id).ok_or_else(|| OssError::no_such_upload(id))?;
    Ok((bucket, upload))
}

fn shown(name: &str, encodes: bool) -> String {
    if encodes { encode(name) } else { name.to_owned() }
}
