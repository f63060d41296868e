//! The places of all sessions, bounded: expired ones go first, then those that were used the longest ago.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hashbrown::HashTable;

use super::expirations::{Expirations, Holdings};
use super::slot::Slot;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;

/// How many parts the places have, so that few requests wait for one another.
const SHARDS: usize = 64;

/// Making room frees a tenth at once, so that its walk over all places is paid by many new ones.
const SHARE_KEPT: usize = 9;

/// Each place is found by its session and the id of the AccessKey that opens it. The hash has a key of its own in each
/// process, since callers choose a good deal of what is hashed.
pub(super) struct Slots {
    hasher: RandomState,
    shards: Box<[Mutex<HashTable<Arc<Slot>>>]>,
    /// Kept beside the parts, since to count them locks each.
    count: AtomicUsize,
    bound: AtomicUsize,
    making_room: AtomicBool,
    /// How many places were ever new. Uses are told apart by it: which came first matters only when new ones come, and a
    /// clock costs more.
    age: AtomicU64,
    /// When the keys end that the places hold.
    expirations: Arc<Expirations>,
}

impl Slots {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            count: AtomicUsize::new(0),
            bound: AtomicUsize::new(bound.max(10)),
            making_room: AtomicBool::new(false),
            age: AtomicU64::new(0),
            expirations: Arc::default(),
        }
    }

    /// Sets another bound; what is beyond it goes when the next one comes.
    pub(super) fn bound(&self, bound: usize) {
        self.bound.store(bound.max(10), Ordering::Relaxed);
    }

    /// The key of `session`, if nothing but to hand it out is to be done for a request at `now` that needs it until `until`.
    pub(super) fn calm_key(
        &self,
        session: &Session,
        opener: &AccessKey,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Option<Arc<SessionKey>> {
        let hash = self.hash(session);
        let shard = self.shard(hash);
        let slot = shard.find(hash, |slot| slot.is_of(session, opener))?;
        slot.touch(self.age.load(Ordering::Relaxed));
        slot.calm_key(now, until)
    }

    /// The place of `session`, to be opened by `opener`, and how many others were given up for it.
    pub(super) fn place(&self, session: &Session, opener: &Arc<AccessKey>, now: DateTime<Utc>) -> (Arc<Slot>, usize) {
        if let Some(slot) = self.find(session, opener) {
            slot.touch(self.age.load(Ordering::Relaxed));
            return (slot, 0);
        }
        let is_full = self.count.load(Ordering::Relaxed) >= self.bound.load(Ordering::Relaxed);
        let given_up = if is_full { self.make_room(now) } else { 0 };
        let hash = self.hash(session);
        let mut shard = self.shard(hash);
        let place = shard.entry(hash, |slot| slot.is_of(session, opener), |slot| self.hash(&slot.session));
        let place = place.or_insert_with(|| {
            self.count.fetch_add(1, Ordering::Relaxed);
            let age = self.age.fetch_add(1, Ordering::Relaxed);
            Arc::new(Slot::new(session.clone(), Arc::clone(opener), age + 1, Arc::clone(&self.expirations)))
        });
        (Arc::clone(place.get()), given_up)
    }

    /// The place of `session` opened by `opener`, if it has one.
    pub(super) fn find(&self, session: &Session, opener: &AccessKey) -> Option<Arc<Slot>> {
        let hash = self.hash(session);
        self.shard(hash).find(hash, |slot| slot.is_of(session, opener)).map(Arc::clone)
    }

    /// What is held at `now`.
    pub(super) fn holdings(&self, now: DateTime<Utc>) -> Holdings {
        self.expirations.holdings(now)
    }

    /// Every place, a part at a time.
    pub(super) fn iter(&self) -> impl Iterator<Item = Arc<Slot>> {
        self.shards.iter().flat_map(|shard| locked(shard).iter().map(Arc::clone).collect::<Vec<_>>())
    }

    fn hash(&self, session: &Session) -> u64 {
        // Of those who open a session there are few, so they need not be told apart here.
        self.hasher.hash_one(session)
    }

    /// The part for `hash`: by other bits than those that find a place in it.
    fn shard(&self, hash: u64) -> MutexGuard<'_, HashTable<Arc<Slot>>> {
        locked(&self.shards[usize::from(hash.to_le_bytes()[4]) % SHARDS])
    }

    fn retain(&self, mut stays: impl FnMut(&Slot) -> bool) {
        for shard in &self.shards {
            locked(shard).retain(|slot| stays(slot));
        }
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    fn make_room(&self, now: DateTime<Utc>) -> usize {
        if self.making_room.swap(true, Ordering::Acquire) {
            return 0;
        }
        let before = self.len();
        self.retain(|slot| !slot.is_idle() || slot.is_alive(now));
        let mut surplus = self.len().saturating_sub(self.bound.load(Ordering::Relaxed) / 10 * SHARE_KEPT);
        if let Some(oldest) = self.used_before(surplus) {
            self.retain(|slot| {
                let goes = surplus > 0 && slot.is_idle() && slot.last_used() <= oldest;
                surplus -= usize::from(goes);
                !goes
            });
        }
        let after = self.len();
        self.count.store(after, Ordering::Relaxed);
        self.making_room.store(false, Ordering::Release);
        before.saturating_sub(after)
    }

    /// The last use that `surplus` of the places have not been used after.
    fn used_before(&self, surplus: usize) -> Option<u64> {
        let mut uses: Vec<u64> = self.iter().filter(|slot| slot.is_idle()).map(|slot| slot.last_used()).collect();
        let last = surplus.min(uses.len()).checked_sub(1)?;
        Some(*uses.select_nth_unstable(last).1)
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slots").field("count", &self.count).field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// A table is whole at any moment, so a panic elsewhere spoils nothing.
fn locked<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;

    fn opener() -> Arc<AccessKey> {
        Arc::new(AccessKey { id: "id".into(), secret: Secret::new("secret"), token: None })
    }

    fn session(name: &str) -> Session {
        Session::new("acs:ram::1:role/r".into(), name, 900)
    }

    #[test]
    fn a_new_session_pays_for_a_walk_over_few_others() {
        let opener = opener();
        let (bound, new) = (1_000, 20_000);
        let slots = Slots::new(bound);
        let (mut walks, mut given_up) = (0, 0);
        for number in 0..new {
            let (_, gone) = slots.place(&session(&number.to_string()), &opener, DateTime::UNIX_EPOCH);
            walks += usize::from(gone > 0);
            given_up += gone;
        }
        assert_eq!(given_up, new - slots.len());
        // A walk looks at each place three times at most.
        assert!(3 * bound * walks <= 30 * new, "{walks} walks");
    }

    #[test]
    fn keys_that_are_replaced_or_given_up_are_not_counted() {
        let (opener, slots, now) = (opener(), Slots::new(10), DateTime::UNIX_EPOCH);
        let key =
            |seconds| Arc::new(SessionKey::new((*opener).clone(), now, now + chrono::TimeDelta::seconds(seconds)));
        for number in 0..100 {
            let (slot, _) = slots.place(&session(&number.to_string()), &opener, now);
            slot.inherit(key(60));
            slot.inherit(key(3600));
            assert_eq!(slots.holdings(now).alive, slots.len(), "{number}");
        }
        assert_eq!(slots.holdings(now).nearest_expiration, Some(now + chrono::TimeDelta::hours(1)));
        let over = slots.holdings(now + chrono::TimeDelta::hours(1));
        assert_eq!((over.alive, over.nearest_expiration), (0, None));
    }

    #[test]
    fn whoever_was_asked_for_last_stays() {
        let (opener, slots, now) = (opener(), Slots::new(10), DateTime::UNIX_EPOCH);
        let hold = |name: &str| {
            let (slot, _) = slots.place(&session(name), &opener, now);
            slot.inherit(Arc::new(SessionKey::new((*opener).clone(), now, now + chrono::TimeDelta::hours(1))));
        };
        hold("old");
        for number in 0..100 {
            hold(&number.to_string());
            assert!(slots.calm_key(&session("old"), &opener, now, now).is_some(), "{number}");
        }
        assert!(slots.find(&session("0"), &opener).is_none());
    }
}
