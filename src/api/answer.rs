//! The form of the answers.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::json;
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

/// A JSON object that is written member by member: the hot answers are, since a general writer costs five times as much.
#[derive(Debug)]
pub(super) struct Object(String);

impl Object {
    /// Without members, with room for `bytes`.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    /// With a member that is a text.
    #[inline]
    pub(super) fn text(mut self, name: &'static str, value: &str) -> Self {
        self.name(name);
        json::push_text(&mut self.0, value);
        self
    }

    /// With a member that is a time.
    #[inline]
    pub(super) fn time(mut self, name: &'static str, at: DateTime<Utc>) -> Self {
        self.name(name);
        json::push_plain(&mut self.0, Extended::of(at).as_str());
        self
    }

    /// With members that are written already, at least one, as `"a":1,"b":2`.
    #[inline]
    pub(super) fn members(mut self, members: &str) -> Self {
        self.comma();
        self.0.push_str(members);
        self
    }

    /// With a member that `push` writes as JSON.
    pub(super) fn value(mut self, name: &'static str, push: impl FnOnce(&mut String)) -> Self {
        self.name(name);
        push(&mut self.0);
        self
    }

    /// The whole text.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// The members alone, for [`Self::members`].
    pub(super) fn into_members(mut self) -> String {
        self.0.remove(0);
        self.0
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        self.comma();
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    #[inline]
    fn comma(&mut self) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
    }
}
