//! Which of two keys is in use, and when one that STS refused is tried again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    First,
    Second,
}

/// How long a refused key is let be; it doubles with each refusal, up to the longest. Each trial costs one call of STS.
const PAUSE: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_mins(15);

/// The one that is in use, and what STS refused.
#[derive(Debug, Default)]
pub(super) struct Failover {
    /// Asked by every request, hence beside the lock.
    second_in_use: AtomicBool,
    troubled: AtomicBool,
    /// By the place.
    refusals: Mutex<[Option<Refusal>; 2]>,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    count: u32,
    /// In the clock's run.
    retry_at: Duration,
}

impl Place {
    pub(super) fn other(self) -> Self {
        if self == Self::First { Self::Second } else { Self::First }
    }

    fn index(self) -> usize {
        usize::from(self == Self::Second)
    }
}

impl Failover {
    pub(super) fn in_use(&self) -> Place {
        if self.second_in_use.load(Ordering::Relaxed) { Place::Second } else { Place::First }
    }

    /// Whether anything was refused, or the second one is in use, so that a success is news.
    pub(super) fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    /// Puts `place` into use, since the other has no key; told once.
    pub(super) fn turn_to(&self, place: Place, id: &str) {
        // Without a refusal there would be no trial, and so no way back.
        let no_key = Refusal { count: 0, retry_at: Duration::ZERO };
        self.lock()[place.other().index()].get_or_insert(no_key);
        self.troubled.store(true, Ordering::Relaxed);
        self.put_into_use(place, id);
    }

    /// STS refused the one at `place`, at `now` of the clock's run.
    pub(super) fn refuse(&self, place: Place, now: Duration) {
        let mut refusals = self.lock();
        let before = refusals[place.index()];
        // Those that were under way when the first was refused say nothing new.
        if before.is_some_and(|before| before.count > 0 && now < before.retry_at) {
            return;
        }
        let count = before.map_or(0, |before| before.count).saturating_add(1);
        refusals[place.index()] = Some(Refusal { count, retry_at: now + pause(count) });
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// Whether STS has not refused the one at `place` lately.
    pub(super) fn may_try(&self, place: Place, now: Duration) -> bool {
        self.lock()[place.index()].is_none_or(|refusal| now >= refusal.retry_at)
    }

    /// Whether it is time for one call with the refused one at `place`; others then go on without it.
    pub(super) fn take_trial(&self, place: Place, now: Duration) -> bool {
        if !self.is_troubled() {
            return false;
        }
        let mut refusals = self.lock();
        let Some(refusal) = refusals[place.index()].as_mut().filter(|refusal| now >= refusal.retry_at) else {
            return false;
        };
        // As if it were refused once more; if STS takes it, all is forgotten.
        refusal.count = refusal.count.saturating_add(1);
        refusal.retry_at = now + pause(refusal.count);
        true
    }

    /// STS took the one at `place`, which is then in use, if it is the first or the other was refused.
    pub(super) fn accept(&self, place: Place, id: &str) {
        let mut refusals = self.lock();
        refusals[place.index()] = None;
        if place == Place::First || refusals[place.other().index()].is_some() {
            self.put_into_use(place, id);
        }
        self.troubled.store(refusals.iter().any(Option::is_some), Ordering::Relaxed);
    }

    fn put_into_use(&self, place: Place, id: &str) {
        let is_second = place == Place::Second;
        match (self.second_in_use.swap(is_second, Ordering::Relaxed), is_second) {
            (false, true) => tracing::warn!(id, "the second AccessKey serves in place of the first"),
            (true, false) => tracing::info!(id, "the first AccessKey serves again"),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Refusal>; 2]> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(count: u32) -> Duration {
    (PAUSE * 2_u32.pow(count.saturating_sub(1).min(6))).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::Place::{First, Second};
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_refused_key_is_tried_again_by_one_call_at_a_time_and_ever_later() {
        let failover = Failover::default();
        assert!(!failover.take_trial(First, MINUTE), "nothing was refused");
        failover.refuse(First, Duration::ZERO);
        assert_eq!(failover.in_use(), First, "whether the other is any better is not known yet");
        failover.accept(Second, "");
        failover.refuse(First, Duration::ZERO); // those that were under way with it
        assert_eq!(failover.in_use(), Second);
        assert!(!failover.take_trial(First, MINUTE / 2));
        assert!(failover.take_trial(First, MINUTE));
        assert!(!failover.take_trial(First, MINUTE), "one is enough");
        failover.refuse(First, MINUTE);
        assert!(!failover.take_trial(First, MINUTE * 2));
        assert!(failover.take_trial(First, MINUTE * 3));
        failover.accept(First, "");
        assert_eq!((failover.in_use(), failover.is_troubled()), (First, false));
    }

    #[test]
    fn both_refused_are_not_tried_in_turn_without_a_pause() {
        let failover = Failover::default();
        failover.refuse(First, Duration::ZERO);
        assert!(failover.may_try(Second, Duration::ZERO));
        failover.refuse(Second, Duration::ZERO);
        assert!(!failover.may_try(Second, MINUTE / 2));
        assert!(failover.may_try(Second, MINUTE));
    }
}
