//! The form of the answers.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::keys::SessionKey;
use crate::policy::Life;
use crate::signing::moment::Extended;

/// An answer of our own, whole.
pub(super) type Answer = Response<Bytes>;

/// The headers that most answers have in the end. A larger map would not fit what the allocator has at hand.
const HEADERS: usize = 6;

/// How long a signature lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    /// When it begins, which is the time of the answer.
    pub(super) at: DateTime<Utc>,
    /// In seconds; at least 1.
    pub(super) seconds: u32,
    /// When it ends.
    pub(super) expiration: DateTime<Utc>,
    /// Why it is shorter than asked for, if it is.
    pub(super) clamped_by: Option<&'static str>,
}

impl Granted {
    /// Nothing outlives the session key that it is signed with.
    pub(super) fn of(life: Life, key: &SessionKey, now: DateTime<Utc>) -> Self {
        let left = u32::try_from((key.expiration - now).num_seconds()).unwrap_or(0).max(1);
        let seconds = life.seconds.min(left);
        let clamped_by = match (seconds < life.seconds, life.clamped) {
            (true, _) => Some("session"),
            (false, true) => Some("grant"),
            (false, false) => None,
        };
        Self { at: now, seconds, expiration: now + TimeDelta::seconds(seconds.into()), clamped_by }
    }
}

/// A time as every answer has it: RFC 3339 in UTC, whole seconds.
pub(super) fn time(at: DateTime<Utc>) -> String {
    Extended::of(at).as_str().to_owned()
}

/// An answer that no cache keeps.
pub(super) fn json(answer: &impl Serialize) -> Answer {
    written(serde_json::to_string(answer).expect("texts, numbers and maps serialize"))
}

/// The same for what is JSON already.
pub(super) fn written(json: String) -> Answer {
    vended(json, HeaderValue::from_static("application/json; charset=utf-8"))
}

/// The same as plain text.
pub(super) fn text(answer: String) -> Answer {
    vended(answer, HeaderValue::from_static("text/plain; charset=utf-8"))
}

fn vended(body: String, content_type: HeaderValue) -> Answer {
    let mut answer = Response::new(Bytes::from(body));
    *answer.headers_mut() = HeaderMap::with_capacity(HEADERS);
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
