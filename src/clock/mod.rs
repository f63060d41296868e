//! Time as an injected value: the machine's clock, one that tests move, and one that STS corrects.

mod corrected;
mod manual;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use self::corrected::CorrectedClock;
pub use self::manual::ManualClock;

/// A moment in UTC; every time in this crate is one.
pub type Timestamp = DateTime<Utc>;

/// Tells the time. It is asked once a request, at the edge; below that, the time is an argument.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// How long this clock runs; it never jumps, whatever is done to the time of day.
    fn elapsed(&self) -> Duration;

    /// Ends after `length`.
    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// The clock; it runs from now on.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the system clock is read")]
    fn now(&self) -> Timestamp {
        Utc::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(length).boxed()
    }
}
