//! How many replicas there are.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// A replica that was not heard of for so long is gone.
pub(super) const LIFE: Duration = Duration::from_secs(15);
/// For so long more replicas than there seem to be are reckoned with: after Redis came back, the others are on their way.
const MEMORY: Duration = Duration::from_mins(1);

/// The most replicas that are believed: a Redis that counts more must not leave each of them next to nothing of the budget.
const MOST: u32 = 1000;

/// This replica and how many others it knows of.
#[derive(Debug)]
pub(super) struct Presence {
    /// The name of this replica: any that no other has.
    pub(super) id: String,
    configured: u32,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// As Redis said last.
    seen: u32,
    /// The most that Redis said lately.
    most: u32,
    /// When it said so.
    at: Instant,
}

impl Presence {
    pub(super) fn new(configured: Option<u32>) -> Self {
        let configured = configured.unwrap_or(1).max(1);
        let known = Known { seen: 1, most: 1, at: Instant::now() };
        Self { id: Uuid::new_v4().simple().to_string(), configured, known: Mutex::new(known) }
    }

    /// Redis says that there are `count`.
    pub(super) fn sighted(&self, count: u32) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.seen = count.clamp(1, MOST);
        if known.seen >= known.most || known.at.elapsed() > MEMORY {
            *known = Known { seen: known.seen, most: known.seen, at: Instant::now() };
        }
    }

    pub(super) fn seen(&self) -> u32 {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).seen
    }

    /// The most that were there lately: who divides something by it leaves enough for those that cannot be seen just now.
    pub(super) fn most(&self) -> u32 {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).most
    }

    /// By how many the budget is divided while Redis cannot divide it.
    pub(super) fn sharers(&self) -> u32 {
        self.most().max(self.configured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_nobody_has_is_not_believed() {
        let presence = Presence::new(None);
        for (count, seen) in [(3, 3), (u32::MAX, MOST), (0, 1)] {
            presence.sighted(count);
            assert_eq!(presence.seen(), seen);
        }
        assert_eq!(presence.sharers(), MOST);
    }
}
