//! The calls that STS may be asked for in a second. The account's limit, 100, is shared by all its users and roles, so
//! ours stays beneath it, and every attempt counts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a first load may wait for its turn. Beyond it a caller is better told to come again than kept.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// An eighth of a second's worth of calls may go out at once. With the rate of 80 that makes 90 in the worst second, and
/// leaves room for those that are late on the way and arrive together with the next.
const BURST: f64 = 0.125;

/// Hands out calls at an even pace (GCRA): in no second more than the rate and an eighth.
///
/// First loads take their turn in the order in which they come, since someone waits for each. A refresh only takes what
/// nobody waits for: its key is still good, and the next request tries again.
#[derive(Debug)]
pub(super) struct Budget {
    /// The time between two calls.
    interval: Duration,
    /// How far calls may run ahead of the pace.
    burst: Duration,
    /// When the pace has caught up with the calls that were handed out.
    caught_up: Mutex<Duration>,
}

/// There are too many calls before this one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Spent {
    /// After this it is worth trying again.
    pub(super) retry_after: Duration,
}

impl Budget {
    /// So many calls a second, at least one.
    pub(super) fn new(calls_per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / calls_per_second.max(1);
        let burst = Duration::from_secs_f64(BURST).max(interval);
        Self { interval, burst, caught_up: Mutex::new(Duration::ZERO) }
    }

    /// The turn of a first load at the time `now` of a clock's run: how long it has to wait.
    pub(super) fn turn(&self, now: Duration) -> Result<Duration, Spent> {
        let mut caught_up = self.caught_up.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*caught_up).max(now) + self.interval;
        let wait = next.saturating_sub(now + self.burst);
        if wait > PATIENCE {
            return Err(Spent { retry_after: wait });
        }
        *caught_up = next;
        Ok(wait)
    }

    /// A call for a refresh, if nobody waits for one.
    pub(super) fn spare(&self, now: Duration) -> bool {
        let mut caught_up = self.caught_up.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*caught_up).max(now) + self.interval;
        // Half of the burst is kept for first loads that come a moment later.
        let is_spare = next <= now + (self.burst / 2).max(self.interval);
        if is_spare {
            *caught_up = next;
        }
        is_spare
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_an_even_pace() {
        let budget = Budget::new(80);
        let waits: Vec<_> = (0..40).map(|_| budget.turn(Duration::ZERO).unwrap()).collect();
        assert!(waits[..10].iter().all(Duration::is_zero));
        assert_eq!(waits[10], Duration::from_micros(12_500));
        assert_eq!(waits[39], ms(375));
    }

    #[test]
    fn beyond_patience_a_load_is_told_to_come_again_and_takes_no_turn() {
        let budget = Budget::new(10);
        let turns = (0..1000).filter(|_| budget.turn(Duration::ZERO).is_ok()).count();
        assert!((50..=53).contains(&turns), "{turns}");
        let spent = budget.turn(Duration::ZERO).unwrap_err();
        assert!(spent.retry_after > PATIENCE && spent.retry_after < PATIENCE + ms(200));
        assert!(budget.turn(ms(200)).is_ok());
    }

    #[test]
    fn a_refresh_takes_only_what_nobody_waits_for() {
        let budget = Budget::new(80);
        assert!(budget.spare(Duration::ZERO));
        for _ in 0..30 {
            budget.turn(Duration::ZERO).unwrap();
        }
        assert!(!budget.spare(ms(100)));
        assert!(budget.spare(ms(500)));
    }

    proptest! {
        #[test]
        fn no_second_has_more_calls_than_the_account_allows(gaps in proptest::collection::vec(0_u64..60, 1..2000), refreshes in any::<u64>()) {
            let budget = Budget::new(80);
            let (mut now, mut calls) = (Duration::ZERO, Vec::new());
            for (index, gap) in gaps.into_iter().enumerate() {
                now += ms(gap / 5);
                if refreshes >> (index % 64) & 1 == 1 {
                    if budget.spare(now) { calls.push(now); }
                } else if let Ok(wait) = budget.turn(now) {
                    calls.push(now + wait);
                }
            }
            calls.sort();
            for (index, call) in calls.iter().enumerate() {
                let within = calls[index..].iter().take_while(|other| **other < *call + Duration::from_secs(1)).count();
                prop_assert!(within <= 90, "{within} calls in one second");
            }
        }
    }
}
