//! How many connections are open, held against a limit that a reload may change.

use tokio::sync::watch;

/// Counts connections.
#[derive(Debug, Default)]
pub(super) struct Slots(watch::Sender<u32>);

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Slot(watch::Sender<u32>);

impl Slots {
    /// A slot, once fewer than `limit()` are taken.
    pub(super) async fn take(&self, limit: impl Fn() -> u32) -> Slot {
        let mut taken = self.0.subscribe();
        loop {
            if self.0.send_if_modified(|taken| take_below(limit(), taken)) {
                return Slot(self.0.clone());
            }
            let _changed = taken.changed().await;
        }
    }

    /// Has those who wait for a slot see a new limit.
    pub(super) fn limit_changed(&self) {
        self.0.send_modify(|_| {});
    }

    /// Ends when no slot is taken.
    pub(super) async fn all_free(&self) {
        let mut taken = self.0.subscribe();
        let _never_closed = taken.wait_for(|taken| *taken == 0).await;
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> u32 {
        *self.0.borrow()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.send_modify(|taken| *taken -= 1);
    }
}

fn take_below(limit: u32, taken: &mut u32) -> bool {
    let free = *taken < limit;
    *taken += u32::from(free);
    free
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_waits_goes_on_when_another_leaves_or_the_limit_is_raised() {
        let (slots, limit) = (Slots::default(), AtomicU32::new(1));
        let limit_now = || limit.load(Ordering::Relaxed);
        let first = slots.take(limit_now).await;
        let mut second = Box::pin(slots.take(limit_now));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let _second = second.await;
        let mut third = Box::pin(slots.take(limit_now));
        assert!(third.as_mut().now_or_never().is_none());
        limit.store(2, Ordering::Relaxed);
        slots.limit_changed();
        let third = third.await;
        assert_eq!(slots.taken(), 2);
        limit.store(1, Ordering::Relaxed);
        drop(third);
        assert!(slots.take(limit_now).now_or_never().is_none(), "it was lowered since");
    }

    #[tokio::test]
    async fn all_are_free_when_the_last_has_gone() {
        let slots = Slots::default();
        slots.all_free().await;
        let (one, two) = (slots.take(|| 2).await, slots.take(|| 2).await);
        drop(one);
        assert!(slots.all_free().now_or_never().is_none());
        drop(two);
        slots.all_free().await;
    }
}
