//! A signed URL as an answer.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::App;
use super::answer::{Granted, time};
use crate::keys::SessionKey;
use crate::policy::{Grant, SignatureVersion, UrlPermit};
use crate::signing::Request;
use crate::signing::presign::{self, Presign};

/// The answer for one URL.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UrlAnswer {
    method: &'static str,
    pub(super) url: String,
    headers: Map<String, Value>,
    key: String,
    pub(super) expiration: String,
    server_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    clamped_by: Option<&'static str>,
}

pub(super) fn of(app: &App, grant: &Grant, permit: UrlPermit, key: &Arc<SessionKey>, granted: Granted) -> UrlAnswer {
    UrlAnswer {
        method: permit.method,
        url: signed(app, grant, &permit, key, granted),
        headers: permit.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(),
        key: permit.key.into_string(),
        expiration: time(granted.expiration),
        server_time: time(granted.at),
        clamped_by: granted.clamped_by,
    }
}

/// The URL. A signed size makes OSS refuse every other `Content-Length`.
fn signed(app: &App, grant: &Grant, permit: &UrlPermit, key: &Arc<SessionKey>, granted: Granted) -> String {
    let length = permit.content_length.map(|length| length.to_string());
    let query: Vec<_> = permit.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut headers: Vec<_> = permit.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.extend(length.as_deref().map(|length| ("content-length", length)));
    let request = Request {
        method: permit.method,
        bucket: Some(&grant.bucket),
        key: Some(permit.key.as_str()),
        query: &query,
        headers: &headers,
        additional_headers: if length.is_some() { &["content-length"] } else { &[] },
    };
    let presign = Presign { request, base: &grant.address.base, expires_in: granted.seconds };
    match permit.signature {
        SignatureVersion::V4 => presign::v4(&presign, &app.grants.get(&grant.name).expect("known").signer.of(key, &grant.region, granted.at), granted.at),
        SignatureVersion::V1 => presign::v1(&presign, &key.access_key, granted.at),
    }
}
