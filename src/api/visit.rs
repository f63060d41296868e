//! A request on its way through the rooms.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use super::answer::Granted;
use super::exit::Record;
use super::offers::Offer;
use super::peer::Client;
use super::problem::Problem;
use crate::caller::Proof;
use crate::keys::SessionKey;
use crate::metrics::Route;
use crate::policy::{Life, Session};
use crate::trace::Context;
use crate::vault::{LiveKey, RequestTime};

/// The name of the grant that is meant where a request names none.
pub(super) const DEFAULT_GRANT: &str = "default";

/// A request on its way through the rooms, without its body.
#[derive(Debug)]
pub(super) struct Visit<'v> {
    pub(super) app: &'v App,
    pub(super) head: &'v Parts,
    /// Whom it came from.
    pub(super) client: &'v Client,
    /// When the request came, and how long it waits for sessions.
    pub(super) time: RequestTime,
    pub(super) route: Route,
    pub(super) context: &'v Context,
    /// What is learnt on the way.
    pub(super) record: Record<'v>,
}

impl<'v> Visit<'v> {
    /// What the request brings along to say who sent it.
    pub(super) fn proof(&self) -> Proof<'v> {
        let Parts { uri, headers, .. } = self.head;
        let authority = uri.authority().map(Authority::as_str);
        Proof { unverified_headers: headers, authority, peer: self.client.peer.address() }
    }

    /// What is offered by the grant of this name. The trail learns that it was asked for, and for which key.
    pub(super) fn grant(&mut self, name: Option<&str>, unverified_key: Option<&str>) -> Result<&'v Offer, Problem> {
        let name = name.unwrap_or(DEFAULT_GRANT);
        let offer = self.app.grants.get(name).ok_or(name);
        self.record.asked(offer, unverified_key);
        offer.map_err(|_| {
            let detail = "there is no grant of this name";
            Problem::new(StatusCode::NOT_FOUND, "unknown_grant", detail)
                .hint("grants stand in the configuration as [grants.<name>]; without \"grant\" the one named default is meant")
        })
    }

    /// The machine time at which the request came: for proofs, rate limits, templates and the audit event. What is signed
    /// is dated by the time that [`Self::session_key`] returns.
    pub(super) fn machine_time(&self) -> DateTime<Utc> {
        self.time.machine()
    }

    /// A session key that lives for `life` yet, if it can be had, and the cloud time at which it was found.
    pub(super) async fn session_key(&self, session: &Session, life: TimeDelta) -> Result<LiveKey, Problem> {
        let Self { app, time, .. } = self;
        let found = app.vault.session_key(session, life, time).await;
        found.map_err(|unopened| Problem::unopened(&unopened, app.clock.cloud_time()))
    }

    /// The session key that signs what is to live for `life`, and for how long it does. A load that finds the clock to be
    /// wrong also changes the time of the answer: what is signed with a wrong date is refused by OSS.
    pub(super) async fn signing_key(
        &self,
        session: &Session,
        life: Life,
    ) -> Result<(Arc<SessionKey>, Granted), Problem> {
        let LiveKey { key, at } = self.session_key(session, TimeDelta::seconds(life.seconds.into())).await?;
        let granted = Granted::of(life, &key, at);
        Ok((key, granted))
    }
}
