//! The time as STS has it: a session's life and a signature's date are judged by the cloud's clock, not by ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::future::BoxFuture;

use super::{Clock, Reading, Timestamp};

/// The error of an STS `Date` that is ignored: it has whole seconds, and the answer took a while to arrive.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// The largest correction that is accepted. A machine whose clock shows local time as UTC is at most 14 hours off; a
/// server that answers in the place of STS can move the cloud time by no more than this.
const MAX_CORRECTION: TimeDelta = TimeDelta::hours(24);

/// An offset of this size is logged as a warning: such a machine does not use NTP.
const WARN_OFFSET: TimeDelta = TimeDelta::minutes(1);

/// The machine's clock, and the correction that is learnt from STS.
///
/// There are two times, and they are not interchangeable:
///
/// - **Machine time** ([`Reading::machine`]) judges proofs, key sets and rate limits. Nothing that STS says changes it.
/// - **Cloud time** ([`Self::cloud_time`]) dates signatures, judges the life of credentials and is `serverTime`.
///
/// The cloud time is the later of two: the machine's time of day with the correction, and the time that ran since the last
/// correction. The second keeps a clock that is put back from giving life to dead keys; the first sees a machine that
/// slept, whose running time stood still.
#[derive(Debug)]
pub struct CorrectedClock {
    machine: Arc<dyn Clock>,
    /// How far the cloud's clock is ahead of the machine's, in milliseconds.
    correction: AtomicI64,
    /// The cloud's time, in Unix milliseconds, when `elapsed` was zero.
    origin: AtomicI64,
    /// The correction that was refused last, in milliseconds; 0 once STS sends an acceptable date.
    refused: AtomicI64,
}

impl CorrectedClock {
    /// `machine`, taken to be right until STS says otherwise.
    #[must_use]
    pub fn new(machine: Arc<dyn Clock>) -> Self {
        let origin = machine.now().timestamp_millis() - milliseconds(machine.elapsed());
        Self { machine, correction: AtomicI64::new(0), origin: AtomicI64::new(origin), refused: AtomicI64::new(0) }
    }

    /// Learns from `date`, which STS sent in answer to a request made when this clock had run for `asked`. A difference
    /// within two seconds is ignored; a correction of more than 24 hours is refused and logged.
    ///
    /// How much of the time passed after STS read its clock is unknown, so all of it is assumed to have: a clock
    /// that is ahead gives no life to dead keys.
    pub fn correct(&self, date: Timestamp, asked: Duration) {
        let reading = self.reading();
        let under_way = TimeDelta::milliseconds(milliseconds(reading.elapsed.saturating_sub(asked)));
        let late = self.cloud_time_at(reading) - date;
        if late < -TOLERANCE || late > under_way + TOLERANCE {
            let right = date.checked_add_signed(under_way).unwrap_or(date);
            if !self.apply(right, reading) {
                return;
            }
        }
        self.refused.store(0, Ordering::Relaxed);
    }

    /// Takes `right` for the cloud time at `reading`, unless it is too far from the machine time.
    fn apply(&self, right: Timestamp, Reading { machine, elapsed }: Reading) -> bool {
        let correction = right - machine;
        let seconds = correction.num_seconds();
        if correction.abs() > MAX_CORRECTION {
            if self.refused.swap(correction.num_milliseconds(), Ordering::Relaxed) == 0 {
                tracing::error!(
                    seconds,
                    hint = "set this machine's clock by NTP; if it is right, check what answers at sts.endpoint",
                    "clock correction from STS refused: it is more than 24 hours"
                );
            }
            return false;
        }
        self.correction.store(correction.num_milliseconds(), Ordering::Relaxed);
        self.origin.store(right.timestamp_millis() - milliseconds(elapsed), Ordering::Relaxed);
        if correction.abs() >= WARN_OFFSET {
            tracing::warn!(seconds, hint = "set this machine's clock by NTP", "machine clock differs from that of STS");
        } else {
            tracing::info!(seconds, "cloud time corrected by that of STS");
        }
        true
    }

