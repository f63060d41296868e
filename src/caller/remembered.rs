//! A bounded table of proofs that were verified a short while ago, so that the dear part of it is done once.
//!
//! A proof is known by its SHA-256 alone: whoever reads the table learns no token.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use dashmap::DashMap;
use sha2::{Digest as _, Sha256};

use super::Caller;

/// The SHA-256 of a proof.
pub(super) type Digest = [u8; 32];

/// The digest of one text.
pub(super) fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// Callers by the digests of their proofs.
#[derive(Debug)]
pub(super) struct Remembered {
    entries: DashMap<Digest, Entry>,
    /// Counted here, since the map would have to stop everyone to count.
    count: AtomicUsize,
    limit: usize,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    until: DateTime<Utc>,
    generation: u64,
}

impl Remembered {
    /// A table of at most `limit` proofs.
    pub(super) fn new(limit: usize) -> Self {
        Self { entries: DashMap::new(), count: AtomicUsize::new(0), limit }
    }

    /// The caller, if its proof was put here with the same `generation` and its time is not over.
    pub(super) fn get(&self, digest: &Digest, generation: u64, now: DateTime<Utc>) -> Option<Caller> {
        let entry = self.entries.get(digest)?;
        (entry.generation == generation && now < entry.until).then(|| entry.caller.clone())
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
        if self.entries.insert(digest, Entry { caller, until, generation }).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.entries.clear();
        self.count.store(0, Ordering::Relaxed);
    }

    fn make_room(&self, now: DateTime<Utc>) {
        self.entries.retain(|_, entry| now < entry.until);
        self.count.store(self.entries.len(), Ordering::Relaxed);
        // Freeing a few at a time would mean a sweep for every few requests.
        if self.count.load(Ordering::Relaxed) > self.limit / 2 {
            self.clear();
        }
    }
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
        assert!(table.entries.len() <= 10, "{}", table.entries.len());
        assert_eq!(table.entries.len(), table.count.load(Ordering::Relaxed));
    }
}
