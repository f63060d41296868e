//! The steps that vending handlers share, and the form of their answers.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

use super::App;
use super::exit::Record;
use super::problem::Problem;
use crate::caller::Proof;
use crate::keys::SessionKey;
use crate::policy::{Grant, Life, Session};

/// What `request` brings along to say who sent it.
pub(super) fn proof(request: &Request) -> Proof<'_> {
    let authority = request.uri().authority().map(Authority::as_str);
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    Proof { unverified_headers: request.headers(), host: authority.or(host), peer }
}

/// The name of the grant that is meant where a request names none.
pub(super) const DEFAULT_GRANT: &str = "default";

impl App {
    /// The grant of this name; the request of `record` counts as one of it.
    pub(super) fn grant(&self, name: Option<&str>, record: &Record) -> Result<&Grant, Problem> {
        let offer = self.grants.get(name.unwrap_or(DEFAULT_GRANT)).ok_or_else(|| {
            let detail = "there is no grant of this name";
            Problem::new(StatusCode::NOT_FOUND, "unknown_grant", detail)
                .hint("grants stand in the configuration as [grants.<name>]; without \"grant\" the one named default is meant")
        })?;
        record.grant(&offer.counts);
        Ok(&offer.grant)
    }

    /// The session key that signs what is to live for `life`, and for how long it does. A load that finds the clock to be
    /// wrong also changes the time of the answer: what is signed with a wrong date is refused by OSS.
    pub(super) async fn signing_key(
        &self,
        session: &Session,
        life: Life,
        now: DateTime<Utc>,
    ) -> Result<(std::sync::Arc<SessionKey>, Granted), Problem> {
        let offset = self.vault.clock_offset();
        let asked = now + TimeDelta::seconds(life.seconds.into());
        let key = self.vault.session_key(session, asked).await.map_err(|error| Problem::unopened(&error, now))?;
        let now = if self.vault.clock_offset() == offset { now } else { self.clock.now() };
        let granted = Granted::of(life, &key, now);
        Ok((key, granted))
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
    fn of(life: Life, key: &SessionKey, now: DateTime<Utc>) -> Self {
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
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An answer that no cache keeps.
pub(super) fn json(answer: &impl Serialize) -> Response {
    let body = serde_json::to_vec(answer).expect("texts, numbers and maps serialize");
    vended(body, HeaderValue::from_static("application/json; charset=utf-8"))
}

/// The same as plain text.
pub(super) fn text(answer: String) -> Response {
    vended(answer.into_bytes(), HeaderValue::from_static("text/plain; charset=utf-8"))
}

fn vended(body: Vec<u8>, content_type: HeaderValue) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, body).into_response()
}
