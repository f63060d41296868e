//! The buckets of many, bounded: whoever has not asked for long is forgotten, and costs nothing.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hashbrown::HashTable;

use super::quota::{Exceeded, Quota, nanos};

/// How many parts a map has, so that few requests wait for one another. A power of two.
const SHARDS: usize = 64;
/// The most buckets in a part: 65,536 in all, some 6 MiB. With more live keys than that at once, the one whose burst is
/// soonest whole again is forgotten, and so gains the least.
const SHARD_CAPACITY: usize = 1024;

/// One bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    quota: Quota,
    /// The moment at which the burst is whole again.
    full: AtomicI64,
}

impl Bucket {
    pub(super) fn new(quota: Quota) -> Self {
        Self { quota, full: AtomicI64::new(i64::MIN) }
    }

    pub(super) fn quota(&self) -> Quota {
        self.quota
    }

    pub(super) fn take(&self, cost: u32, now: DateTime<Utc>) -> Result<(), Exceeded> {
        let now = nanos(now);
        let mut full = self.full.load(Ordering::Relaxed);
        loop {
            let next = self.quota.take(full, cost, now)?;
            match self.full.compare_exchange_weak(full, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => full = changed,
            }
        }
    }
}

/// A bucket for each key, all of one quota. The hash has a key of its own in each process: whoever asks chooses what is
/// hashed.
pub(super) struct Buckets<K> {
    quota: Quota,
    hasher: RandomState,
    shards: Box<[Mutex<HashTable<Kept<K>>>]>,
}

/// What is kept of one key.
struct Kept<K> {
    key: K,
    /// The moment at which its burst is whole again.
    full: i64,
    /// What it took since that was last told to others.
    untold: u32,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(quota: Quota) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { quota, hasher: RandomState::new(), shards }
    }

    pub(super) fn quota(&self) -> Quota {
        self.quota
    }

    pub(super) fn take<Q>(&self, key: &Q, cost: u32, now: DateTime<Utc>) -> Result<(), Exceeded>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let (hash, now) = (self.hasher.hash_one(key), nanos(now));
        let mut shard = self.shard(hash);
        if let Some(kept) = shard.find_mut(hash, |kept| kept.key.borrow() == key) {
            kept.full = self.quota.take(kept.full, cost, now)?;
            kept.untold = kept.untold.saturating_add(cost);
            return Ok(());
        }
        let full = self.quota.take(i64::MIN, cost, now)?;
        if shard.len() >= SHARD_CAPACITY {
            make_room(&mut shard, now);
        }
        let kept = Kept { key: key.to_owned(), full, untold: cost };
        shard.insert_unique(hash, kept, |kept| self.hasher.hash_one(kept.key.borrow()));
        Ok(())
    }

    /// Gives back `cost` that `key` took. What was shared with other replicas in between stays taken there.
    pub(super) fn give_back<Q>(&self, key: &Q, cost: u32)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        if let Some(kept) = self.shard(hash).find_mut(hash, |kept| kept.key.borrow() == key) {
            kept.full = self.quota.give_back(kept.full, cost);
            kept.untold = kept.untold.saturating_sub(cost);
        }
    }

    /// What each key took since this was last asked.
    pub(super) fn untold(&self) -> Vec<(K, u32)>
    where
        K: Clone,
    {
        let mut untold = Vec::new();
        for shard in &self.shards {
            let mut shard = locked(shard);
            let some = shard.iter_mut().filter(|kept| kept.untold > 0);
            untold.extend(some.map(|kept| (kept.key.clone(), std::mem::take(&mut kept.untold))));
        }
        untold
    }

    /// The burst of `key` is whole again only at `full`, for what it took elsewhere.
    pub(super) fn owes<Q>(&self, key: &Q, full: DateTime<Utc>)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        if let Some(kept) = self.shard(hash).find_mut(hash, |kept| kept.key.borrow() == key) {
            kept.full = kept.full.max(nanos(full));
        }
    }

    /// The part for `hash`: by other bits than those that find a key in it.
    fn shard(&self, hash: u64) -> MutexGuard<'_, HashTable<Kept<K>>> {
        locked(&self.shards[usize::from(hash.to_le_bytes()[4]) % SHARDS])
    }
}