    /// One look at the machine's clock: the machine time, and how long the clock has run.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.machine.reading()
    }

    /// The cloud time now: for signing, for the life of credentials and for `serverTime`, and for nothing else.
    #[must_use]
    pub fn cloud_time(&self) -> Timestamp {
        self.cloud_time_at(self.reading())
    }

    /// The cloud time at `reading`, by what is known of the cloud's clock now: a correction that was learnt after the
    /// reading counts. It does not look at the clock.
    #[must_use]
    pub fn cloud_time_at(&self, Reading { machine, elapsed }: Reading) -> Timestamp {
        let correction = self.correction.load(Ordering::Relaxed);
        let by_day = machine.timestamp_millis() + correction;
        let by_run = self.origin.load(Ordering::Relaxed) + milliseconds(elapsed);
        // Every request comes by here, and nearly always the machine is right.
        if correction == 0 && by_run <= by_day {
            return machine;
        }
        DateTime::from_timestamp_millis(by_run.max(by_day)).unwrap_or(machine)
    }

    /// How long this clock runs; it never jumps.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    /// Ends after `length`.
    pub fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        self.machine.sleep(length)
    }

    /// The machine's clock, without any correction.
    #[must_use]
    pub fn machine(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.machine)
    }

    /// How far the cloud time is ahead of the machine time.
    #[must_use]
    pub fn offset(&self) -> TimeDelta {
        let reading = self.reading();
        self.cloud_time_at(reading) - reading.machine
    }

    /// The offset, if it is of the size that is warned of: a minute or more.
    #[must_use]
    pub fn notable_offset(&self) -> Option<TimeDelta> {
        Some(self.offset()).filter(|offset| offset.abs() >= WARN_OFFSET)
    }

    /// The correction that the last answer of STS asked for, if it was refused for its size.
    #[must_use]
    pub fn refused_correction(&self) -> Option<TimeDelta> {
        Some(self.refused.load(Ordering::Relaxed)).filter(|refused| *refused != 0).map(TimeDelta::milliseconds)
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
            assert_eq!(clock.cloud_time(), right + TimeDelta::seconds(60));
            assert_eq!(clock.offset().num_seconds(), wrong);
        }
    }

    #[test]
    fn a_second_more_or_less_is_no_error() {
        let (manual, clock) = clocks();
        clock.correct(manual.now() - TimeDelta::seconds(2), manual.elapsed());
        assert_eq!(clock.cloud_time(), manual.now());
    }

    #[test]
    fn an_answer_that_was_long_under_way_puts_no_clock_back() {
        let (manual, clock) = clocks();
        let date = manual.now();
        manual.advance(TimeDelta::seconds(5));
        clock.correct(date, Duration::ZERO);
        assert_eq!(clock.cloud_time(), manual.now());
        clock.correct(date - TimeDelta::minutes(10), Duration::ZERO);
        assert_eq!(clock.cloud_time(), date - TimeDelta::minutes(10) + TimeDelta::seconds(5));
    }

    #[test]
    fn a_clock_that_is_put_back_gives_no_life() {
        let (manual, clock) = clocks();
        let start = clock.cloud_time();
        manual.advance(TimeDelta::seconds(100));
        manual.jump(TimeDelta::minutes(-10));
        assert_eq!(clock.cloud_time(), start + TimeDelta::seconds(100));
    }

    #[test]
    fn a_machine_that_slept_is_seen_by_its_time_of_day() {
        let (manual, clock) = clocks();
        let start = clock.cloud_time();
        manual.jump(TimeDelta::hours(8));
        assert_eq!(clock.cloud_time(), start + TimeDelta::hours(8));
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

    #[test]
    fn a_correction_beyond_24_hours_is_refused_and_the_one_before_stays() {
        let dates = ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 02 Jan 2026 00:00:03 GMT"];
        for date in dates {
            let (manual, clock) = clocks();
            clock.correct(manual.now() + TimeDelta::hours(8), manual.elapsed());
            let date = DateTime::parse_from_rfc2822(date).unwrap().to_utc();
            clock.correct(date, manual.elapsed());
            assert_eq!(clock.offset(), TimeDelta::hours(8), "{date}");
            assert_eq!(clock.refused_correction(), Some(date - manual.now()));
            clock.correct(manual.now() + TimeDelta::hours(8), manual.elapsed());
            assert_eq!(clock.refused_correction(), None);
        }
    }

    #[test]
    fn no_series_of_corrections_leads_beyond_24_hours() {
        for step in [TimeDelta::hours(7), TimeDelta::hours(-7)] {
            let (manual, clock) = clocks();
            for _ in 0..100 {
                clock.correct(clock.cloud_time() + step, manual.elapsed());
            }
            assert!(clock.offset().abs() <= TimeDelta::hours(24), "{}", clock.offset());
        }
    }

    #[test]
    fn a_correction_never_changes_the_machine_time() {
        let (manual, clock) = clocks();
        let machine = manual.now();
        clock.correct(machine + TimeDelta::hours(8), manual.elapsed());
        assert_eq!((clock.reading().machine, clock.machine().now()), (machine, machine));
    }

    #[test]
    fn a_correction_counts_for_a_reading_that_was_taken_before_it() {
        let (manual, clock) = clocks();
        let reading = clock.reading();
        clock.correct(manual.now() + TimeDelta::minutes(20), manual.elapsed());
        assert_eq!(clock.cloud_time_at(reading), reading.machine + TimeDelta::minutes(20));
    }

    #[test]
    fn an_offset_is_notable_from_one_minute() {
        for (seconds, notable) in [(59, false), (60, true), (-60, true), (-59, false)] {
            let (manual, clock) = clocks();
            clock.correct(manual.now() + TimeDelta::seconds(seconds), manual.elapsed());
            assert_eq!(clock.notable_offset().is_some(), notable, "{seconds}");
        }
    }
}
