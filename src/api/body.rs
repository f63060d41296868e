//! Reads the body of a request: no more than the limit, in no more time, and only what is declared to be JSON.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::problem::Problem;

/// How much of a request's body is read, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit {
    /// The most bytes.
    pub bytes: usize,
    /// The longest time until all of it is there.
    pub time: Duration,
}

pub(super) async fn collect(body: Body, limit: BodyLimit) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(limit.time, Limited::new(body, limit.bytes).collect());
    match collected.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit.bytes)),
        Ok(Err(_)) => Err(broken()),
        Err(_elapsed) => Err(too_slow()),
    }
}

fn broken() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "broken_body", "the body broke off").hint("send the request again")
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body has more than {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).hint(
        "file bytes do not pass through this server: send them to the URL that it signs. The limit is limits.body",
    )
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time")
        .hint("the time limit is limits.body_timeout")
}

pub(super) fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "the body's Content-Type is not application/json";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
        .hint("send the parameters as a JSON object with Content-Type: application/json, or in the query of a GET"))
}
