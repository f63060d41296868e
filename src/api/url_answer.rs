//! A signed URL as an answer.

use std::mem;
use std::sync::Arc;

use super::answer::{Granted, Object};
use super::offers::Offer;
use crate::keys::SessionKey;
use crate::policy::{SignatureVersion, UrlPermit};
use crate::signing::Request;
use crate::signing::moment::Extended;
use crate::signing::presign::{self, Presign};

/// The answer for one URL.
pub(super) struct UrlAnswer {
    method: &'static str,
    pub(super) url: String,
    headers: Vec<(&'static str, String)>,
    key: String,
    pub(super) expiration: Extended,
    granted: Granted,
}

impl UrlAnswer {
    /// The answer as JSON.
    pub(super) fn json(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let object = Object::with_capacity(self.url.len() + self.key.len() + 384)
            .text("method", self.method)
            .text("url", &self.url)
            .value("headers", |out| Object::push_texts(out, headers))
            .text("key", &self.key)
            .text("expiration", self.expiration.as_str())
            .time("serverTime", self.granted.at);
        self.granted.clamped_by.into_iter().fold(object, |object, reason| object.text("clampedBy", reason)).end()
    }
}

/// The answer, into which the headers of `permit` go.
pub(super) fn of(offer: &Offer, permit: &mut UrlPermit, key: &Arc<SessionKey>, granted: Granted) -> UrlAnswer {
    UrlAnswer {
        method: permit.method,
        url: signed(offer, permit, key, granted),
        headers: mem::take(&mut permit.headers),
        key: permit.key.as_str().to_owned(),
        expiration: Extended::of(granted.expiration),
        granted,
    }
}

/// The URL. A signed size makes OSS refuse every other `Content-Length`.
fn signed(offer: &Offer, permit: &UrlPermit, key: &Arc<SessionKey>, granted: Granted) -> String {
    let grant = &offer.grant;
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
        SignatureVersion::V4 => presign::v4(&presign, &offer.signer.of(key, &grant.region, granted.at), granted.at),
        SignatureVersion::V1 => presign::v1(&presign, &key.access_key, granted.at),
    }
}
