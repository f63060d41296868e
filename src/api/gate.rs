//! How a request is let in: not more at once than there is room for, and from nobody more often than the rates allow.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use chrono::{DateTime, Utc};
use ipnet::IpNet;

use super::App;
use super::client_address::{X_FORWARDED_FOR, client_address, is_trusted};
use super::peer::Peer;
use super::problem::Problem;
use super::refusals;
use super::room::{Place, Room};
use super::visit::Visit;
use crate::caller::Caller;
use crate::limits::{Exceeded, Rates};
use crate::policy::Grant;

/// How the client asked the proxy.
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// After how many seconds it is worth trying again when there were too many at once: they are short.
const RETRY_OVERLOADED: u32 = 1;

/// Who is let in.
#[derive(Debug)]
pub struct Gate {
    rates: Rates,
    front: Front,
    room: Arc<Room>,
    /// Whether it was already told that a proxy is not known.
    told: AtomicBool,
}

impl Gate {
    /// Holds requests to `rates`, believes what stands in `front`, and has room for `in_flight` at once.
    #[must_use]
    pub fn new(rates: Rates, front: Front, in_flight: u32) -> Self {
        Self { rates, front, room: Arc::new(Room::of(in_flight)), told: AtomicBool::new(false) }
    }

    /// The same with what `before` has counted, where its limits are the same.
    #[must_use]
    pub fn keeping(self, before: &Self) -> Self {
        let room = if self.room.size == before.room.size { &before.room } else { &self.room };
        Self { room: Arc::clone(room), rates: self.rates.keeping(&before.rates), ..self }
    }

    /// How many requests are under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.room.taken()
    }

    /// How often one may ask.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Room for one request, until what is returned is dropped.
    pub(super) fn enter(&self) -> Result<Place<'_>, Problem> {
        self.room.take().ok_or_else(|| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many requests are under way")
                .hint("try again after a moment; the most at once is limits.in_flight")
                .retry_after(RETRY_OVERLOADED)
        })
    }

    fn address(&self, visit: &Visit<'_>) -> IpAddr {
        let (peer, headers) = (visit.client.peer.address(), &visit.head.headers);
        // What a proxy adds it adds to each request, so one of a connection tells.
        if visit.client.asks_first() {
            self.tell_of_unknown_proxy(peer, headers);
        }
        client_address(peer, headers, &self.front)
    }

    /// Refuses what has to come over https and did not, neither to us nor to a proxy that is known.
    pub(super) fn demand_https(&self, headers: &HeaderMap, peer: Peer) -> Result<(), Problem> {
        if !self.front.require_https || self.front.is_https(headers, peer) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "https_required", "this server is asked over https alone").hint(
            "ask with https://; a proxy that ends TLS has to say so by X-Forwarded-Proto: https, and to be in proxy.trusted",
        ))
    }

    fn tell_of_unknown_proxy(&self, peer: Option<IpAddr>, headers: &HeaderMap) {
        let unknown = self.front.networks.is_empty() && !self.front.unix && headers.contains_key(&X_FORWARDED_FOR);
        if unknown && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                ?peer,
                "a request came with X-Forwarded-For and proxy.trusted is empty: all who come through a proxy share \
                 limits.per_address"
            );
        }
    }
}

/// What stands in front of the server.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// The networks of proxies that are believed.
    pub networks: Vec<IpNet>,
    /// Whether whoever comes by a Unix socket is believed.
    pub unix: bool,
    /// Whether what did not come over https is refused.
    pub require_https: bool,
}

