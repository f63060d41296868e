//! The shapes that answers have.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::account::Identity;
use super::super::error::OssError;
use super::super::store::{Bucket, NULL, Object, Versioning};
use super::super::wire::to_http_date;
use super::super::xml::{Refusal, Xml};

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer of 200 that is a document.
pub(super) fn document(root: &str, fill: impl FnOnce(&mut Xml)) -> Response {
    xml(StatusCode::OK, Xml::document(root, fill))
}

/// An answer that is a document.
pub(super) fn xml(status: StatusCode, document: String) -> Response {
    let mut response = Response::new(Body::from(document));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// A refusal. Of one that answers HEAD, the document is in a header.
pub(super) fn refusal(method: &Method, status: StatusCode, refusal: &Refusal<'_>) -> Response {
    let document = refusal.document();
    let mut response = match *method {
        Method::HEAD => {
            let mut response = empty(status);
            set(response.headers_mut(), "x-oss-err", &STANDARD.encode(&document));
            response
        }
        _ => xml(status, document),
    };
    if let Some(ec) = refusal.ec {
        set(response.headers_mut(), "x-oss-ec", ec);
    }
    response
}

/// Sets a header; a value that can be none is left out.
pub(super) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Sets what an answer says of an object that was just written.
pub(super) fn set_written(headers: &mut HeaderMap, object: &Object) {
    set(headers, "etag", &quoted(&object.facts.etag));
    set(headers, "x-oss-hash-crc64ecma", &object.facts.crc64.to_string());
    if let Some(content_md5) = &object.facts.content_md5 {
        set(headers, "content-md5", content_md5);
    }
    if let Some(version) = &object.facts.version {
        set(headers, "x-oss-version-id", version);
    }
}

/// Sets what tells one state of an object from another. Where versions are kept, the one from before is called `null`.
pub(super) fn set_stamp(headers: &mut HeaderMap, bucket: &Bucket, object: &Object) {
    set(headers, "etag", &quoted(&object.facts.etag));
    set(headers, "last-modified", &to_http_date(object.facts.modified));
    if bucket.settings().versioning != Versioning::Off {
        set(headers, "x-oss-version-id", object.facts.version.as_deref().unwrap_or(NULL));
    }
}

/// An `ETag` as headers and documents have it.
pub(super) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// `2012-02-23T07:01:34.000Z`.
pub(super) fn xml_time(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// 24 upper-case hex digits that are not used again.
pub(super) fn request_id() -> String {
    const_hex::encode_upper(&Uuid::new_v4().as_bytes()[..12])
}

/// Adds `<Owner>`: the account that the buckets belong to.
pub(super) fn owner(xml: &mut Xml, account: &str) {
    xml.element("Owner", |xml| {
        xml.text("ID", account);
        xml.text("DisplayName", account);
    });
}

/// Refuses a caller without a name, where OSS wants one whatever the ACL says.
pub(super) fn named(identity: &Identity) -> Result<(), OssError> {
    match identity {
        Identity::Anonymous => {
            let message = "Anonymous access is forbidden for this operation.";
            Err(OssError::access_denied(message).ec("0003-00000905"))
        }
        _ => Ok(()),
    }
}
