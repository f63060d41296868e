//! What the bodies of control calls say.

use std::time::Duration;

use axum::http::HeaderValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::knobs::{Failure, Service};
use super::answer::Problem;

/// Longest delay in milliseconds: beyond it every client has given up.
const LONGEST_DELAY: u32 = 600_000;

/// Reads a body; a name that is not known is a fault, since a misspelt knob would turn nothing.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad(error.to_string()))
}

/// Failures to come; one of `times` and `share`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fail {
    #[serde(default = "any")]
    pub(super) operation: String,
    pub(super) times: Option<u32>,
    pub(super) share: Option<f64>,
    #[serde(default)]
    close: bool,
    #[serde(default)]
    cut: bool,
    #[serde(default)]
    silence: bool,
    retry_after_milliseconds: Option<u32>,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    content_type: Option<String>,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Latency {
    #[serde(default = "any")]
    pub(super) operation: String,
    milliseconds: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Throttle {
    pub(super) service: Named,
    /// Null ends it.
    pub(super) per_second: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Named {
    Sts,
    Oss,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Clock {
    pub(super) offset_seconds: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Token {
    pub(super) access_key_id: String,
}

impl Latency {
    /// The delay, which is bounded.
    pub(super) fn delay(&self) -> Result<Duration, Problem> {
        let fits = self.milliseconds <= LONGEST_DELAY;
        let delay = fits.then(|| Duration::from_millis(self.milliseconds.into()));
        delay.ok_or_else(|| Problem::bad("milliseconds must not be above 600000."))
    }
}

impl From<Named> for Service {
    fn from(named: Named) -> Self {
        match named {
            Named::Sts => Self::Sts,
            Named::Oss => Self::Oss,
        }
    }
}

impl Fail {
    /// The failure that is described: one by name, or a `body` as it stands, or an error of the service.
    pub(super) fn failure(&self) -> Result<Failure, Problem> {
        if let Some(named) = self.named() {
            return Ok(named);
        }
        let status = self.status.unwrap_or(503);
        if !(400..=599).contains(&status) && self.body.is_none() {
            return Err(Problem::bad("status must be between 400 and 599, unless a body is given."));
        }
        if !(200..=599).contains(&status) {
            return Err(Problem::bad("status must be between 200 and 599."));
        }
        match &self.body {
            Some(body) => Ok(Failure::Body { status, content_type: self.content_type()?, body: body.clone().into() }),
            None => Ok(Failure::Status {
                status,
                code: self.code.clone().unwrap_or_else(|| "ServiceUnavailable".to_owned()),
                message: self.message.clone().unwrap_or_else(|| "Ordered by the control route.".to_owned()),
            }),
        }
    }

    /// The failures that take nothing of an answer.
    fn named(&self) -> Option<Failure> {
        match (self.close, self.cut, self.silence, self.retry_after_milliseconds) {
            (true, ..) => Some(Failure::Close),
            (_, true, ..) => Some(Failure::Cut),
            (_, _, true, _) => Some(Failure::Silence),
            (.., Some(pause)) => Some(Failure::Throttled { retry_after: Duration::from_millis(pause.into()) }),
            _ => None,
        }
    }

    fn content_type(&self) -> Result<String, Problem> {
        let content_type = self.content_type.as_deref().unwrap_or("text/html");
        match HeaderValue::from_str(content_type) {
            Ok(_) => Ok(content_type.to_owned()),
            Err(_) => Err(Problem::bad("contentType cannot stand in a header.")),
        }
    }
}

fn any() -> String {
    "*".to_owned()
}
