//! The head of a request, read once and asked for single values.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Version};

use super::super::error::OssError;
use super::super::wire::{self, Query};

/// The head of a request.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) raw_path: String,
    pub(super) raw_query: String,
    pub(super) query: Query,
    /// Whether the query could be decoded; if not, it is empty here.
    pub(super) well_formed: bool,
    pub(super) headers: HeaderMap,
    /// Address of the sender.
    pub(super) sender: String,
    /// Whether the body's length is given, or marked by chunks or frames.
    pub(super) measured: bool,
}

impl Head {
    /// Reads the head of a request.
    pub(super) fn of(parts: Parts) -> Self {
        let sender = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
        let raw_query = parts.uri.query().unwrap_or_default();
        let query = Query::parse(raw_query);
        Self {
            host: host.or(parts.uri.authority().map(Authority::as_str)).unwrap_or_default().to_owned(),
            raw_path: parts.uri.path().to_owned(),
            raw_query: raw_query.to_owned(),
            well_formed: query.is_some(),
            query: query.unwrap_or_default(),
            sender: sender.map_or_else(|| "127.0.0.1".to_owned(), |sender| sender.to_string()),
            measured: parts.version > Version::HTTP_11
                || ["content-length", "transfer-encoding"].iter().any(|name| parts.headers.contains_key(*name)),
            method: parts.method,
            headers: parts.headers,
        }
    }

    /// The trimmed value of a header that may occur once.
    pub(super) fn header(&self, name: &'static str) -> Result<Option<String>, OssError> {
        wire::only(&self.headers, name).map_err(|_| repeated(name))
    }

    /// The value of a query parameter that may occur once.
    pub(super) fn parameter(&self, name: &'static str) -> Result<Option<&str>, OssError> {
        self.query.only(name).map_err(|_| repeated(name))
    }

    /// The number that a query parameter holds, or `default`; `InvalidArgument` outside `least..=most`.
    pub(super) fn number(&self, name: &'static str, default: u16, least: u16, most: u16) -> Result<u16, OssError> {
        let Some(text) = self.parameter(name)?.filter(|text| !text.is_empty()) else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            OssError::invalid_argument(name, text, format!("{name} must be between {least} and {most}."))
        })
    }

    /// Whether names in the answer are to be percent-encoded.
    pub(super) fn encodes(&self) -> Result<bool, OssError> {
        match self.parameter("encoding-type")? {
            None | Some("") => Ok(false),
            Some("url") => Ok(true),
            Some(other) => {
                Err(OssError::invalid_argument("encoding-type", other, "Invalid Encoding Method specified in Request."))
            }
        }
    }
}

fn repeated(name: &str) -> OssError {
    OssError::invalid_argument(name, "", format!("{name} occurs more than once."))
}
