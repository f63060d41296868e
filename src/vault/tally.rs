//! What the vault has done, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::metrics::{Distribution, Histogram};
use crate::replicas;
use crate::sts::StsError;

/// The most codes of STS that are counted apart; the rest, which no real STS has, are counted together.
const CODES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Tally {
    loads: AtomicU64,
    refreshes: AtomicU64,
    served_while_failing: AtomicU64,
    waits: AtomicU64,
    waited: AtomicU64,
    turned_away: AtomicU64,
    evicted: AtomicU64,
    under_way: AtomicU64,
    calls: Histogram,
    failures: Mutex<BTreeMap<String, u64>>,
}

/// The counts since the start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Loads that someone waited for.
    pub loads: u64,
    /// Loads behind an answer.
    pub refreshes: u64,
    /// Answers given from a key that was held while STS failed.
    pub served_while_failing: u64,
    /// Calls that had to wait for the budget.
    pub waits: u64,
    /// How long they waited, all together.
    pub waited: Duration,
    /// Loads that the budget turned away.
    pub turned_away: u64,
    /// Sessions given up for the bound.
    pub evicted: u64,
    /// Loads that are under way now; this one goes up and down.
    pub under_way: u64,
    /// How long the calls of STS took, failed ones too.
    pub calls: Distribution,
    /// Failed calls by STS's code, or by their kind where STS gave none.
    pub failures: BTreeMap<String, u64>,
    /// What was shared with other replicas, where that is configured.
    pub replicas: Option<replicas::Counts>,
}

/// One load.
pub(super) struct UnderWay<'t>(&'t Tally);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tally {
    /// A load is begun.
    pub(super) fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// The load that was begun is under way until what is returned is dropped.
    pub(super) fn under_way(&self) -> UnderWay<'_> {
        UnderWay(self)
    }

    pub(super) fn load(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refresh(&self) {
        self.refreshes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn served_while_failing(&self) {
        self.served_while_failing.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn waited(&self, length: Duration) {
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited.fetch_add(u64::try_from(length.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn evicted(&self, sessions: usize) {
        self.evicted.fetch_add(sessions as u64, Ordering::Relaxed);
    }

    pub(super) fn called(&self, length: Duration) {
        self.calls.observe(length);
    }

    pub(super) fn failed(&self, error: &StsError) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let code = error.code().unwrap_or(error.kind());
        let known = failures.contains_key(code) || failures.len() < CODES;
        *failures.entry(if known { code } else { "other" }.to_owned()).or_default() += 1;
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            loads: read(&self.loads),
            refreshes: read(&self.refreshes),
            served_while_failing: read(&self.served_while_failing),
            waits: read(&self.waits),
            waited: Duration::from_micros(read(&self.waited)),
            turned_away: read(&self.turned_away),
            evicted: read(&self.evicted),
            under_way: read(&self.under_way),
            calls: self.calls.read(),
            failures: self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            replicas: None,
        }
    }
}
