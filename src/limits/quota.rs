//! A rate with its burst, and the arithmetic of GCRA.

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

/// The longest time in which a spent burst comes back, so that no sum of times leaves its type.
const MAX_REFILL: Duration = Duration::from_hours(24 * 7);

/// So many at once, and so many in a length of time ever after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// Nanoseconds in which one of the burst comes back; at least 1.
    interval: i64,
    burst: u32,
}

/// More was asked for than there is.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("more requests came than the limit of {burst} at once, which come back in {refill:?}")]
pub struct Exceeded {
    /// The most at once.
    pub burst: u32,
    /// The time in which a spent burst comes back whole.
    pub refill: Duration,
    /// After which time the same would be given. It never is if it is more than `burst`; then this is `refill`.
    pub retry_after: Duration,
}

impl Quota {
    /// `count` in each length of time `per`, `burst` of them at once; `None` if one of these is nothing, or if the burst
    /// would take more than a week to come back.
    #[must_use]
    pub fn new(count: u32, per: Duration, burst: u32) -> Option<Self> {
        let interval = i64::try_from(per.as_nanos().checked_div(count.into())?).ok()?;
        let refill = u64::try_from(interval).ok()?.checked_mul(burst.into())?;
        (interval > 0 && burst > 0 && refill <= u64::try_from(MAX_REFILL.as_nanos()).ok()?)
            .then_some(Self { interval, burst })
    }

    /// The most at once.
    #[must_use]
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// The time in which one of the burst comes back.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_nanos(self.interval.unsigned_abs())
    }

    /// Takes `cost` from somebody whose burst is whole again at the moment `full`, and returns the new such moment.
    /// Moments are nanoseconds since the epoch.
    pub(super) fn take(self, full: i64, cost: u32, now: i64) -> Result<i64, Exceeded> {
        let refill = self.refill();
        // Nobody owes more than a burst; who seems to was seen by a clock that has since been put back.
        let start = full.clamp(now, now.saturating_add(refill));
        let next = start.saturating_add(self.interval.saturating_mul(cost.into()));
        let early = next.saturating_sub(refill).saturating_sub(now);
        if early <= 0 { Ok(next) } else { Err(self.exceeded(early.min(refill))) }
    }

    /// The moment at which the burst is whole again, after `cost` was given back where it was `full`.
    pub(super) fn give_back(self, full: i64, cost: u32) -> i64 {
        full.saturating_sub(self.interval.saturating_mul(cost.into()))
    }

    fn refill(self) -> i64 {
        self.interval * i64::from(self.burst)
    }

    fn exceeded(self, wait: i64) -> Exceeded {
        let length = |nanos: i64| Duration::from_nanos(nanos.unsigned_abs());
        Exceeded { burst: self.burst, refill: length(self.refill()), retry_after: length(wait) }
    }
}

