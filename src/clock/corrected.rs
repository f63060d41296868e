//! The time as STS has it: a session's life and a signature's date are judged by the cloud's clock, not by ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::future::BoxFuture;

use super::{Clock, Timestamp};

/// What `Date` cannot tell: it has whole seconds, and the answer took a while to come.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// A clock set right by what STS says.
///
/// The time is the later of two: the machine's time of day with the correction, and the time that ran since the last
/// correction. The second keeps a clock that is put back from giving life to dead keys; the first sees a machine that
/// slept, whose running time stood still.
#[derive(Debug)]
pub struct CorrectedClock {
    inner: Arc<dyn Clock>,
    /// How far the cloud's clock is ahead of the machine's, in milliseconds.
    offset: AtomicI64,
    /// The cloud's time, in Unix milliseconds, when `elapsed` was zero.
    origin: AtomicI64,
}

impl CorrectedClock {
    /// `inner`, taken to be right until STS says otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn Clock>) -> Self {
        let origin = inner.now().timestamp_millis() - milliseconds(inner.elapsed());
        Self { inner, offset: AtomicI64::new(0), origin: AtomicI64::new(origin) }
    }

    /// Sets the clock right by `date`, which STS sent some time after `asked` of this clock's run. What is within two
    /// seconds is left as it is. Nobody knows how much of the time went by after STS looked at its clock, so all of it
    /// is taken to have: a clock that is ahead gives no life to dead keys.
    pub fn correct(&self, date: Timestamp, asked: Duration) {
        let elapsed = self.inner.elapsed();
        let under_way = TimeDelta::milliseconds(milliseconds(elapsed.saturating_sub(asked)));
        let late = self.now() - date;
        if late < -TOLERANCE || late > under_way + TOLERANCE {
            let right = date + under_way;
            self.offset.store((right - self.inner.now()).num_milliseconds(), Ordering::Relaxed);
            self.origin.store(right.timestamp_millis() - milliseconds(elapsed), Ordering::Relaxed);
            tracing::warn!(seconds = self.offset().num_seconds(), "this machine's clock is corrected by that of STS");
        }
    }

    /// How far the cloud's clock is ahead of the machine's.
    #[must_use]
    pub fn offset(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.offset.load(Ordering::Relaxed))
    }
}

impl Clock for CorrectedClock {
    fn now(&self) -> Timestamp {
        self.reading().0
    }

    fn elapsed(&self) -> Duration {
        self.inner.elapsed()
    }

    fn reading(&self) -> (Timestamp, Duration) {
        let (machine, elapsed) = self.inner.reading();
        let offset = self.offset.load(Ordering::Relaxed);
        let by_day = machine.timestamp_millis() + offset;
        let by_run = self.origin.load(Ordering::Relaxed) + milliseconds(elapsed);
        // Every request comes by here, and nearly always the machine is right.
        if offset == 0 && by_run <= by_day {
            return (machine, elapsed);
        }
        (DateTime::from_timestamp_millis(by_run.max(by_day)).unwrap_or(machine), elapsed)
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        self.inner.sleep(length)
    }
}

fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::ManualClock;
    use super::*;

    fn clocks() -> (Arc<ManualClock>, CorrectedClock) {
        let manual = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        (manual.clone(), CorrectedClock::new(manual))
    }

    #[test]
    fn a_wrong_clock_is_set_right_and_goes_on_rightly() {
        for wrong in [-1200, 1200] {
            let (manual, clock) = clocks();
            let right = manual.now() + TimeDelta::seconds(wrong);
            clock.correct(right, manual.elapsed());
            manual.advance(TimeDelta::seconds(60));
            assert_eq!(clock.now(), right + TimeDelta::seconds(60));
            assert_eq!(clock.offset().num_seconds(), wrong);
        }
    }

    #[test]
    fn a_second_more_or_less_is_no_error() {
        let (manual, clock) = clocks();
        clock.correct(manual.now() - TimeDelta::seconds(2), manual.elapsed());
        assert_eq!(clock.now(), manual.now());
    }

    #[test]
    fn an_answer_that_was_long_under_way_puts_no_clock_back() {
        let (manual, clock) = clocks();
        let date = manual.now();
        manual.advance(TimeDelta::seconds(5));
        clock.correct(date, Duration::ZERO);
        assert_eq!(clock.now(), manual.now());
        clock.correct(date - TimeDelta::minutes(10), Duration::ZERO);
        assert_eq!(clock.now(), date - TimeDelta::minutes(10) + TimeDelta::seconds(5));
    }

    #[test]
    fn a_clock_that_is_put_back_gives_no_life() {
        let (manual, clock) = clocks();
        let start = clock.now();
        manual.advance(TimeDelta::seconds(100));
        manual.jump(TimeDelta::minutes(-10));
        assert_eq!(clock.now(), start + TimeDelta::seconds(100));
    }

    #[test]
    fn a_machine_that_slept_is_seen_by_its_time_of_day() {
        let (manual, clock) = clocks();
        let start = clock.now();
        manual.jump(TimeDelta::hours(8));
        assert_eq!(clock.now(), start + TimeDelta::hours(8));
    }

    #[test]
    fn whoever_sleeps_wakes_as_time_passes() {
        let (manual, clock) = clocks();
        let mut sleep = clock.sleep(Duration::from_secs(10));
        let mut poll = || futures_util::FutureExt::now_or_never(&mut sleep).is_some();
        assert!(!poll());
        manual.advance(TimeDelta::seconds(9));
        assert!(!poll());
        manual.advance(TimeDelta::seconds(1));
        assert!(poll());
    }
}
