//! The lifecycle rules of a bucket: kept and given back, never acted on.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::error::OssError;
use super::super::xml;
use super::answer::{self, empty};
use super::body;
use super::call::Call;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    #[serde(default)]
    rule: Vec<IgnoredAny>,
}

/// `PUT /?lifecycle`.
pub(super) async fn put(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:PutBucketLifecycle", &bucket)?;
    let sent = body::document(call.head, body).await?;
    let read: Configuration = xml::read(&sent, "LifecycleConfiguration")?;
    if read.rule.is_empty() || read.rule.len() > 1000 {
        return Err(OssError::malformed_xml());
    }
    let kept = String::from_utf8(sent).map_err(|_| OssError::malformed_xml())?;
    bucket.change(|settings| settings.lifecycle = Some(kept))?;
    Ok(empty(StatusCode::OK))
}

/// `GET /?lifecycle`.
pub(super) fn read(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:GetBucketLifecycle", &bucket)?;
    let Some(kept) = bucket.settings().lifecycle else {
        let message = "No Row found in Lifecycle Table.";
        return Err(OssError::not_found("NoSuchLifecycle", message).with("BucketName", &bucket.name));
    };
    Ok(answer::xml(StatusCode::OK, kept))
}

/// `DELETE /?lifecycle`.
pub(super) fn delete(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:DeleteBucketLifecycle", &bucket)?;
    bucket.change(|settings| settings.lifecycle = None)?;
    Ok(empty(StatusCode::NO_CONTENT))
}
