//! Removing objects, one or many at once.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::error::OssError;
use super::super::wire::encode;
use super::super::xml;
use super::address::check_key;
use super::answer::{document, empty};
use super::body;
use super::call::Call;

/// Keys in one request at most.
const MOST: usize = 1000;

/// `DELETE /key`; a key that is not there is as good as removed.
pub(super) fn one(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_object("oss:DeleteObject", &bucket, call.key())?;
    bucket.remove(call.key())?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    #[serde(default)]
    quiet: bool,
    #[serde(default)]
    object: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    key: String,
}

/// `POST /?delete`. Nothing is removed unless the sender may remove all of it.
pub(super) async fn many(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let encodes = call.head.encodes()?;
    let Delete { quiet, object } = xml::read(&body::document(call.head, body).await?, "Delete")?;
    if object.is_empty() || object.len() > MOST {
        return Err(OssError::malformed_xml());
    }
    for Named { key } in &object {
        check_key(key)?;
        call.allow_object("oss:DeleteObject", &bucket, key)?;
    }
    for Named { key } in &object {
        bucket.remove(key)?;
    }
    Ok(document("DeleteResult", |xml| {
        if encodes {
            xml.text("EncodingType", "url");
        }
        let named = object.iter().filter(|_| !quiet);
        named.for_each(|Named { key }| {
            xml.element("Deleted", |xml| xml.text("Key", if encodes { encode(key) } else { key.clone() }));
        });
    }))
}
