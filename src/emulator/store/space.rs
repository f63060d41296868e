//! A bound on the memory that clients can make the store take.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory that all objects, uploads and records may take together, in bytes.
const LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// A share of the store's memory, given back on drop.
#[derive(Debug)]
pub(crate) struct Space {
    used: Arc<AtomicU64>,
    taken: u64,
}

impl Space {
    /// The memory of a new store.
    pub(super) fn whole() -> Self {
        Self { used: Arc::default(), taken: 0 }
    }

    /// An empty share of the same memory.
    pub(super) fn share(&self) -> Self {
        Self { used: Arc::clone(&self.used), taken: 0 }
    }

    /// Takes `bytes` more; `StorageFull` when there are not so many left.
    pub(super) fn grow(&mut self, bytes: u64) -> io::Result<()> {
        let used = self.used.fetch_add(bytes, Ordering::AcqRel);
        self.taken += bytes;
        if used.saturating_add(bytes) <= LIMIT { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.used.fetch_sub(self.taken, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let whole = Space::whole();
        let mut first = whole.share();
        first.grow(LIMIT).expect("all of it is free");
        assert_eq!(whole.share().grow(1).map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
        drop(first);
        whole.share().grow(LIMIT).expect("all of it is free again");
    }
}
