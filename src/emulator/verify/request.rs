use std::collections::BTreeMap;

use axum::http::HeaderName;
use chrono::{DateTime, TimeDelta, Utc};

use super::super::error::OssError;
use super::super::wire::{self, Query, to_http_date};
use super::{Target, WireRequest};

/// How far the time of a request may lie from the emulator's, either way.
pub(super) const SKEW: TimeDelta = TimeDelta::minutes(15);

/// A request with its query decoded.
pub(super) struct Request<'a> {
    pub(super) wire: &'a WireRequest<'a>,
    pub(super) query: Query,
    target: &'a Target<'a>,
}

impl<'a> Request<'a> {
    pub(super) fn new(wire: &'a WireRequest<'a>, target: &'a Target<'a>) -> Result<Self, OssError> {
        let query = Query::parse(wire.raw_query)
            .ok_or_else(|| OssError::bad_request("InvalidURI", "The query is not percent-encoded UTF-8."))?;
        Ok(Self { wire, query, target })
    }

    /// The value of a header that may occur once.
    pub(super) fn header(&self, name: &str) -> Result<Option<String>, OssError> {
        wire::only(self.wire.headers, name).map_err(|_| repeated(name))
    }

    /// The value of a query parameter that may occur once.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<&str>, OssError> {
        self.query.only(name).map_err(|_| repeated(name))
    }

    /// The headers whose name begins with `x-oss-`, each of which may occur once.
    pub(super) fn oss_headers(&self) -> Result<BTreeMap<String, String>, OssError> {
        let names = self.wire.headers.keys().map(HeaderName::as_str);
        let mut found = BTreeMap::new();
        for name in names.filter(|name| name.starts_with("x-oss-")) {
            found.insert(name.to_owned(), self.header(name)?.unwrap_or_default());
        }
        Ok(found)
    }

    /// `/<bucket>/<key>`, not encoded: the bucket is in it even where the wire has it in the host or nowhere.
    pub(super) fn resource(&self) -> String {
        match (self.target.bucket, self.target.key) {
            (None, _) => "/".to_owned(),
            (Some(bucket), key) => format!("/{bucket}/{}", key.unwrap_or_default()),
        }
    }
}

/// `name:value` lines in the order given, each with its line end.
pub(super) fn header_lines(headers: impl IntoIterator<Item = (String, String)>) -> String {
    headers.into_iter().flat_map(|(name, value)| [name, ":".to_owned(), value, "\n".to_owned()]).collect()
}

/// Refuses a name that occurs more often than once.
pub(super) fn repeated(name: &str) -> OssError {
    OssError::invalid_argument(name, "", format!("{name} occurs more than once."))
}

/// Refuses a request whose time is too far from `now`.
pub(super) fn check_skew(signed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), OssError> {
    if (now - signed_at).abs() <= SKEW { Ok(()) } else { Err(too_skewed(signed_at, now)) }
}

pub(super) fn too_skewed(signed_at: DateTime<Utc>, now: DateTime<Utc>) -> OssError {
    let message = "The difference between the request time and the current time is too large.";
    OssError::forbidden("RequestTimeTooSkewed", message)
        .ec("0002-00000504")
        .with("MaxAllowedSkewMilliseconds", SKEW.num_milliseconds().to_string())
        .with("RequestTime", to_http_date(signed_at))
        .with("ServerTime", to_http_date(now))
}

/// Adds what tells a signer where its text and ours part.
pub(super) fn explained(error: OssError, access_key_id: &str, provided: &str, string_to_sign: &str) -> OssError {
    let bytes: Vec<_> = string_to_sign.bytes().map(|byte| format!("{byte:02X}")).collect();
    error
        .with("OSSAccessKeyId", access_key_id)
        .with("SignatureProvided", provided)
        .with("StringToSign", string_to_sign)
        .with("StringToSignBytes", bytes.join(" "))
}
