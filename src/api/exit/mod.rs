//! What every exit of a request leaves: success, refusal, failure, time limit, and a caller that hangs up.
//!
//! A [`Watch`] is set when the request comes in and speaks when it is dropped, whatever the way out; handlers note in a
//! [`Record`] what they learn. Each request is counted; of a route that vends there is an audit event too.
//!
//! # The access log
//! A line of the log for each request would cost as much as the answer, and say less than the trail and the metrics do.
//! So a success is logged at `debug`, and what an operator looks for by default: a refusal at `info`, a fault of ours or
//! of the cloud's at `warn`. Who is turned away because there is too much of everything is counted and logged at `debug`,
//! lest the log make a flood worse.

mod record;

use std::time::Duration;

use axum::http::Method;
use chrono::TimeDelta;

use self::record::{Facet, Item};
pub(super) use self::record::{Record, Vended};
use super::visit::Visit;
use crate::audit::{Event, Trail};
use crate::signing::moment::{Extended, Precise};
use crate::trace::Span;

/// Codes of those who are turned away unheard.
const TURNED_AWAY: [&str; 2] = ["rate_limited", "overloaded"];

/// The outcome where nothing is refused.
const VENDED: &str = Event::VENDED;

/// A request until its exit.
#[derive(Debug)]
pub(super) struct Watch<'v> {
    pub(super) visit: Visit<'v>,
    outcome: &'static str,
    status: Option<u16>,
    trail: Option<&'v Trail>,
}

impl<'v> Watch<'v> {
    /// Watches `visit`.
    pub(super) fn set(visit: Visit<'v>) -> Self {
        let Visit { app, route, head, .. } = visit;
        let vends = route.vends() && (app.classic.is_some() || !route.is_classic());
        let trail = app.audit.as_deref().filter(|_| vends && head.method != Method::OPTIONS);
        Self { visit, outcome: "abandoned", status: None, trail }
    }

    /// The request is answered with `status`, and with a problem of this code if it is one.
    pub(super) fn answered(&mut self, status: u16, problem: Option<&'static str>) {
        self.outcome = problem.unwrap_or(VENDED);
        self.status = Some(status);
        if let Some(code) = problem {
            self.visit.app.metrics.problem(code);
        }
        self.log(status, problem);
    }

    fn log(&self, status: u16, code: Option<&'static str>) {
        let (method, path) = (&self.visit.head.method, self.visit.route.label());
        match code {
            Some(code) if TURNED_AWAY.contains(&code) => {
                tracing::debug!(%method, path, status, code, micros = self.micros(), "request turned away");
            }
            _ if status >= 500 => tracing::warn!(%method, path, status, code, micros = self.micros(), "request failed"),
            _ if status >= 400 => {
                tracing::info!(%method, path, status, code, micros = self.micros(), "request refused");
            }
            _ => tracing::debug!(%method, path, status, micros = self.micros(), "request"),
        }
    }

    fn elapsed(&self) -> Duration {
        self.visit.app.clock.elapsed().saturating_sub(self.visit.time.reading().elapsed)
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Tells the trail of one thing that was asked for; `item` is its place in a batch. An item shares the fate of its
    /// request; if that was answered, it has its own.
    fn tell(&self, trail: &Trail, of: &Facet<'_>, item: Option<(usize, &Item<'_>)>, texts: &Texts) {
        let (visit, record, is_answered) = (&self.visit, &self.visit.record, self.outcome == VENDED);
        let handed = of.vended.as_ref().filter(|_| is_answered);
        let expiration = handed.map(|vended| Extended::of(vended.expiration));
        let (outcome, status) = match item.and_then(|(_, item)| item.problem).filter(|_| is_answered) {
            Some((code, status)) => (code, Some(status)),
            None => (self.outcome, self.status),
        };
        trail.record(&Event {
            time: texts.time.as_str(),
            request_id: &visit.context.request_id,
            trace_id: texts.trace_id.as_deref(),
            caller: record.who(),
            peer: record.address.or(visit.client.peer.address()),
            route: visit.route.label(),
            method: visit.head.method.as_str(),
            item: item.map(|(index, _)| index),
            grant: of.grant(),
            outcome,
            status,
            allows: handed.map(|vended| vended.allows),
            key: handed.map_or(&of.key, |vended| &vended.key).as_deref(),
            dir: handed.and_then(|vended| vended.dir.as_deref()),
            access_key_id: handed.map(Vended::access_key_id),
            token_sha256: handed.and_then(Vended::token_sha256),
            expiration: expiration.as_ref().map(Extended::as_str),
            clamped_by: handed.and_then(|vended| vended.clamped_by),
            micros: texts.micros,
        });
    }

    fn audit(&self, trail: &Trail, micros: u64) {
        let record = &self.visit.record;
        let trace_id = self.visit.context.trace.map(|trace| trace.trace_id().to_string());
        let texts = Texts { time: Precise::of(self.visit.machine_time()), trace_id, micros };
        if record.items.is_empty() {
            return self.tell(trail, &record.current, None, &texts);
        }
        for (index, item) in record.items.iter().enumerate() {
            self.tell(trail, &item.facet, Some((index, item)), &texts);
        }
    }
}

/// What the events of one request have in common, written out.
struct Texts {
    time: Precise,
    trace_id: Option<String>,
    micros: u64,
}

impl Watch<'_> {
    /// Of a request that failed, or whose callers record it too.
    fn span(&self, elapsed: Duration) {
        let failed = self.status.is_none_or(|status| status >= 500);
        if !self.visit.context.spans.want(self.visit.context, failed) {
            return;
        }
        let ended = self.visit.app.clock.reading().machine;
        let status = self.status.map(|status| ("http.response.status_code", status.to_string()));
        let method = ("http.request.method", self.visit.head.method.to_string());
        self.visit.context.spans.tell(Span {
            name: format!("{} {}", self.visit.head.method, self.visit.route.label()),
            of_server: true,
            began: ended - TimeDelta::from_std(elapsed).unwrap_or_default(),
            ended,
            context: self.visit.context,
            failed: failed.then_some(self.outcome),
            attributes: [method, ("http.route", self.visit.route.label().to_owned())]
                .into_iter()
                .chain(status)
                .collect(),
        });
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let elapsed = self.elapsed();
        self.span(elapsed);
        let counts = self.visit.record.counted().map(|offer| &*offer.counts);
        self.visit.app.metrics.request(self.visit.route, counts, self.status, elapsed);
        if let Some(trail) = self.trail {
            self.audit(trail, u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        }
    }
}
