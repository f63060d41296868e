//! Time as an injected value: the machine's clock, one that tests move, and one that STS corrects.

mod corrected;
mod manual;

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use self::corrected::CorrectedClock;
pub use self::manual::ManualClock;

/// A moment in UTC; every time in this crate is one.
pub type Timestamp = DateTime<Utc>;

/// One look at a clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The machine's time of day. Proofs and rate limits are judged by it; signatures are not dated by it: see
    /// [`CorrectedClock::cloud_time_at`].
    pub machine: Timestamp,
    /// How long the clock had run.
    pub elapsed: Duration,
}

/// Tells the time. It is asked once a request, at the edge; below that, the time is an argument.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// How long this clock runs; it never jumps, whatever is done to the time of day.
    fn elapsed(&self) -> Duration;

    /// Both at once.
    fn reading(&self) -> Reading {
        Reading { machine: self.now(), elapsed: self.elapsed() }
    }

    /// Ends after `length`.
    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()>;
}

/// For how long the time of day is told from the clock's run before it is looked at again, in nanoseconds: one look tells
/// both to a request of a busy server, and that somebody puts the machine's clock is seen a millisecond later.
const BELIEVED: i64 = 1_000_000;

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// When the time of day was looked at last, in nanoseconds of the clock's run, and what it was then ahead of that.
    looked: AtomicI64,
    ahead: AtomicI64,
}

impl SystemClock {
    /// The clock; it runs from now on.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), looked: AtomicI64::new(i64::MIN), ahead: AtomicI64::new(0) }
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
        self.start.elapsed()
    }

    fn reading(&self) -> Reading {
        let elapsed = self.elapsed();
        let run = nanoseconds(elapsed);
        if run.saturating_sub(self.looked.load(Ordering::Acquire)) < BELIEVED {
            let machine = Timestamp::from_timestamp_nanos(run + self.ahead.load(Ordering::Relaxed));
            return Reading { machine, elapsed };
        }
        let machine = self.now();
        // A thread that was put aside meanwhile has not seen both at one moment.
        if nanoseconds(self.elapsed()) - run < BELIEVED {
            self.ahead.store(machine.timestamp_nanos_opt().unwrap_or(0) - run, Ordering::Relaxed);
            self.looked.store(run, Ordering::Release);
        }
        Reading { machine, elapsed }
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(length).boxed()
    }
}

fn nanoseconds(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_reading_is_of_its_moment_whether_the_time_of_day_was_looked_at_or_not() {
        let clock = SystemClock::new();
        // Each look may be a millisecond off.
        let (mut run, slack) = (Duration::ZERO, TimeDelta::milliseconds(2));
        for _ in 0..100_000 {
            let (before, Reading { machine: now, elapsed }, after) = (clock.now(), clock.reading(), clock.now());
            assert!(before - slack <= now && now <= after + slack, "{before} {now} {after}");
            assert!(run <= elapsed && elapsed <= clock.elapsed());
            run = elapsed;
        }
    }
}
