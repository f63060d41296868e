//! What sharing has done, counted.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long after Redis refused something it still counts as refusing.
const GRUDGE: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) found: Counter,
    pub(super) failures_found: Counter,
    pub(super) leased: Counter,
    pub(super) waited: Counter,
    pub(super) alone: Counter,
    pub(super) rejected: Counter,
    pub(super) refused: Counter,
    pub(super) broken: Counter,
    last_refusal: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How Redis is, as this replica sees it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum State {
    /// It answers.
    Up,
    /// It answers, but refused something within the last minute: it is full, or does not let us.
    Refusing,
    /// It does not answer, or has not yet; everything is done without it.
    #[default]
    Down,
}

impl State {
    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Refusing => "refusing",
            Self::Down => "down",
        }
    }
}

/// The counts since the start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// How Redis is.
    pub state: State,
    /// How many replicas were seen lately, this one included.
    pub replicas: u32,
    /// Keys that another replica had opened.
    pub found: u64,
    /// Failures that another replica had met.
    pub failures_found: u64,
    /// Loads that this replica made for all.
    pub leased: u64,
    /// Loads that waited for another replica.
    pub waited: u64,
    /// Loads that were made as if there were no Redis.
    pub alone: u64,
    /// Entries that did not open: changed, moved, or sealed by another key.
    pub rejected: u64,
    /// Commands that Redis refused.
    pub refused: u64,
    /// How often Redis was lost.
    pub broken: u64,
}

impl Tally {
    /// Notes that Redis refused something; whether it is the first time in a while.
    pub(super) fn refuse(&self) -> bool {
        self.refused.add();
        let before = self.last_refusal.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now());
        before.is_none_or(|before| before.elapsed() >= GRUDGE)
    }

    pub(super) fn counts(&self, is_up: bool, replicas: u32) -> Counts {
        let last_refusal = *self.last_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match last_refusal {
            _ if !is_up => State::Down,
            Some(at) if at.elapsed() < GRUDGE => State::Refusing,
            _ => State::Up,
        };
        Counts {
            state,
            replicas,
            found: self.found.read(),
            failures_found: self.failures_found.read(),
            leased: self.leased.read(),
            waited: self.waited.read(),
            alone: self.alone.read(),
            rejected: self.rejected.read(),
            refused: self.refused.read(),
            broken: self.broken.read(),
        }
    }
}
