//! How many requests are under way at once. Nobody waits for room, so a number does what a semaphore does with a lock.

use std::sync::atomic::{AtomicU32, Ordering};

/// Room for so many.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) size: u32,
    taken: AtomicU32,
}

/// The place of one, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'r>(&'r AtomicU32);

impl Room {
    pub(super) fn of(size: u32) -> Self {
        Self { size, taken: AtomicU32::new(0) }
    }

    /// A place, if there is one.
    pub(super) fn take(&self) -> Option<Place<'_>> {
        let one_more = |taken| if taken < self.size { Some(taken + 1) } else { None };
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Place(&self.taken))
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_makes_room_for_the_next() {
        let room = Room::of(2);
        let (one, _two) = (room.take().unwrap(), room.take().unwrap());
        assert!(room.take().is_none() && room.take().is_none());
        assert_eq!(room.taken(), 2);
        drop(one);
        let _three = room.take().unwrap();
        assert!(room.take().is_none());
    }

    #[test]
    fn without_room_nobody_enters() {
        let room = Room::of(0);
        assert!(room.take().is_none());
        assert_eq!(room.taken(), 0);
    }
}
