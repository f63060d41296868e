//! How many of the keys that are held are alive, and when the first of them ends, without a look at each.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

/// What the vault holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Holdings {
    /// Sessions with a key that is alive.
    pub alive: usize,
    /// When the first of them ends.
    pub nearest_expiration: Option<DateTime<Utc>>,
}

/// When the keys that are held end.
#[derive(Debug, Default)]
pub(super) struct Expirations(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// How many keys end at each moment.
    ends: BTreeMap<DateTime<Utc>, usize>,
    total: usize,
    /// How many have ended at `at`, the last moment that was asked about.
    ended: usize,
    at: DateTime<Utc>,
}

impl Expirations {
    /// A key that ends at `end` is held from now on.
    pub(super) fn add(&self, end: DateTime<Utc>) {
        let mut counts = self.lock();
        *counts.ends.entry(end).or_default() += 1;
        counts.total += 1;
        counts.ended += usize::from(end <= counts.at);
    }

    /// A key that ends at `end` is not held any more.
    pub(super) fn remove(&self, end: DateTime<Utc>) {
        let mut counts = self.lock();
        let Some(count) = counts.ends.get_mut(&end) else { return };
        *count -= 1;
        if *count == 0 {
            counts.ends.remove(&end);
        }
        counts.total -= 1;
        counts.ended -= usize::from(end <= counts.at);
    }

    /// What is held at `now`. It looks at the ends between the moment that was asked about last and `now` alone.
    pub(super) fn holdings(&self, now: DateTime<Utc>) -> Holdings {
        let mut counts = self.lock();
        counts.turn_to(now);
        let after = (std::ops::Bound::Excluded(now), std::ops::Bound::Unbounded);
        let nearest_expiration = counts.ends.range(after).next().map(|(end, _)| *end);
        Holdings { alive: counts.total - counts.ended, nearest_expiration }
    }

    /// Counts are whole at any moment, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// The clock may go back, when STS corrects it.
    fn turn_to(&mut self, now: DateTime<Utc>) {
        use std::ops::Bound::{Excluded, Included};
        let count = |from, to| self.ends.range((Excluded(from), Included(to))).map(|(_, count)| count).sum::<usize>();
        if now > self.at {
            self.ended += count(self.at, now);
        } else if now < self.at {
            self.ended -= count(now, self.at);
        }
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    proptest! {
        #[test]
        fn the_counts_are_those_of_a_walk_whichever_way_the_clock_goes(
            steps in prop::collection::vec((0_u8..3, 0_i64..50), 1..200)
        ) {
            let (expirations, mut held) = (Expirations::default(), Vec::new());
            for (step, second) in steps {
                match step {
                    0 => { expirations.add(at(second)); held.push(second); }
                    1 => if let Some(place) = held.iter().position(|end| *end <= second) {
                        expirations.remove(at(held.swap_remove(place)));
                    },
                    _ => {
                        let alive = held.iter().copied().filter(|end| *end > second);
                        let expected = Holdings { alive: alive.clone().count(), nearest_expiration: alive.min().map(at) };
                        prop_assert_eq!(expirations.holdings(at(second)), expected);
                    }
                }
            }
        }
    }
}
