//! What is counted of the whole process, and the text in which Prometheus reads it.
//!
//! A [`Metrics`] lives as long as the process: a reload builds another app around the same one, so counts go on. A
//! request costs a few relaxed additions to places that were prepared at start: nothing is looked up, locked or
//! allocated, and no clock is read. What other rooms count themselves (the vault, the audit trail) stays with them and is
//! put on the same [`Page`] when it is asked for.
//!
//! Labels have few values, all known at start: routes, names of grants that are configured, statuses, codes. No caller,
//! no address, no key and no id is ever one.

mod codes;
mod histogram;
mod page;
mod process;
mod requests;
mod route;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use self::codes::Codes;
pub use self::histogram::{Distribution, Histogram};
pub use self::page::{Labels, Page, number, seconds};
pub use self::requests::OfGrant;
pub use self::route::Route;

/// The limits that refuse requests, so that each is on the page before it first does.
const LIMITS: [&str; 4] = ["address", "caller", "grant", Metrics::IN_FLIGHT];

/// The counts of one process.
#[derive(Debug)]
pub struct Metrics {
    started: DateTime<Utc>,
    durations: [Histogram; Route::ALL.len()],
    of_none: OfGrant,
    grants: Mutex<BTreeMap<String, Arc<OfGrant>>>,
    connections: AtomicU64,
    connections_open: AtomicU64,
    connections_refused: AtomicU64,
    limited: Codes,
    unauthenticated: Codes,
    problems: Codes,
    /// Unix seconds; 0 is none.
    certificate_end: AtomicI64,
    reloads: AtomicU64,
    reloads_refused: AtomicU64,
}

/// A connection that is open, until it is dropped.
#[derive(Debug)]
pub struct Connected(Arc<Metrics>);

impl Metrics {
    /// The limit of requests at once, by its name on the page.
    pub const IN_FLIGHT: &str = "in_flight";

