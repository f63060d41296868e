//! A call as it came: its parameters may be in the query, in a form, in a JSON body, or in several of these.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde_json::Value;

use super::super::error::StsError;
use super::super::verify::WireRequest;
use super::super::wire::{self, Query};

/// One call, not yet verified.
pub(super) struct Call {
    parts: Parts,
    pub(super) body: Bytes,
    /// Those of the query, followed by those of the body.
    pub(super) parameters: Query,
    /// What follows `ACS3-HMAC-SHA256` in the `Authorization` header.
    pub(super) acs3: Option<String>,
}

impl Call {
    pub(super) fn read(parts: Parts, body: Bytes) -> Result<Self, StsError> {
        let bad = || StsError::bad_request("InvalidParameter", "The parameters are not percent-encoded UTF-8.");
        let query = Query::parse(parts.uri.query().unwrap_or_default()).ok_or_else(bad)?;
        let parameters = query.merged(body_parameters(&parts.headers, &body)?);
        let authorization = only(&parts.headers, "authorization")?;
        let acs3 = authorization.as_deref().and_then(|text| text.strip_prefix("ACS3-HMAC-SHA256 ")).map(str::to_owned);
        Ok(Self { parts, body, parameters, acs3 })
    }

    /// The call as verification wants it.
    pub(super) fn wire(&self) -> WireRequest<'_> {
        WireRequest {
            method: self.parts.method.as_str(),
            raw_path: self.parts.uri.path(),
            raw_query: self.parts.uri.query().unwrap_or_default(),
            headers: &self.parts.headers,
        }
    }

    /// A parameter, which may occur once; an empty one counts as given.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<&str>, StsError> {
        self.parameters.only(name).map_err(|_| StsError::repeated(name))
    }

    /// `Action` and `Version`: in headers for ACS3, else in parameters, whatever the headers of a newer client say.
    pub(super) fn common(&self, name: &str, header: &str) -> Result<String, StsError> {
        let value = match self.acs3 {
            Some(_) => only(&self.parts.headers, header)?,
            None => self.parameter(name)?.map(str::to_owned),
        };
        value.filter(|value| !value.is_empty()).ok_or_else(|| StsError::missing(name))
    }

    /// Whether the caller wants XML.
    pub(super) fn wants_xml(&self) -> bool {
        self.parameters.first("Format").is_some_and(|format| format.eq_ignore_ascii_case("XML"))
    }
}

fn body_parameters(headers: &HeaderMap, body: &[u8]) -> Result<Query, StsError> {
    if body.is_empty() {
        return Ok(Query::default());
    }
    let bad = |what| StsError::bad_request("InvalidParameter", format!("The body is not {what}."));
    let kind = only(headers, "content-type")?.unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => {
            let text = std::str::from_utf8(body).map_err(|_| bad("a form"))?;
            Query::parse(text).ok_or_else(|| bad("a form"))
        }
        "application/json" => json_parameters(body).ok_or_else(|| bad("a JSON object of texts and numbers")),
        _ => Err(StsError::bad_request(
            "InvalidParameter.ContentType",
            "content type must be application/json or application/x-www-form-urlencoded",
        )),
    }
}

fn json_parameters(body: &[u8]) -> Option<Query> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let pairs = value.as_object()?.iter().map(|(name, value)| match value {
        Value::String(text) => Some((name.clone(), text.clone())),
        Value::Number(number) => Some((name.clone(), number.to_string())),
        _ => None,
    });
    Some(Query::of(pairs.collect::<Option<_>>()?))
}

fn only(headers: &HeaderMap, name: &str) -> Result<Option<String>, StsError> {
    wire::only(headers, name).map_err(|_| StsError::repeated(name))
}