/// `now` as [`Quota::take`] counts it. A clock outside the years 1677 to 2262 is wrong and is taken to stand in 1970.
pub(super) fn nanos(now: DateTime<Utc>) -> i64 {
    now.timestamp_nanos_opt().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_767_225_600_000_000_000;

    fn quotas() -> impl Strategy<Value = Quota> {
        (1_u32..2000, 1_u64..7200, 1_u32..500).prop_filter_map("a quota", |(count, seconds, burst)| {
            Quota::new(count, Duration::from_secs(seconds), burst)
        })
    }

    /// Costs, each with the nanoseconds since the one before.
    fn requests() -> impl Strategy<Value = Vec<(i64, u32)>> {
        let gap = prop_oneof![Just(0), 0..1_000_000_000_i64, 0..3_600_000_000_000_i64];
        prop::collection::vec((gap, 1_u32..20), 1..200)
    }

    /// A bucket that is filled drop by drop: the same law in other words, in units of one interval over a nanosecond.
    struct Model {
        quota: Quota,
        drops: i128,
        seen: i64,
    }

    impl Model {
        fn take(&mut self, cost: u32, now: i64) -> bool {
            let whole = i128::from(self.quota.interval) * i128::from(self.quota.burst);
            self.drops = whole.min(self.drops + i128::from(now - self.seen));
            self.seen = now;
            let price = i128::from(self.quota.interval) * i128::from(cost);
            let enough = self.drops >= price;
            if enough {
                self.drops -= price;
            }
            enough
        }
    }

    proptest! {
        #[test]
        fn it_decides_as_a_bucket_that_is_filled_drop_by_drop(quota in quotas(), requests in requests()) {
            let mut model = Model { quota, drops: i128::from(quota.refill()), seen: START };
            let (mut full, mut now) = (0, START);
            for (gap, cost) in requests {
                now += gap;
                let taken = quota.take(full, cost, now);
                prop_assert_eq!(taken.is_ok(), model.take(cost, now));
                full = taken.unwrap_or(full);
            }
        }

        #[test]
        fn no_stretch_of_time_sees_more_than_a_burst_and_the_rate(quota in quotas(), requests in requests()) {
            let (mut full, mut now) = (0, START);
            let mut given: Vec<(i64, u64)> = Vec::new();
            for (gap, cost) in requests {
                now += gap;
                if let Ok(next) = quota.take(full, cost, now) {
                    full = next;
                    given.push((now, cost.into()));
                }
            }
            for (first, (from, _)) in given.iter().enumerate() {
                let mut sum = 0;
                for (to, cost) in &given[first..] {
                    sum += cost;
                    let earned = (to - from).unsigned_abs() / quota.interval.unsigned_abs();
                    prop_assert!(sum <= u64::from(quota.burst) + earned);
                }
            }
        }

        #[test]
        fn who_waits_as_told_is_served_and_not_a_moment_earlier(quota in quotas(), spent in 0_u32..500, cost in 1_u32..500) {
            let cost = cost.min(quota.burst);
            let full = START + quota.interval * i64::from(spent.min(quota.burst));
            if let Err(exceeded) = quota.take(full, cost, START) {
                let told = START + i64::try_from(exceeded.retry_after.as_nanos()).unwrap();
                prop_assert!(quota.take(full, cost, told).is_ok());
                prop_assert!(quota.take(full, cost, told - 1).is_err());
            }
        }

        #[test]
        fn what_is_given_back_at_once_was_never_taken(quota in quotas(), spent in 0_u32..500, cost in 1_u32..500) {
            let full = START + quota.interval * i64::from(spent.min(quota.burst));
            if let Ok(taken) = quota.take(full, cost, START) {
                prop_assert_eq!(quota.give_back(taken, cost), full);
            }
        }

        #[test]
        fn who_keeps_to_the_rate_is_never_refused(quota in quotas(), count in 1_i64..300) {
            let mut full = 0;
            for step in 0..count {
                let taken = quota.take(full, 1, START + step * quota.interval);
                prop_assert!(taken.is_ok());
                full = taken.unwrap();
            }
        }

        #[test]
        fn a_clock_that_is_put_back_locks_nobody_out(quota in quotas(), back in 0..i64::MAX / 4) {
            let full = quota.take(0, quota.burst, START).unwrap();
            let now = START - back;
            let wait = quota.take(full, 1, now).err().map_or(0, |exceeded| exceeded.retry_after.as_nanos());
            prop_assert!(wait <= u128::from(quota.refill().unsigned_abs()));
        }
    }

    #[test]
    fn more_than_a_burst_is_never_given() {
        let quota = Quota::new(10, Duration::from_secs(1), 50).unwrap();
        let exceeded = quota.take(0, 51, START).unwrap_err();
        assert_eq!(exceeded.refill, Duration::from_secs(5));
        assert!(quota.take(0, 51, START + 1_000_000_000_000).is_err());
        assert!(quota.take(0, u32::MAX, START).unwrap_err().retry_after <= exceeded.refill);
    }

    #[test]
    fn a_quota_of_nothing_is_none() {
        let second = Duration::from_secs(1);
        for (count, per, burst) in [
            (0, second, 1),
            (1, second, 0),
            (1, Duration::ZERO, 1),
            (u32::MAX, second, 1),
            (1, Duration::from_hours(24 * 8), 1),
            (1, Duration::MAX, u32::MAX),
        ] {
            assert_eq!(Quota::new(count, per, burst), None, "{count} {per:?} {burst}");
        }
    }
}
