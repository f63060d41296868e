//! The form of the answers.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::cors::{Cors, Readable};
use crate::keys::SessionKey;
use crate::policy::Life;
use crate::signing::moment::Extended;
use crate::trace::{REQUEST_ID, RequestId};

/// An answer of our own.
#[derive(Debug)]
pub(super) enum Answer {
    /// JSON that no cache keeps, as nearly all are; the rest of it is that of all others, which is in [`Heads`].
    Json(String),
    /// Another, whole.
    Whole(Response<Bytes>),
}

impl Answer {
    /// All of it but what every response has.
    pub(super) fn whole(self) -> Response<Bytes> {
        match self {
            Self::Json(json) => vended(json, JSON),
            Self::Whole(response) => response,
        }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        let mut response = self.whole();
        *response.status_mut() = status;
        Self::Whole(response)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Holds browsers to the declared type (`X-Content-Type-Options`); every response has it.
pub(super) const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// The heads of answers of JSON, prepared at start: to copy one takes half as long as to put it together.
#[derive(Debug)]
pub(super) struct Heads {
    /// For pages of other origins that may read it.
    readable: Head,
    /// For those of them whose browser may send credentials.
    with_credentials: Head,
    /// For all others.
    plain: Head,
}

impl Heads {
    pub(super) fn new(cors: &Cors) -> Self {
        let readable = |with_credentials| Some(Readable { origin: HeaderValue::from_static(""), with_credentials });
        Self {
            readable: Head::new(cors, readable(false)),
            with_credentials: Head::new(cors, readable(true)),
            plain: Head::new(cors, None),
        }
    }

    /// The response with the JSON in `body` to the request of this id, which a page of the origin `allowed` may read.
    pub(super) fn put_on<B>(&self, body: B, id: &RequestId, allowed: Option<Readable>) -> Response<B> {
        let Head { headers, places: [of_id, of_origin] } = match &allowed {
            Some(Readable { with_credentials: true, .. }) => &self.with_credentials,
            Some(_) => &self.readable,
            None => &self.plain,
        };
        let mut response = Response::new(body);
        *response.headers_mut() = headers.clone();
        put(response.headers_mut(), *of_id, id.to_header());
        if let Some(Readable { origin, .. }) = allowed {
            put(response.headers_mut(), *of_origin, origin);
        }
        response
    }
}

/// A head, and the places of the two values that are another in each answer.
#[derive(Debug)]
struct Head {
    headers: HeaderMap,
    places: [Option<usize>; 2],
}

impl Head {
    fn new(cors: &Cors, allowed: Option<Readable>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static(""));
        cors.mark(allowed, &mut headers);
        headers.extend(vended(String::new(), JSON).into_parts().0.headers);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        let place = |wanted| headers.iter().position(|(name, _)| name == wanted);
        let places = [place(REQUEST_ID), place(header::ACCESS_CONTROL_ALLOW_ORIGIN)];
        Self { headers, places }
    }
}

/// Puts `value` in its place, without a look for its name: a copy has its values in the order of the original.
fn put(headers: &mut HeaderMap, place: Option<usize>, value: HeaderValue) {
    if let Some(there) = place.and_then(|place| headers.values_mut().nth(place)) {
        *there = value;
    }
}

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
    Answer::Json(serde_json::to_string(answer).expect("texts, numbers and maps serialize"))
}

/// The same as plain text.
pub(super) fn text(answer: String) -> Response<Bytes> {
    vended(answer, HeaderValue::from_static("text/plain; charset=utf-8"))
}

fn vended(body: String, content_type: HeaderValue) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
