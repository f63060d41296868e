//! Removing objects, one or many at once.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::error::OssError;
use super::super::store::Removed;
use super::super::wire::encode;
use super::super::xml::{self, Xml};
use super::address::check_key;
use super::answer::{document, empty, set};
use super::body;
use super::call::{Call, versioned};

/// Keys in one request at most.
const MOST: usize = 1000;

/// `DELETE /key`; a key that is not there is as good as removed.
pub(super) fn one(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let version = call.version_id()?;
    call.allow_object(versioned("oss:DeleteObject", version), &bucket, call.key())?;
    let removed = bucket.remove(call.key(), version, call.now)?;
    let mut response = empty(StatusCode::NO_CONTENT);
    if let Some(version) = &removed.version {
        set(response.headers_mut(), "x-oss-version-id", version);
    }
    if removed.marker {
        set(response.headers_mut(), "x-oss-delete-marker", "true");
    }
    Ok(response)
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
    version_id: Option<String>,
}

/// `POST /?delete`. Nothing is removed unless the sender may remove all of it.
pub(super) async fn many(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let encodes = call.head.encodes()?;
    let Delete { quiet, object } = xml::read(&body::document(call.head, body).await?, "Delete")?;
    if object.is_empty() || object.len() > MOST {
        return Err(OssError::malformed_xml());
    }
    for Named { key, version_id } in &object {
        check_key(key)?;
        call.allow_object(versioned("oss:DeleteObject", version_id.as_deref()), &bucket, key)?;
    }
    let removed = object.iter().map(|named| bucket.remove(&named.key, named.version_id.as_deref(), call.now));
    let removed = removed.collect::<Result<Vec<_>, _>>()?;
    Ok(document("DeleteResult", |xml| {
        if encodes {
            xml.text("EncodingType", "url");
        }
        for (named, removed) in object.iter().zip(&removed).filter(|_| !quiet) {
            xml.element("Deleted", |xml| write_removed(xml, named, removed, encodes));
        }
    }))
}

fn write_removed(xml: &mut Xml, named: &Named, removed: &Removed, encodes: bool) {
    xml.text("Key", if encodes { encode(&named.key) } else { named.key.clone() });
    if let Some(version) = &named.version_id {
        xml.text("VersionId", version);
    }
    if let (true, Some(version)) = (removed.marker, &removed.version) {
        xml.text("DeleteMarker", true);
        xml.text("DeleteMarkerVersionId", version);
    }
}
