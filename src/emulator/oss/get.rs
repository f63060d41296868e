//! Reading objects and what is known of them.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::super::error::OssError;
use super::super::store::{Bucket, Kind, Object};
use super::super::wire::{encode, to_http_date};
use super::answer::{empty, set, set_stamp};
use super::call::Call;
use super::conditions::{Conditions, Verdict, range};
use super::head::Head;
use super::{process, restore, symlink};

/// Query parameters that replace a header of the answer.
const OVERRIDES: [(&str, &str); 6] = [
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
    ("response-content-language", "content-language"),
    ("response-content-type", "content-type"),
    ("response-expires", "expires"),
];

/// `GET /key`.
pub(super) async fn get(call: &Call<'_>) -> Result<Response, OssError> {
    let (bucket, named) = call.object("oss:GetObject")?;
    let object = symlink::resolve(call, &bucket, &named)?;
    if conditions(call.head)?.judge(&object.facts)? == Verdict::NotModified {
        return Ok(not_modified(&bucket, &object));
    }
    restore::check_readable(&object, call.now)?;
    let drawn = process::read(call, &bucket, &object).await?;
    let size = object.content.size();
    let wanted = wanted(call.head, size)?;
    let mut response = match &wanted {
        Some(wanted) => partial(wanted, size),
        None => empty(StatusCode::OK),
    };
    let wanted = wanted.unwrap_or(0..size);
    describe(&bucket, &object, response.headers_mut());
    replace(call.head, response.headers_mut())?;
    mark(drawn, response.headers_mut());
    set(response.headers_mut(), "content-length", &(wanted.end - wanted.start).to_string());
    *response.body_mut() = Body::from_stream(object.content.read(wanted));
    Ok(response)
}

/// `HEAD /key`.
pub(super) async fn head(call: &Call<'_>) -> Result<Response, OssError> {
    let (bucket, named) = call.object("oss:GetObject")?;
    let object = symlink::resolve(call, &bucket, &named)?;
    if conditions(call.head)?.judge(&object.facts)? == Verdict::NotModified {
        return Ok(not_modified(&bucket, &object));
    }
    let drawn = process::read(call, &bucket, &object).await?;
    let mut response = empty(StatusCode::OK);
    describe(&bucket, &object, response.headers_mut());
    mark(drawn, response.headers_mut());
    set(response.headers_mut(), "content-length", &object.content.size().to_string());
    Ok(response)
}

/// `HEAD /key?objectMeta`: size, tag and date alone. Of a link, those of the link itself.
pub(super) fn meta(call: &Call<'_>) -> Result<Response, OssError> {
    let (bucket, object) = call.object("oss:GetObject")?;
    let mut response = empty(StatusCode::OK);
    set_stamp(response.headers_mut(), &bucket, &object);
    set(response.headers_mut(), "x-oss-hash-crc64ecma", &object.facts.crc64.to_string());
    // To GET the length would promise a body.
    if call.head.method == http::Method::HEAD {
        set(response.headers_mut(), "content-length", &object.content.size().to_string());
    }
    Ok(response)
}

fn conditions(head: &Head) -> Result<Conditions, OssError> {
    Ok(Conditions {
        matches: head.header("if-match")?,
        none_match: head.header("if-none-match")?,
        modified_since: head.header("if-modified-since")?,
        unmodified_since: head.header("if-unmodified-since")?,
    })
}

fn wanted(head: &Head, size: u64) -> Result<Option<Range<u64>>, OssError> {
    let standard = head.header("x-oss-range-behavior")?.as_deref() == Some("standard");
    let Some(header) = head.header("range")? else {
        return Ok(None);
    };
    let found = range(&header, size, standard).map_err(|error| error.with("ActualObjectSize", size.to_string()))?;
    Ok(found.map(|range| *range.start()..*range.end() + 1))
}

fn partial(range: &Range<u64>, size: u64) -> Response {
    let mut response = empty(StatusCode::PARTIAL_CONTENT);
    let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    set(response.headers_mut(), "content-range", &content_range);
    response
}

fn not_modified(bucket: &Bucket, object: &Object) -> Response {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    set_stamp(response.headers_mut(), bucket, object);
    response
}

fn describe(bucket: &Bucket, object: &Object, headers: &mut HeaderMap) {
    set(headers, "content-type", "application/octet-stream");
    for (name, value) in &object.attributes.headers {
        let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        if let (Ok(name), Ok(value)) = pair {
            headers.insert(name, value);
        }
    }
    set_stamp(headers, bucket, object);
    set(headers, "accept-ranges", "bytes");
    set(headers, "x-oss-object-type", object.facts.kind.name());
    set(headers, "x-oss-storage-class", &object.attributes.storage_class);
    set(headers, "x-oss-hash-crc64ecma", &object.facts.crc64.to_string());
    if let Some(content_md5) = &object.facts.content_md5 {
        set(headers, "content-md5", content_md5);
    }
    if object.facts.kind == Kind::Appendable {
        set(headers, "x-oss-next-append-position", &object.content.size().to_string());
    }
    if let Some(until) = object.facts.restored {
        let restored = format!("ongoing-request=\"false\", expiry-date=\"{}\"", to_http_date(until));
        set(headers, "x-oss-restore", &restored);
    }
    if !object.attributes.tags.is_empty() {
        set(headers, "x-oss-tagging-count", &object.attributes.tags.len().to_string());
    }
}

/// Says that nothing was processed, and which other objects it would have taken.
fn mark(drawn: Option<Vec<String>>, headers: &mut HeaderMap) {
    let Some(keys) = drawn else { return };
    set(headers, "x-oss-emulator-process", "not-processed");
    if !keys.is_empty() {
        let keys: Vec<_> = keys.iter().map(|key| encode(key)).collect();
        set(headers, "x-oss-emulator-read", &keys.join(","));
    }
}

fn replace(head: &Head, headers: &mut HeaderMap) -> Result<(), OssError> {
    for (parameter, header) in OVERRIDES {
        let Some(value) = head.parameter(parameter)? else {
            continue;
        };
        if HeaderValue::from_bytes(value.as_bytes()).is_err() {
            return Err(OssError::invalid_argument(parameter, value, "The value cannot stand in a header."));
        }
        set(headers, header, value);
    }
    Ok(())
}