impl Front {
    /// Whether what this peer says of others is believed; `None` came by a Unix socket.
    pub(super) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |peer| is_trusted(peer.to_canonical(), &self.networks))
    }

    fn is_https(&self, headers: &HeaderMap, peer: Peer) -> bool {
        let mut said = headers.get_all(&X_FORWARDED_PROTO).iter();
        let mut proxy_says_so = || match (said.next(), said.next()) {
            (Some(scheme), None) => scheme.as_bytes().eq_ignore_ascii_case(b"https"),
            _ => false,
        };
        peer.is_https() || self.trusts(peer.address()) && proxy_says_so()
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
    /// Lets a request in as one. The address pays before the proof is looked at, so that proofs cannot be guessed at any
    /// speed.
    pub(super) async fn admit(&self, visit: &mut Visit<'_>) -> Result<Visitor, Problem> {
        let (address, now) = (self.gate.address(visit), visit.machine_time());
        visit.record.address(address);
        self.charge_address(address, 1, now)?;
        let caller = self.authenticator.authenticate(&visit.proof(), now).await.map_err(|error| {
            self.metrics.unauthenticated(error.reason());
            refusals::unauthenticated(&error, &self.authenticator).with_offset(&error, self.clock.notable_offset())
        })?;
        visit.record.caller(&caller);
        let visitor = Visitor { caller, address };
        self.charge_caller(&visitor, 1, now)?;
        Ok(visitor)
    }

    /// Charges a batch of `items`, each as a request; the first was charged when `visitor` was admitted. A batch that is
    /// refused costs that one, and one that no wait would make possible costs nothing.
    pub(super) fn charge_batch(&self, visitor: &Visitor, items: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        let rates = self.gate.rates();
        if let Some(most) = rates.largest_cost(visitor.caller.id().is_some()).filter(|most| items > *most) {
            rates.refund_address(visitor.address, 1);
            if let Some(id) = visitor.caller.id() {
                rates.refund_caller(id, 1);
            }
            return Err(batch_too_large(items, most));
        }
        self.charge_address(visitor.address, items - 1, now)?;
        // Others share the address: for items that are not signed they must not lose their share.
        self.charge_caller(visitor, items - 1, now)
            .inspect_err(|_refused| rates.refund_address(visitor.address, items - 1))
    }

    fn charge_address(&self, address: IpAddr, cost: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        self.gate.rates.address(address, cost, now).map_err(|exceeded| self.refused(exceeded, Share::Address))
    }

    fn charge_caller(&self, visitor: &Visitor, cost: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        let Some(id) = visitor.caller.id() else { return Ok(()) };
        self.gate.rates.caller(id, cost, now).map_err(|exceeded| self.refused(exceeded, Share::Caller))
    }

    /// Takes one from what all callers together may have of `grant`. To be asked last, so that who is refused anyway
    /// takes nothing from the others.
    pub(super) fn charge_grant(&self, grant: &Grant, now: DateTime<Utc>) -> Result<(), Problem> {
        self.gate.rates.grant(&grant.name, 1, now).map_err(|exceeded| self.refused(exceeded, Share::Grant))
    }
}

impl App {
    fn refused(&self, exceeded: Exceeded, share: Share) -> Problem {
        let (name, problem) = refused(exceeded, share);
        self.metrics.limited(name);
        problem
    }
}

/// Whose share is spent.
#[derive(Clone, Copy)]
enum Share {
    Caller,
    Address,
    Grant,
}

/// The name of the limit, and the refusal.
fn refused(exceeded: Exceeded, share: Share) -> (&'static str, Problem) {
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
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        .hint(format!("wait as long as Retry-After says; each item of a batch counts. The rate is {limit}"))
        .retry_after(wait)
        .header("ratelimit-policy", ascii(&format!("\"{name}\";q={};w={refill}", exceeded.burst)))
        .header("ratelimit", ascii(&format!("\"{name}\";r=0;t={wait}")));
    (name, problem)
}

fn batch_too_large(items: u32, most: u32) -> Problem {
    let detail = format!("a batch of {items} items is more than the rate limits ever allow at once");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", detail)
        .hint(format!("send at most {most} items in one request; nothing was charged for this one"))
}

/// Whole seconds, rounded up, at least one.
fn seconds(length: std::time::Duration) -> u32 {
    u32::try_from(length.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("names and numbers are header characters")
}
