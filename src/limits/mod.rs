//! How often one may ask: a rate for each caller, for each address, and for each grant as a whole.
//!
//! A rate is held by GCRA, the generic cell rate algorithm: all that is kept of somebody is one moment, the one at which
//! their whole burst is free again, so that a bucket needs neither a timer nor a counter. Time is an argument.

mod buckets;
mod quota;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::buckets::{Bucket, Buckets};
pub use self::quota::{Exceeded, Quota};

/// The rates of a server, with what is left of each.
#[derive(Debug, Default)]
pub struct Rates {
    callers: Option<Arc<Buckets<String>>>,
    addresses: Option<Arc<Buckets<u128>>>,
    /// In the order of the names.
    grants: Vec<(Box<str>, Arc<Bucket>)>,
    is_shared: bool,
}

impl Rates {
    /// Rates for each caller and each address; `None` is without limit.
    #[must_use]
    pub fn new(caller: Option<Quota>, address: Option<Quota>) -> Self {
        let (callers, addresses) = (caller.map(Buckets::new), address.map(Buckets::new));
        Self { callers: callers.map(Arc::new), addresses: addresses.map(Arc::new), ..Self::default() }
    }

    /// The same with a rate for all that is asked of the grant `name`, whoever asks.
    #[must_use]
    pub fn with_grant(mut self, name: &str, quota: Quota) -> Self {
        let at = self.grants.partition_point(|(other, _)| **other < *name);
        self.grants.insert(at, (name.into(), Arc::new(Bucket::new(quota))));
        self
    }

    /// The same with what `before` has counted, where the rate is the one it was.
    #[must_use]
    pub fn keeping(mut self, before: &Self) -> Self {
        keep(&mut self.callers, before.callers.as_ref(), Buckets::quota);
        keep(&mut self.addresses, before.addresses.as_ref(), Buckets::quota);
        for (name, bucket) in &mut self.grants {
            if let Some(counted) = before.of_grant(name)
                && counted.quota() == bucket.quota()
            {
                *bucket = Arc::clone(counted);
            }
        }
        self
    }

    /// The same with the rate for each caller shared with other servers, by whoever carries [`Self::untold`] to them.
    #[must_use]
    pub fn shared(self) -> Self {
        Self { is_shared: true, ..self }
    }

    /// The rate for each caller, if it is shared, and what callers have taken since this was last asked.
    #[must_use]
    pub fn untold(&self) -> Option<(Quota, Vec<(String, u32)>)> {
        let callers = self.callers.as_ref().filter(|_| self.is_shared)?;
        Some((callers.quota(), callers.untold()))
    }

    /// With what it took elsewhere, the burst of the caller with this id is whole again at `full`.
    pub fn caller_owes(&self, id: &str, full: DateTime<Utc>) {
        if let Some(callers) = &self.callers {
            callers.owes(id, full);
        }
    }

    /// Takes `cost` from what the caller with this id may have.
    pub fn caller(&self, id: &str, cost: u32, now: DateTime<Utc>) -> Result<(), Exceeded> {
        self.callers.as_ref().map_or(Ok(()), |buckets| buckets.take(id, cost, now))
    }

    /// Takes `cost` from what the network of `address` may have.
    pub fn address(&self, address: IpAddr, cost: u32, now: DateTime<Utc>) -> Result<(), Exceeded> {
        self.addresses.as_ref().map_or(Ok(()), |buckets| buckets.take(&network(address), cost, now))
    }

    /// Gives back `cost` that the caller with this id took.
    pub fn refund_caller(&self, id: &str, cost: u32) {
        if let Some(callers) = &self.callers {
            callers.give_back(id, cost);
        }
    }

    /// Gives back `cost` that the network of `address` took.
    pub fn refund_address(&self, address: IpAddr, cost: u32) {
        if let Some(addresses) = &self.addresses {
            addresses.give_back(&network(address), cost);
        }
    }

    /// The most that one request may ever cost: the smaller burst of the rates for addresses and, if the caller is known,
    /// for callers. `None` is without limit.
    #[must_use]
    pub fn largest_cost(&self, is_known_caller: bool) -> Option<u32> {
        let caller = self.callers.as_ref().filter(|_| is_known_caller).map(|buckets| buckets.quota().burst());
        let address = self.addresses.as_ref().map(|buckets| buckets.quota().burst());
        caller.into_iter().chain(address).min()
    }

