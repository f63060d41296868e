//! A bounded table of proofs that were verified a short while ago, so that the dear part of it is done once.
//!
//! A proof is known by its SHA-256 alone: whoever reads the table learns no token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hashbrown::HashTable;
use sha2::{Digest as _, Sha256};

use super::Caller;

/// How many parts the table has, so that few requests wait for one another.
const SHARDS: usize = 64;

/// The SHA-256 of a proof.
pub(super) type Digest = [u8; 32];

/// The digest of one text.
pub(super) fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// Callers by the digests of their proofs.
///
/// A digest is its own hash. Nobody can choose where proofs fall: that takes some 2⁶⁴ tries for each, only proofs that were
/// verified are in the table, and there are no more than its bound.
#[derive(Debug)]
pub(super) struct Remembered {
    shards: Box<[Mutex<HashTable<Entry>>]>,
    /// Kept beside the parts, since to count them locks each.
    count: AtomicUsize,
    limit: usize,
}

#[derive(Debug)]
struct Entry {
    digest: Digest,
    caller: Caller,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    generation: u64,
}

impl Entry {
    /// An entry from the future was put here before the clock went back, so its age is unknown.
    fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.since <= now && now < self.until
    }
}

impl Remembered {
    /// A table of at most `limit` proofs.
    pub(super) fn new(limit: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, count: AtomicUsize::new(0), limit }
    }

    /// The caller, if its proof was put here with the same `generation` and its time is not over.
    pub(super) fn get(&self, digest: &Digest, generation: u64, now: DateTime<Utc>) -> Option<Caller> {
        let shard = self.shard(digest);
        let entry = shard.find(hash(digest), |entry| entry.digest == *digest)?;
        (entry.generation == generation && entry.is_valid(now)).then(|| entry.caller.clone())
    }

    /// Remembers `caller` until `until`. A full table first forgets what is over, and if that does not help, everything:
    /// then a few proofs are checked once more.
    pub(super) fn put(
        &self,
        digest: Digest,
        caller: Caller,
        until: DateTime<Utc>,
        generation: u64,
        now: DateTime<Utc>,
    ) {
        if self.count.load(Ordering::Relaxed) >= self.limit {
            self.make_room(now);
        }
        let entry = Entry { digest, caller, since: now, until, generation };
        let mut shard = self.shard(&digest);
        if let Some(known) = shard.find_mut(hash(&digest), |entry| entry.digest == digest) {
            *known = entry;
        } else {
            shard.insert_unique(hash(&digest), entry, |entry| hash(&entry.digest));
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.retain(|_| false);
    }

    fn make_room(&self, now: DateTime<Utc>) {
        self.retain(|entry| entry.is_valid(now));
        // Freeing a few at a time would mean a sweep for every few requests.
        if self.count.load(Ordering::Relaxed) > self.limit / 2 {
            self.clear();
        }
    }

    fn retain(&self, stays: impl Fn(&Entry) -> bool) {
        let mut count = 0;
        for shard in &self.shards {
            let mut shard = locked(shard);
            shard.retain(|entry| stays(entry));
            count += shard.len();
        }
        self.count.store(count, Ordering::Relaxed);
    }

    /// The part for `digest`: by other bits than those of its hash.
    fn shard(&self, digest: &Digest) -> MutexGuard<'_, HashTable<Entry>> {
        locked(&self.shards[usize::from(digest[8]) % SHARDS])
    }
}

fn hash(digest: &Digest) -> u64 {
    let (first, _) = digest.split_first_chunk().expect("it has 32 bytes");
    u64::from_le_bytes(*first)
}

/// A table is whole at any moment, so a panic elsewhere spoils nothing.
fn locked<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::Map;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn put(table: &Remembered, name: &str, seconds: i64) {
        let until = now() + TimeDelta::seconds(seconds);
        table.put(digest(name), Caller::known(name, Map::new()), until, 1, now());
    }

    #[test]
    fn a_proof_is_remembered_until_its_time_and_for_its_keys() {
        let table = Remembered::new(10);
        put(&table, "a", 60);
        let after = |seconds| now() + TimeDelta::seconds(seconds);
        assert_eq!(table.get(&digest("a"), 1, after(59)).unwrap().id(), Some("a"));
        assert_eq!(table.get(&digest("a"), 1, after(60)), None);
        assert_eq!(table.get(&digest("a"), 1, after(-1)), None, "a clock that is put back prolongs nothing");
        assert_eq!(table.get(&digest("a"), 2, after(0)), None);
        assert_eq!(table.get(&digest("b"), 1, after(0)), None);
        table.clear();
        assert_eq!(table.get(&digest("a"), 1, after(0)), None);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_what_is_over_first() {
        let table = Remembered::new(10);
        put(&table, "kept", 60);
        (0..9).for_each(|index| put(&table, &index.to_string(), 0));
        put(&table, "next", 60);
        assert!(table.get(&digest("kept"), 1, now()).is_some());
        (0..1000).for_each(|index| put(&table, &format!("live {index}"), 60));
        let held: usize = table.shards.iter().map(|shard| locked(shard).len()).sum();
        assert!(held <= 10, "{held}");
        assert_eq!(held, table.count.load(Ordering::Relaxed));
    }
}
