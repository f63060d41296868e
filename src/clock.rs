//! Time as an injected value: the only trait of ours, with the machine's clock and one that tests move.

use std::fmt::Debug;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

/// A moment in UTC; every time in this crate is one.
pub type Timestamp = DateTime<Utc>;

/// Tells the time. It is asked once a request, at the edge; below that, the time is an argument.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the system clock is read")]
    fn now(&self) -> Timestamp {
        Utc::now()
    }
}

/// A clock that stands still until it is moved, for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves the clock by `step`; a negative step moves it back.
    pub fn advance(&self, step: TimeDelta) {
        *self.lock() += step;
    }

    /// Puts the clock to `moment`.
    pub fn set(&self, moment: Timestamp) {
        *self.lock() = moment;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Timestamp> {
        self.0.lock().expect("no code panics while it holds the time")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.lock()
    }
}
