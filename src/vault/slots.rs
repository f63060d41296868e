//! The places of all sessions, bounded: expired ones go first, then those that were used the longest ago.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use dashmap::DashMap;

use super::slot::Slot;
use crate::keys::AccessKey;
use crate::policy::Session;

/// Making room frees a tenth at once, so that its walk over all places is paid by many new ones.
const SHARE_KEPT: usize = 9;

/// A session and the AccessKey that opens it; equal keys are those with equal ids.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) session: Session,
    pub(super) opener: Arc<AccessKey>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.opener.id == other.opener.id && self.session == other.session
    }
}

impl Eq for Entry {}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.opener.id.hash(state);
        self.session.hash(state);
    }
}

#[derive(Debug)]
pub(super) struct Slots {
    places: DashMap<Entry, Arc<Slot>>,
    /// Kept beside the map, whose own count locks every shard.
    count: AtomicUsize,
    bound: AtomicUsize,
    making_room: AtomicBool,
}

impl Slots {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            places: DashMap::new(),
            count: AtomicUsize::new(0),
            bound: AtomicUsize::new(bound.max(10)),
            making_room: AtomicBool::new(false),
        }
    }

    /// Sets another bound; what is beyond it goes when the next one comes.
    pub(super) fn bound(&self, bound: usize) {
        self.bound.store(bound.max(10), Ordering::Relaxed);
    }

    /// The place of `entry`, and how many others were given up for it.
    pub(super) fn place(&self, entry: &Entry, now: DateTime<Utc>) -> (Arc<Slot>, usize) {
        if let Some(slot) = self.places.get(entry) {
            return (Arc::clone(&slot), 0);
        }
        let given_up = if self.count.load(Ordering::Relaxed) >= self.bound.load(Ordering::Relaxed) {
            self.make_room(now)
        } else {
            0
        };
        let mut is_new = false;
        let slot = Arc::clone(&self.places.entry(entry.clone()).or_insert_with(|| {
            is_new = true;
            Arc::default()
        }));
        self.count.fetch_add(usize::from(is_new), Ordering::Relaxed);
        (slot, given_up)
    }

    /// The place of `entry`, if it has one.
    pub(super) fn find(&self, entry: &Entry) -> Option<Arc<Slot>> {
        self.places.get(entry).map(|slot| Arc::clone(&slot))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Arc<Slot>> {
        self.places.iter().map(|place| Arc::clone(&place))
    }

    fn make_room(&self, now: DateTime<Utc>) -> usize {
        if self.making_room.swap(true, Ordering::Acquire) {
            return 0;
        }
        let before = self.places.len();
        self.places.retain(|_, slot| !slot.is_idle() || slot.is_alive(now));
        let mut surplus = self.places.len().saturating_sub(self.bound.load(Ordering::Relaxed) / 10 * SHARE_KEPT);
        if let Some(oldest) = self.used_before(surplus) {
            self.places.retain(|_, slot| {
                let goes = surplus > 0 && slot.is_idle() && slot.last_used() <= oldest;
                surplus -= usize::from(goes);
                !goes
            });
        }
        let after = self.places.len();
        self.count.store(after, Ordering::Relaxed);
        self.making_room.store(false, Ordering::Release);
        before.saturating_sub(after)
    }

    /// The time of last use that `surplus` of the places have not been used after.
    fn used_before(&self, surplus: usize) -> Option<u64> {
        let mut uses: Vec<u64> = self.iter().filter(|slot| slot.is_idle()).map(|slot| slot.last_used()).collect();
        let last = surplus.min(uses.len()).checked_sub(1)?;
        Some(*uses.select_nth_unstable(last).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;

    #[test]
    fn a_new_session_pays_for_a_walk_over_few_others() {
        let opener = Arc::new(AccessKey { id: "id".into(), secret: Secret::new("secret"), token: None });
        let (bound, new) = (1_000, 20_000);
        let slots = Slots::new(bound);
        let (mut walks, mut given_up) = (0, 0);
        for number in 0..new {
            let session = Session::new("acs:ram::1:role/r".into(), &number.to_string(), 900);
            let entry = Entry { session, opener: Arc::clone(&opener) };
            let (slot, gone) = slots.place(&entry, DateTime::UNIX_EPOCH);
            slot.touch(std::time::Duration::from_secs(number));
            walks += usize::from(gone > 0);
            given_up += gone;
        }
        let new = usize::try_from(new).unwrap();
        assert_eq!(given_up, new - slots.places.len());
        // A walk looks at each place three times at most.
        assert!(3 * bound * walks <= 30 * new, "{walks} walks");
    }
}
