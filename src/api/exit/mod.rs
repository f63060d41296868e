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

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request};
use axum::http::Method;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use self::record::{Facet, Facts, Item};
pub(super) use self::record::{Record, Vended};
use super::App;
use super::answer::time;
use crate::audit::{Event, Trail};
use crate::metrics::Route;
use crate::trace::{Context, Span};

/// Codes of those who are turned away unheard.
const TURNED_AWAY: [&str; 2] = ["rate_limited", "overloaded"];

/// A request until its exit.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    app: &'a App,
    context: Context,
    route: Route,
    method: Method,
    began: Instant,
    record: Record,
    outcome: &'static str,
    status: Option<u16>,
    audited: Option<Audited<'a>>,
}

/// What the trail wants besides.
#[derive(Debug)]
struct Audited<'a> {
    trail: &'a Trail,
    at: DateTime<Utc>,
    peer: Option<IpAddr>,
}

impl<'a> Watch<'a> {
    /// Watches `request`, and gives it a [`Record`].
    pub(super) fn set(app: &'a App, request: &mut Request, context: Context) -> Self {
        let route = Route::of(request.uri().path());
        let vends = route.vends() && (app.classic.is_some() || !route.is_classic());
        let trail = app.audit.as_deref().filter(|_| vends && request.method() != Method::OPTIONS);
        let peer = || request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let audited = trail.map(|trail| Audited { trail, at: app.clock.now(), peer: peer() });
        let record = Record::new(audited.is_some());
        request.extensions_mut().insert(record.clone());
        let (method, began) = (request.method().clone(), Instant::now());
        Self { app, context, route, method, began, record, outcome: "abandoned", status: None, audited }
    }

    /// The request is answered with `status`, and with a problem of this code if it is one.
    pub(super) fn answered(mut self, status: u16, problem: Option<&'static str>) {
        self.outcome = problem.unwrap_or("vended");
        self.status = Some(status);
        if let Some(code) = problem {
            self.app.metrics.problem(code);
        }
        self.log(status, problem);
    }

    fn log(&self, status: u16, code: Option<&'static str>) {
        let (method, path) = (&self.method, self.route.label());
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

    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn event<'e>(&'e self, audited: &Audited<'_>, facts: &'e Facts, of: &'e Facet, texts: &'e Texts) -> Event<'e> {
        let borrowed = |text: &'e Option<String>| text.as_deref().map(Cow::Borrowed);
        let handed = of.vended.as_ref().filter(|_| self.outcome == "vended");
        Event {
            time: &texts.time,
            request_id: &self.context.request_id,
            trace_id: texts.trace_id.as_deref(),
            caller: facts.caller.as_deref(),
            peer: facts.address.or(audited.peer),
            route: self.route.label(),
            method: self.method.as_str(),
            item: None,
            grant: borrowed(&of.grant),
            outcome: self.outcome,
            status: self.status,
            allows: handed.map(|vended| vended.allows),
            key: handed.map_or(borrowed(&of.key), |vended| borrowed(&vended.key)),
            dir: handed.and_then(|vended| borrowed(&vended.dir)),
            access_key_id: handed.map(|vended| Cow::Borrowed(vended.access_key_id.as_str())),
            token_sha256: handed.and_then(|vended| borrowed(&vended.token_sha256)),
            expiration: handed.map(|vended| Cow::Owned(time(vended.expiration))),
            clamped_by: handed.and_then(|vended| vended.clamped_by),
            micros: texts.micros,
        }
    }

    /// An item of a batch shares the fate of its request; if that was answered, it has its own.
    fn item<'e>(&self, index: usize, item: &Item, event: Event<'e>) -> Event<'e> {
        let event = Event { item: Some(index), ..event };
        match item.problem {
            Some((code, status)) if self.outcome == "vended" => Event { outcome: code, status: Some(status), ..event },
            _ => event,
        }
    }

    fn audit(&self, audited: &Audited<'_>, micros: u64) {
        let Some(facts) = self.record.facts() else { return };
        let texts = Texts {
            time: audited.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            trace_id: self.context.trace.map(|trace| trace.trace_id().to_string()),
            micros,
        };
        if facts.items.is_empty() {
            return audited.trail.record(&self.event(audited, &facts, &facts.current, &texts));
        }
        for (index, item) in facts.items.iter().enumerate() {
            audited.trail.record(&self.item(index, item, self.event(audited, &facts, &item.facet, &texts)));
        }
    }
}

/// What the events of one request have in common, written out.
struct Texts {
    time: String,
    trace_id: Option<String>,
    micros: u64,
}

impl Watch<'_> {
    /// Of a request that failed, or whose callers record it too.
    fn span(&self, elapsed: Duration) {
        let failed = self.status.is_none_or(|status| status >= 500);
        if !self.context.spans.want(&self.context, failed) {
            return;
        }
        let ended = self.app.clock.now();
        let status = self.status.map(|status| ("http.response.status_code", status.to_string()));
        let method = ("http.request.method", self.method.to_string());
        self.context.spans.tell(Span {
            name: format!("{} {}", self.method, self.route.label()),
            of_server: true,
            began: ended - TimeDelta::from_std(elapsed).unwrap_or_default(),
            ended,
            context: &self.context,
            failed: failed.then_some(self.outcome),
            attributes: [method, ("http.route", self.route.label().to_owned())].into_iter().chain(status).collect(),
        });
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let elapsed = self.began.elapsed();
        self.span(elapsed);
        self.app.metrics.request(self.route, self.record.counts(), self.status, elapsed);
        if let Some(audited) = &self.audited {
            self.audit(audited, u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        }
    }
}