    /// Counts from nothing; the process started at `started`.
    #[must_use]
    pub fn new(started: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self {
            started,
            durations: std::array::from_fn(|_| Histogram::default()),
            of_none: OfGrant::default(),
            grants: Mutex::default(),
            connections: AtomicU64::default(),
            connections_open: AtomicU64::default(),
            connections_refused: AtomicU64::default(),
            limited: Codes::starting_with(LIMITS),
            unauthenticated: Codes::default(),
            problems: Codes::default(),
            certificate_end: AtomicI64::default(),
            reloads: AtomicU64::default(),
            reloads_refused: AtomicU64::default(),
        })
    }

    /// The counts of the grant `name`: the same ones each time, whether its configuration changed or not.
    #[must_use]
    pub fn grant(&self, name: &str) -> Arc<OfGrant> {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(grants.entry(name.to_owned()).or_default())
    }

    /// A request has ended after `elapsed`; `grant` is the one it was about, if there is one of that name. Without a
    /// status nobody waited for the answer.
    pub fn request(&self, route: Route, grant: Option<&OfGrant>, status: Option<u16>, elapsed: Duration) {
        grant.unwrap_or(&self.of_none).count(route, status);
        self.durations[route as usize].observe(elapsed);
    }

    /// A connection was accepted.
    #[must_use]
    pub fn connection(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connections_open.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// A connection was closed at once, because its address had too many open.
    pub fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A request, or an item of a batch, was refused for this limit.
    pub fn limited(&self, limit: &'static str) {
        self.limited.count(limit);
    }

    /// A proof was not believed, or not there.
    pub fn unauthenticated(&self, reason: &'static str) {
        self.unauthenticated.count(reason);
    }

    /// A request was answered with the problem of this code.
    pub fn problem(&self, code: &'static str) {
        self.problems.count(code);
    }

    /// The certificate that is shown to clients ends at `end`.
    pub fn certificate_ends(&self, end: DateTime<Utc>) {
        self.certificate_end.store(end.timestamp(), Ordering::Relaxed);
    }

    /// The configuration was read again, and taken or refused.
    pub fn reloaded(&self, taken: bool) {
        let counter = if taken { &self.reloads } else { &self.reloads_refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Puts the counts on `page`.
    pub fn write(&self, page: &mut Page) {
        self.write_requests(page);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.counter("connections", "Connections accepted", [(vec![], read(&self.connections))]);
        page.gauge("connections_open", "Connections that are open", [(vec![], number(read(&self.connections_open)))]);
        page.counter(
            "connections_refused",
            "Connections closed at once, because their address had too many open",
            [(vec![], read(&self.connections_refused))],
        );
        page.counter("limited", "Requests refused for a limit, by limit", self.limited.samples("limit"));
        page.counter(
            "unauthenticated",
            "Requests whose proof was missing or not believed, by reason",
            self.unauthenticated.samples("reason"),
        );
        page.counter("problems", "Problem documents answered, by code", self.problems.samples("code"));
        let of = |outcome: &str, counter| (vec![("outcome", outcome.to_owned())], read(counter));
        page.counter(
            "reloads",
            "Reloads of the configuration, by outcome",
            [of("taken", &self.reloads), of("refused", &self.reloads_refused)],
        );
        let end = self.certificate_end.load(Ordering::Relaxed);
        let end = DateTime::from_timestamp(end, 0).filter(|_| end != 0).map(|end| (vec![], seconds(end)));
        page.gauge("certificate_end_timestamp_seconds", "When the certificate of the listener ends, in Unix time", end);
        page.info("build", "The version of this program", vec![("version", env!("CARGO_PKG_VERSION").to_owned())]);
        process::write(page, self.started);
    }

    fn write_requests(&self, page: &mut Page) {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let of_grants = grants.iter().map(|(name, counts)| (name.as_str(), &**counts));
        let samples = of_grants.chain([("", &self.of_none)]).flat_map(|(name, counts)| counts.samples(name));
        page.counter("requests", "Requests answered, by route, grant and status", samples);
        let durations = Route::ALL.into_iter().zip(&self.durations).map(|(route, histogram)| (route, histogram.read()));
        let seen = durations.filter(|(_, distribution)| distribution.count() > 0);
        page.histogram(
            "request_duration_seconds",
            "Time from a request's head to its answer, by route",
            seen.map(|(route, distribution)| (vec![("route", route.label().to_owned())], distribution)),
        );
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(metrics: &Metrics) -> String {
        let mut page = Page::default();
        metrics.write(&mut page);
        page.render()
    }

    #[test]
    fn requests_are_told_apart_by_route_grant_and_status() {
        let metrics = Metrics::new(DateTime::UNIX_EPOCH);
        let avatars = metrics.grant("avatars");
        for status in [200, 200, 503] {
            metrics.request(Route::Sts, Some(&avatars), Some(status), Duration::from_millis(2));
        }
        metrics.request(Route::Sts, None, None, Duration::ZERO);
        metrics.request(Route::Other, None, Some(299), Duration::ZERO);
        let page = page(&metrics);
        for line in [
            r#"oss_vend_requests_total{route="/sts",grant="avatars",status="200"} 2"#,
            r#"oss_vend_requests_total{route="/sts",grant="avatars",status="503"} 1"#,
            r#"oss_vend_requests_total{route="/sts",grant="",status="abandoned"} 1"#,
            r#"oss_vend_requests_total{route="other",grant="",status="other"} 1"#,
            r#"oss_vend_request_duration_seconds_bucket{le="0.001",route="/sts"} 1"#,
            r#"oss_vend_request_duration_seconds_bucket{le="0.0025",route="/sts"} 4"#,
            r#"oss_vend_request_duration_seconds_bucket{le="+Inf",route="/sts"} 4"#,
            r#"oss_vend_limited_total{limit="caller"} 0"#,
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn the_counts_of_a_grant_go_on_after_a_reload() {
        let metrics = Metrics::new(DateTime::UNIX_EPOCH);
        for _ in 0..2 {
            metrics.request(Route::Sts, Some(&metrics.grant("a")), Some(200), Duration::ZERO);
        }
        assert!(page(&metrics).contains(r#"{route="/sts",grant="a",status="200"} 2"#));
    }

    #[test]
    fn a_connection_that_ends_is_no_longer_open() {
        let metrics = Metrics::new(DateTime::UNIX_EPOCH);
        let (one, _two) = (metrics.connection(), metrics.connection());
        drop(one);
        let page = page(&metrics);
        assert!(
            page.contains("oss_vend_connections_total 2\n") && page.contains("oss_vend_connections_open 1.0\n"),
            "{page}"
        );
    }
}
