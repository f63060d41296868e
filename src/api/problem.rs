//! A failure as clients see it: problem+json (RFC 9457) with a stable code, a hint, and never a word of STS's own.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A request's failure; one pointer wide, since every step of a handler may return it.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    upstream: Option<Upstream>,
    retry_after: Option<u32>,
    headers: HeaderMap,
    challenge: &'static str,
}

/// How a 401 asks for proof (RFC 9110 §11.6.1) where nothing else is said.
const CHALLENGE: &str = "Bearer realm=\"oss-vend\"";

/// Who refused us, and how they name the refusal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upstream {
    /// `STS`.
    pub service: &'static str,
    /// Their code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Their id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A failure (RFC 9457), its members in the order in which a person wants to read them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(super) struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<&'a Upstream>,
    /// In seconds, as the header `Retry-After`: an item of a batch has no headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    request_id: &'a str,
}

impl Problem {
    /// A problem with its HTTP status, its stable `code` and a sentence that is safe to show.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let (hint, upstream, retry_after, challenge) = (None, None, None, CHALLENGE);
        let (detail, headers) = (detail.into(), HeaderMap::new());
        Self(Box::new(Parts { status, code, detail, hint, upstream, retry_after, headers, challenge }))
    }

    /// The same with what to change, and where.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same with who refused us.
    #[must_use]
    pub fn upstream(mut self, upstream: Upstream) -> Self {
        self.0.upstream = Some(upstream);
        self
    }

    /// The same with the seconds after which it is worth trying again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The same with a header beside the document.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.0.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The same with another challenge, which is sent with a 401.
    #[must_use]
    pub fn challenge(mut self, challenge: &'static str) -> Self {
        self.0.challenge = challenge;
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The document without the id of a request, for who asks outside of one.
    ///
    /// # Panics
    /// Never: texts and numbers serialize.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut document = serde_json::to_value(self.document("")).expect("texts and numbers serialize");
        document.as_object_mut().expect("a document is an object").remove("requestId");
        document
    }

    pub(super) fn document<'a>(&'a self, request_id: &'a str) -> Document<'a> {
        Document {
            r#type: format!("urn:oss-vend:problem:{}", self.0.code),
            title: self.0.status.canonical_reason().unwrap_or("Error"),
            status: self.0.status.as_u16(),
            code: self.0.code,
            detail: &self.0.detail,
            hint: self.0.hint.as_deref(),
            upstream: self.0.upstream.as_ref(),
            retry_after: self.0.retry_after,
            request_id,
        }
    }

    pub(super) fn render(&self, request_id: &str) -> http::Response<Bytes> {
        let body = serde_json::to_vec(&self.document(request_id)).expect("texts and numbers serialize");
        let mut response = http::Response::new(Bytes::from(body));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.extend(self.0.headers.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(self.0.challenge));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// A bare status with the problem beside it: the outermost layer knows the request's id and writes the document.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
