//! Archived objects: they cannot be read until they are restored, which the emulator does at once.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::super::error::OssError;
use super::super::store::Object;
use super::super::xml;
use super::answer::{empty, set};
use super::body;
use super::call::Call;

const ARCHIVED: [&str; 3] = ["Archive", "ColdArchive", "DeepColdArchive"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestoreRequest {
    days: u16,
}

/// `POST /key?restore`: 202 for the first time, 200 while the copy is there.
pub(super) async fn restore(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let (bucket, object) = call.object("oss:RestoreObject")?;
    if !is_archived(&object) {
        let message = "The operation is not supported for this resource";
        return Err(OssError::bad_request("OperationNotSupported", message));
    }
    let sent = body::document(call.head, body).await?;
    let days = if sent.is_empty() { 1 } else { xml::read::<RestoreRequest>(&sent, "RestoreRequest")?.days };
    if !(1..=365).contains(&days) {
        return Err(OssError::malformed_xml());
    }
    let status = if check_readable(&object, call.now).is_ok() { StatusCode::OK } else { StatusCode::ACCEPTED };
    bucket.amend(call.key(), call.version_id()?, |old| {
        let mut object = Object::clone(old.ok_or_else(|| OssError::no_such_key(call.key()))?);
        object.facts.restored = Some(call.now + TimeDelta::days(days.into()));
        Ok::<_, OssError>(object)
    })?;
    let mut response = empty(status);
    set(response.headers_mut(), "x-oss-object-restore-priority", "Standard");
    Ok(response)
}

/// Refuses to read an object that is archived and not restored.
pub(super) fn check_readable(object: &Object, now: DateTime<Utc>) -> Result<(), OssError> {
    if !is_archived(object) || object.facts.restored.is_some_and(|until| now < until) {
        Ok(())
    } else {
        Err(OssError::forbidden("InvalidObjectState", "The operation is not valid for the object's state"))
    }
}

fn is_archived(object: &Object) -> bool {
    ARCHIVED.contains(&object.attributes.storage_class.as_str())
}