/// A count of what somebody did is whole at any moment, so a panic elsewhere spoils nothing.
fn locked<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets those whose burst is whole, for they are as good as new; if there are none, the one that is so soonest.
fn make_room<K>(shard: &mut HashTable<Kept<K>>, now: i64) {
    shard.retain(|kept| kept.full > now);
    if shard.len() >= SHARD_CAPACITY
        && let Some(soonest) = shard.iter().map(|kept| kept.full).min()
    {
        drop(shard.extract_if(|kept| kept.full == soonest).next());
    }
}

impl<K> fmt::Debug for Buckets<K> {
    /// Without the keys: who asks is nobody's business here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("quota", &self.quota).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn buckets() -> Buckets<u128> {
        Buckets::new(Quota::new(1, Duration::from_mins(1), 2).unwrap())
    }

    fn held<K>(buckets: &Buckets<K>) -> usize {
        buckets.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }

    #[test]
    fn a_flood_of_keys_stays_within_bounds_and_later_ones_are_still_held_to_their_rate() {
        let buckets = buckets();
        for key in 0..72_000_u128 {
            assert!(buckets.take(&key, 1, NOW).is_ok());
        }
        assert!(held(&buckets) <= SHARDS * SHARD_CAPACITY);
        let late = u128::MAX;
        assert!(buckets.take(&late, 2, NOW).is_ok());
        assert!(buckets.take(&late, 1, NOW).is_err());
    }

    #[test]
    fn in_a_full_map_the_one_who_owes_most_is_remembered() {
        let buckets = buckets();
        let greedy = u128::MAX;
        assert!(buckets.take(&greedy, 2, NOW).is_ok());
        for key in 0..72_000_u128 {
            assert!(buckets.take(&key, 1, NOW).is_ok());
        }
        assert!(buckets.take(&greedy, 1, NOW).is_err());
    }

    #[test]
    fn those_whose_burst_is_whole_make_room() {
        let buckets = buckets();
        for key in 0..72_000_u128 {
            assert!(buckets.take(&key, 1, NOW).is_ok());
        }
        let later = NOW + TimeDelta::minutes(5);
        for key in 0..100_u128 {
            assert!(buckets.take(&(u128::MAX - key), 1, later).is_ok());
        }
        assert!(held(&buckets) < SHARDS * SHARD_CAPACITY, "a shard that was touched has let them go");
    }

    #[test]
    fn many_at_once_get_no_more_than_one_after_the_other() {
        let (buckets, bucket) = (buckets(), Bucket::new(Quota::new(1, Duration::from_mins(1), 100).unwrap()));
        let taken = AtomicI64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let both = i64::from(bucket.take(1, NOW).is_ok()) + i64::from(buckets.take(&7, 1, NOW).is_ok());
                        taken.fetch_add(both, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 100 + 2);
    }

    #[test]
    fn what_was_taken_is_told_once_and_what_is_owed_elsewhere_counts_here() {
        let buckets: Buckets<String> = Buckets::new(Quota::new(1, Duration::from_mins(1), 2).unwrap());
        assert!(buckets.take("alice", 1, NOW).is_ok());
        assert!(buckets.take("alice", 3, NOW).is_err());
        assert_eq!(buckets.untold(), [("alice".to_owned(), 1)]);
        assert!(buckets.untold().is_empty());
        buckets.owes("alice", NOW + TimeDelta::minutes(2));
        buckets.owes("bob", NOW + TimeDelta::minutes(2));
        assert!(buckets.take("alice", 1, NOW).is_err());
        assert!(buckets.take("bob", 2, NOW).is_ok(), "who was never here is not kept");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_is_not_told() {
        let buckets: Buckets<String> = Buckets::new(Quota::new(1, Duration::from_mins(1), 2).unwrap());
        assert!(buckets.take("alice", 2, NOW).is_ok());
        buckets.give_back("alice", 1);
        buckets.give_back("bob", 1);
        assert_eq!(buckets.untold(), [("alice".to_owned(), 1)]);
        assert!(buckets.take("alice", 2, NOW).is_err());
        assert!(buckets.take("alice", 1, NOW).is_ok());
        buckets.give_back("alice", 100);
        assert!(buckets.take("alice", 3, NOW).is_err(), "never more than a burst");
    }

    #[test]
    fn debug_names_nobody() {
        let buckets: Buckets<String> = Buckets::new(Quota::new(1, Duration::from_secs(1), 2).unwrap());
        assert!(buckets.take("alice", 1, NOW).is_ok());
        assert!(!format!("{buckets:?}").contains("alice"));
    }
}
