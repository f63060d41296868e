//! How many connections may be open at once, in all and from one address. A reload may change both.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::limits::network;

/// How often refused connections are logged at most.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Limits open connections. Connections beyond the limit for all wait; those beyond the limit of their address are refused.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    semaphore: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    total: u32,
    per_address: u32,
    /// Permits that are still held above a limit that was lowered; they are destroyed when they are returned.
    excess: usize,
    /// Open connections by [`network`]; no entry is zero, so there are never more of them than connections.
    open: HashMap<u128, u32>,
    refusals: Refusals,
}

/// Connections that were refused and are not logged yet.
#[derive(Debug, Default)]
struct Refusals {
    logged: Option<Instant>,
    count: u64,
}

/// One open connection. Dropping it frees its place.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    permit: Option<OwnedSemaphorePermit>,
    network: Option<u128>,
}

/// An address has as many connections open as one may have.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("this address has too many open connections")]
pub(super) struct TooManyConnections;

/// The address that a connection of `peer` counts for. `None` for peers without a limit of their own: loopback, and the
/// `trusted` proxies, whose connections are those of many clients.
pub(super) fn limited_address(peer: IpAddr, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    let unlimited = peer.is_loopback() || trusted.iter().any(|network| network.contains(&peer));
    (!unlimited).then_some(peer)
}

impl ConnectionLimit {
    /// At most `total` connections, and `per_address` from one address or /64 of IPv6.
    pub(super) fn new(total: u32, per_address: u32) -> Arc<Self> {
        let state = State { total, per_address, excess: 0, open: HashMap::new(), refusals: Refusals::default() };
        Arc::new(Self { semaphore: Arc::new(Semaphore::new(permits(total))), state: Mutex::new(state) })
    }

    /// Changes the limits. Connections that are open above a lower limit stay open, and no other takes their place.
    pub(super) fn set(&self, total: u32, per_address: u32) {
        let mut state = self.state();
        let (before, after) = (permits(state.total), permits(total));
        if after > before {
            let more = after - before;
            let kept = more.min(state.excess);
            state.excess -= kept;
            self.semaphore.add_permits(more - kept);
        } else {
            let fewer = before - after;
            state.excess += fewer - self.semaphore.forget_permits(fewer);
        }
        (state.total, state.per_address) = (total, per_address);
    }

    /// Waits until fewer connections are open than may be.
    pub(super) async fn acquire(self: &Arc<Self>) -> ConnectionPermit {
        let permit = Arc::clone(&self.semaphore).acquire_owned().await.expect("the semaphore is never closed");
        ConnectionPermit { limit: Arc::clone(self), permit: Some(permit), network: None }
    }

    /// Records a refused connection. Returns how many to log now: those since the last time, once in a minute.
    pub(super) fn count_refusal(&self, now: Instant) -> Option<u64> {
        let refusals = &mut self.state().refusals;
        refusals.count += 1;
        if refusals.logged.is_some_and(|logged| now < logged + LOG_INTERVAL) {
            return None;
        }
        refusals.logged = Some(now);
        Some(std::mem::take(&mut refusals.count))
    }

    /// It is consistent at any moment, so a panic elsewhere does not matter.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// Counts the connection for `address`, unless that has as many open as it may have.
    pub(super) fn count_for(&mut self, address: IpAddr) -> Result<(), TooManyConnections> {
        let mut state = self.limit.state();
        let (network, limit) = (network(address), state.per_address);
        let open = state.open.entry(network);
        if matches!(&open, Entry::Occupied(open) if *open.get() >= limit) {
            return Err(TooManyConnections);
        }
        *open.or_default() += 1;
        self.network = Some(network);
        Ok(())
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        if let Some(network) = self.network
            && let Entry::Occupied(mut open) = state.open.entry(network)
        {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
        let permit = self.permit.take();
        if state.excess > 0 {
            state.excess -= 1;
            permit.into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
}

fn permits(connections: u32) -> usize {
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A connection from `text`, if there is room for it.
    fn connect(limit: &Arc<ConnectionLimit>, text: &str) -> Option<ConnectionPermit> {
        let mut permit = limit.acquire().now_or_never()?;
        permit.count_for(address(text)).ok()?;
        Some(permit)
    }

    #[test]
    fn one_address_cannot_hold_all_connections() {
        let limit = ConnectionLimit::new(8, 2);
        for (first, same_client, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::1"),
        ] {
            let held = [connect(&limit, first).unwrap(), connect(&limit, same_client).unwrap()];
            assert!(connect(&limit, first).is_none() && connect(&limit, same_client).is_none(), "{first}");
            assert!(connect(&limit, other).is_some(), "{other}");
            drop(held);
            assert!(connect(&limit, first).is_some(), "closing frees a place");
        }
        assert!(limit.state().open.is_empty(), "nothing is remembered of closed connections");
    }

    #[test]
    fn proxies_and_this_machine_have_no_limit_of_their_own() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
        for unlimited in
            ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8:1::5"]
        {
            assert_eq!(limited_address(address(unlimited), &trusted), None, "{unlimited}");
        }
        for (peer, counted) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("11.0.0.1", "11.0.0.1"),
            ("2001:db8:2::5", "2001:db8:2::5"),
            ("::127.0.0.1", "::127.0.0.1"),
            ("0.0.0.0", "0.0.0.0"),
        ] {
            assert_eq!(limited_address(address(peer), &trusted), Some(address(counted)), "{peer}");
        }
    }

    #[tokio::test]
    async fn a_waiting_connection_proceeds_when_another_closes_or_the_limit_is_raised() {
        let limit = ConnectionLimit::new(1, 1);
        let first = limit.acquire().await;
        let mut second = Box::pin(limit.acquire());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let _second = second.await;
        let mut third = Box::pin(limit.acquire());
        assert!(third.as_mut().now_or_never().is_none());
        limit.set(2, 1);
        let _third = third.await;
        assert!(limit.acquire().now_or_never().is_none());
    }

    #[test]
    fn a_lowered_limit_holds_as_open_connections_close() {
        let limit = ConnectionLimit::new(4, 4);
        let mut open: Vec<_> = (1..=4).map(|_| connect(&limit, "192.0.2.1").unwrap()).collect();
        limit.set(2, 2);
        for still_open in [3, 2] {
            open.pop();
            assert!(limit.acquire().now_or_never().is_none(), "{still_open} are open, and two may be");
        }
        open.pop();
        assert!(connect(&limit, "192.0.2.1").is_some());
        limit.set(1, 1);
        limit.set(3, 3);
        assert!(connect(&limit, "192.0.2.1").is_some());
        open.clear();
        let held: Vec<_> = (0..3).map(|_| connect(&limit, "192.0.2.1").unwrap()).collect();
        assert!(limit.acquire().now_or_never().is_none(), "no permit is lost or made by changes");
        drop(held);
        limit.set(8, 1);
        let held = connect(&limit, "192.0.2.1");
        assert!(held.is_some() && connect(&limit, "192.0.2.1").is_none());
    }

    #[test]
    fn refusals_are_logged_once_a_minute_with_their_number() {
        let (limit, start) = (ConnectionLimit::new(1, 1), Instant::now());
        let logged = [0, 1, 59, 60, 61].map(|second| limit.count_refusal(start + Duration::from_secs(second)));
        assert_eq!(logged, [Some(1), None, None, Some(3), None]);
    }
}
