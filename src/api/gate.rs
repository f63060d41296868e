//! How a request is let in: not more at once than there is room for, and from nobody more often than the rates allow.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::App;
use super::answer::proof;
use super::client_address::client_address;
use super::exit::Record;
use super::problem::Problem;
use super::refusals;
use crate::caller::{Caller, Proof};
use crate::limits::{Exceeded, Rates};
use crate::policy::Grant;

/// After how many seconds it is worth trying again when there were too many at once: they are short.
const RETRY_OVERLOADED: u32 = 1;

/// Who is let in.
#[derive(Debug)]
pub struct Gate {
    rates: Rates,
    proxies: Vec<IpNet>,
    room: Arc<Semaphore>,
    in_flight: u32,
    /// Whether it was already told that a proxy is not known.
    told: AtomicBool,
}

impl Gate {
    /// Holds requests to `rates`, believes `proxies`, and has room for `in_flight` at once.
    #[must_use]
    pub fn new(rates: Rates, proxies: Vec<IpNet>, in_flight: u32) -> Self {
        let room = Semaphore::new(usize::try_from(in_flight).unwrap_or(Semaphore::MAX_PERMITS));
        Self { rates, proxies, room: Arc::new(room), in_flight, told: AtomicBool::new(false) }
    }

    /// The same with what `before` has counted, where its limits are the same.
    #[must_use]
    pub fn keeping(self, before: &Self) -> Self {
        let room = if self.in_flight == before.in_flight { &before.room } else { &self.room };
        Self { room: Arc::clone(room), rates: self.rates.keeping(&before.rates), ..self }
    }

    /// Room for one request, until what is returned is dropped.
    pub(super) fn enter(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.room.try_acquire().map_err(|_| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many requests are under way")
                .hint("try again after a moment; the most at once is limits.in_flight")
                .retry_after(RETRY_OVERLOADED)
        })
    }

    fn address(&self, request: &Request) -> IpAddr {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        // Without a socket there is nobody else whose share this could take.
        let peer = peer.unwrap_or(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED));
        self.tell_of_unknown_proxy(peer, request.headers());
        client_address(peer, request.headers(), &self.proxies)
    }

    fn tell_of_unknown_proxy(&self, peer: IpAddr, headers: &HeaderMap) {
        let unknown = self.proxies.is_empty() && headers.contains_key("x-forwarded-for");
        if unknown && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a request came with X-Forwarded-For and proxy.trusted is empty: all who come through a proxy share \
                 limits.per_address"
            );
        }
    }
}

/// Who was let in, and from where.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) caller: Caller,
    /// The address that the request came from, before all proxies that are known.
    pub(super) address: IpAddr,
}

impl App {
    /// Lets `request` in as one request. The address pays before the proof is looked at, so that proofs cannot be guessed
    /// at any speed.
    pub(super) fn admit<'a>(
        &'a self,
        request: &'a Request,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Visitor, Problem>> + Send + use<'a> {
        let (address, proof, record) = (self.gate.address(request), proof(request), Record::of(request));
        async move {
            record.address(address);
            self.charge_address(address, 1, now)?;
            let visitor = Visitor { caller: self.caller(proof, now).await?, address };
            record.caller(&visitor.caller);
            self.charge_caller(&visitor, 1, now)?;
            Ok(visitor)
        }
    }

    /// Who sent a request with this proof. Only [`App::admit`] asks, so that nobody is served who has not paid.
    async fn caller(&self, proof: Proof<'_>, now: DateTime<Utc>) -> Result<Caller, Problem> {
        let asked = self.authenticator.authenticate(&proof, now).await;
        asked.map_err(|error| refusals::unauthenticated(&error, &self.authenticator))
    }

    /// Has `visitor` pay for `more` requests that came in one.
    pub(super) fn charge(&self, visitor: &Visitor, more: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        self.charge_address(visitor.address, more, now)?;
        self.charge_caller(visitor, more, now)
    }

    fn charge_address(&self, address: IpAddr, cost: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        self.gate.rates.address(address, cost, now).map_err(|exceeded| refused(exceeded, Share::Address))
    }

    fn charge_caller(&self, visitor: &Visitor, cost: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        let Some(id) = visitor.caller.id() else { return Ok(()) };
        self.gate.rates.caller(id, cost, now).map_err(|exceeded| refused(exceeded, Share::Caller))
    }

    /// Takes one from what all callers together may have of `grant`. To be asked last, so that who is refused anyway
    /// takes nothing from the others.
    pub(super) fn charge_grant(&self, grant: &Grant, now: DateTime<Utc>) -> Result<(), Problem> {
        self.gate.rates.grant(&grant.name, 1, now).map_err(|exceeded| refused(exceeded, Share::Grant))
    }
}

/// Whose share is spent.
#[derive(Clone, Copy)]
enum Share {
    Caller,
    Address,
    Grant,
}

fn refused(exceeded: Exceeded, share: Share) -> Problem {
    let (name, detail, limit) = match share {
        Share::Caller => ("caller", "this caller asks too often", "limits.per_caller"),
        Share::Address => (
            "address",
            "too many requests come from this address",
            "limits.per_address; behind a proxy all share one address unless proxy.trusted names it",
        ),
        Share::Grant => ("grant", "too much is asked of this grant by all together", "the grant's limit"),
    };
    let (wait, refill) = (seconds(exceeded.retry_after), seconds(exceeded.refill));
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        .hint(format!("wait as long as Retry-After says; each item of a batch counts. The rate is {limit}"))
        .retry_after(wait)
        .header("ratelimit-policy", ascii(&format!("\"{name}\";q={};w={refill}", exceeded.burst)))
        .header("ratelimit", ascii(&format!("\"{name}\";r=0;t={wait}")))
}

/// Whole seconds, rounded up, at least one.
fn seconds(length: std::time::Duration) -> u32 {
    u32::try_from(length.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("names and numbers are header characters")
}
