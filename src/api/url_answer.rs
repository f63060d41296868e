//! A signed URL as an answer.

use std::ops::Range;
use std::sync::Arc;

use super::answer::Granted;
use super::offers::Offer;
use crate::json;
use crate::keys::SessionKey;
use crate::policy::{SignatureVersion, UrlPermit};
use crate::signing::Request;
use crate::signing::moment::Extended;
use crate::signing::presign::{self, Presign};

/// The answer for one URL.
pub(super) struct UrlAnswer {
    /// The answer as JSON.
    pub(super) json: String,
    /// Where in it the URL stands, which needs no escapes.
    url: Range<usize>,
    pub(super) expiration: Extended,
}

impl UrlAnswer {
    /// The URL alone.
    pub(super) fn url(&self) -> &str {
        &self.json[self.url.clone()]
    }
}

/// The answer, written in one go. Only the key and the values of headers can have something to escape.
pub(super) fn of(offer: &Offer, permit: &UrlPermit<'_>, key: &Arc<SessionKey>, granted: Granted) -> UrlAnswer {
    let (expiration, server_time) = (Extended::of(granted.expiration), Extended::of(granted.at));
    let mut out = json::with_room(room(offer, permit, key));
    out.extend([r#"{"method":""#, permit.method, r#"","url":""#]);
    let begin = out.len();
    push_signed(&mut out, offer, permit, key, granted);
    let url = begin..out.len();
    out.push_str(r#"","headers":{"#);
    for (at, (name, value)) in permit.headers.iter().enumerate() {
        out.extend([if at == 0 { "\"" } else { ",\"" }, name, "\":"]);
        json::push_text(&mut out, value);
    }
    out.push_str(r#"},"key":"#);
    json::push_text(&mut out, permit.key.as_str());
    out.extend([r#","expiration":""#, expiration.as_str(), r#"","serverTime":""#, server_time.as_str()]);
    if let Some(reason) = granted.clamped_by {
        out.extend([r#"","clampedBy":""#, reason]);
    }
    out.push_str("\"}");
    UrlAnswer { json: out, url, expiration }
}

/// How many bytes most answers have, with what signing writes behind the URL for a moment: the token is in both.
fn room(offer: &Offer, permit: &UrlPermit<'_>, key: &SessionKey) -> usize {
    const REST: usize = 1_024;
    let token = key.token().expose().len();
    REST + offer.grant.address.base.len() + 3 * permit.key.as_str().len() + 2 * (token + token / 8)
}

/// Appends the URL. A signed size makes OSS refuse every other `Content-Length`.
fn push_signed(out: &mut String, offer: &Offer, permit: &UrlPermit<'_>, key: &Arc<SessionKey>, granted: Granted) {
    let grant = &offer.grant;
    let mut digits = itoa::Buffer::new();
    let length = permit.content_length.map(|length| digits.format(length));
    let query: Vec<_> = permit.query.iter().map(|(name, value)| (*name, &**value)).collect();
    let mut headers = [("", ""); HEADERS];
    let request = Request {
        method: permit.method,
        bucket: Some(&grant.bucket),
        key: Some(permit.key.as_str()),
        query: &query,
        headers: signed_headers(&mut headers, permit, length),
        additional_headers: if length.is_some() { &["content-length"] } else { &[] },
    };
    let presign = Presign { request, base: &grant.address.base, expires_in: granted.seconds };
    match permit.signature {
        SignatureVersion::V4 => {
            presign::push_v4(out, &presign, &offer.signer.of(key, &grant.region, granted.at), granted.at);
        }
        SignatureVersion::V1 => out.push_str(&presign::v1(&presign, &key.access_key, granted.at)),
    }
}

/// The most headers that are signed.
const HEADERS: usize = 6;

/// The headers that are signed, in the order in which they are; `room` is where they stand.
fn signed_headers<'r, 'a>(
    room: &'r mut [(&'static str, &'a str); HEADERS],
    permit: &'a UrlPermit<'_>,
    length: Option<&'a str>,
) -> &'r [(&'static str, &'a str)] {
    let headers = &permit.headers;
    let all: [_; HEADERS] = [
        ("content-length", length),
        ("content-md5", headers.content_md5),
        ("content-type", headers.content_type.as_deref()),
        ("x-oss-forbid-overwrite", headers.forbid_overwrite),
        ("x-oss-object-acl", headers.object_acl),
        ("x-oss-storage-class", headers.storage_class),
    ];
    let mut count = 0;
    for (name, value) in all {
        if let Some(value) = value {
            room[count] = (name, value);
            count += 1;
        }
    }
    &room[..count]
}