    /// Takes `cost` from what may be had of the grant `name`.
    pub fn grant(&self, name: &str, cost: u32, now: DateTime<Utc>) -> Result<(), Exceeded> {
        self.of_grant(name).map_or(Ok(()), |bucket| bucket.take(cost, now))
    }

    fn of_grant(&self, name: &str) -> Option<&Arc<Bucket>> {
        let at = self.grants.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        Some(&self.grants[at].1)
    }
}

fn keep<B>(now: &mut Option<Arc<B>>, before: Option<&Arc<B>>, quota: impl Fn(&B) -> Quota) {
    if let (Some(new), Some(counted)) = (&*now, before)
        && quota(new) == quota(counted)
    {
        *now = Some(Arc::clone(counted));
    }
}

/// What counts as one address: one of IPv4, but 64 bits of IPv6, since that much is given to a single customer.
#[must_use]
pub fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn one_a_minute() -> Option<Quota> {
        Quota::new(1, Duration::from_mins(1), 1)
    }

    #[test]
    fn an_address_of_ipv6_is_its_network() {
        let rates = Rates::new(None, one_a_minute());
        let take = |address: &str| rates.address(address.parse().unwrap(), 1, NOW).is_ok();
        assert!(take("2001:db8::1"));
        assert!(!take("2001:db8::2"), "one customer has 64 bits");
        assert!(!take("2001:db8:0:0:ffff:ffff:ffff:ffff"));
        assert!(take("2001:db8:0:1::1"));
        assert!(take("192.0.2.1"));
        assert!(!take("::ffff:192.0.2.1"), "the same address in the clothes of IPv6");
        assert!(take("192.0.2.2"));
    }

    #[test]
    fn what_is_not_limited_is_let_through() {
        let rates = Rates::new(None, None).with_grant("a", one_a_minute().unwrap());
        for _ in 0..1000 {
            assert!(rates.caller("alice", 100, NOW).is_ok());
            assert!(rates.grant("b", 100, NOW).is_ok());
        }
        assert!(rates.grant("a", 1, NOW).is_ok());
        assert!(rates.grant("a", 1, NOW).is_err(), "whoever asks");
    }

    #[test]
    fn new_rates_keep_the_counts_of_those_that_are_the_same() {
        let spent = Rates::new(one_a_minute(), one_a_minute()).with_grant("a", one_a_minute().unwrap());
        let address = "192.0.2.1".parse().unwrap();
        assert!(spent.caller("alice", 1, NOW).is_ok());
        assert!(spent.address(address, 1, NOW).is_ok());
        assert!(spent.grant("a", 1, NOW).is_ok());
        let two_a_minute = Quota::new(2, Duration::from_mins(1), 2);
        let rates = Rates::new(one_a_minute(), two_a_minute).with_grant("a", one_a_minute().unwrap()).keeping(&spent);
        assert!(rates.caller("alice", 1, NOW).is_err());
        assert!(rates.address(address, 1, NOW).is_ok(), "another rate begins anew");
        assert!(rates.grant("a", 1, NOW).is_err());
    }

    #[test]
    fn the_smaller_burst_is_the_largest_cost() {
        let quota = |burst| Quota::new(1, Duration::from_secs(1), burst);
        let rates = Rates::new(quota(3), quota(5));
        assert_eq!((rates.largest_cost(true), rates.largest_cost(false)), (Some(3), Some(5)));
        assert_eq!(Rates::new(quota(5), None).largest_cost(false), None);
        assert_eq!(Rates::new(None, quota(5)).largest_cost(true), Some(5));
    }

    #[test]
    fn callers_do_not_spend_what_others_have() {
        let rates = Rates::new(one_a_minute(), None);
        assert!(rates.caller("alice", 1, NOW).is_ok());
        assert!(rates.caller("bob", 1, NOW).is_ok());
        assert!(rates.caller("alice", 1, NOW).is_err());
    }
}
