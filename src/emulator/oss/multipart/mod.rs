//! Multipart uploads: begin, put parts, list, complete, abort.

mod complete;
mod list;

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::super::error::OssError;
use super::super::store::{Bucket, Part, Upload};
use super::super::wire::encode;
use super::answer::{document, empty, quoted, set};
use super::call::Call;
use super::put::Overwrite;
use super::{attributes, body};

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
    if call.head.parameter("partNumber")?.is_none_or(str::is_empty) {
        return Err(OssError::invalid_argument("partNumber", "", "Part number must be given."));
    }
    let number = call.head.number("partNumber", 1, 1, MOST_PARTS)?;
    let written = body::store(call, body).await?;
    let part = Part { written, modified: call.now };
    let mut response = empty(StatusCode::OK);
    set(response.headers_mut(), "etag", &quoted(&part.etag()));
    set(response.headers_mut(), "x-oss-hash-crc64ecma", &part.written.crc64.to_string());
    upload.put(number, part);
    Ok(response)
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
