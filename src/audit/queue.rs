//! Audit lines that wait to be written: text in memory, bounded, which the writer takes as a whole.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::event::Share;

/// The most bytes that wait: some ten thousand events.
const CAPACITY: usize = 4 * 1024 * 1024;
/// How long the writer lets events gather, so that a busy server wakes it twenty times a second and not for each event.
const GATHER_TIME: Duration = Duration::from_millis(50);
/// The writer is woken earlier when this many bytes have gathered.
const GATHER_BYTES: usize = 128 * 1024;

/// The queue between requests and the writer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Signals the writer.
    work: Condvar,
    /// Signals those who wait for the writer.
    progress: Condvar,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of one another")]
struct State {
    lines: Vec<u8>,
    /// How many events `lines` holds.
    waiting: u64,
    /// How many events the writer has taken and not written.
    writing: u64,
    recorded: u64,
    lost: u64,
    refusals_dropped: u64,
    unreported: Gap,
    reopen: bool,
    flush: bool,
    closed: bool,
    /// The writer works on a batch.
    busy: bool,
    /// The writer waits to be notified.
    asleep: bool,
    /// The last batch could not be written.
    failing: bool,
    /// The writer was waited for in vain, and has not moved since.
    stalled: bool,
    finished: bool,
}

/// What became of the events since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Events that are written, or about to be.
    pub recorded: u64,
    /// Events that were lost: they could not be written, or the queue was full.
    pub dropped: u64,
    /// Refusals that were dropped to keep the rest of the queue for what is vended.
    pub refusals_dropped: u64,
    /// Whether the trail cannot be written to at the moment.
    pub failing: bool,
}

/// Events that are missing in the trail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Gap {
    /// All of them.
    pub(super) events: u64,
    /// Those that were refusals, dropped to keep the rest of the queue for what is vended.
    pub(super) refusals: u64,
}

/// What the writer does next.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<u8>,
    /// The events that are missing behind these lines.
    pub(super) gap: Gap,
    /// Whether the file has to be opened again first.
    pub(super) reopen: bool,
}

/// The writer did not get through what was recorded in the time it had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unwritten {
    pub(super) events: u64,
}

impl Share {
    /// How many bytes may wait for an event of this kind to be taken. So a flood of refusals leaves room for what is
    /// vended, and one without proof leaves room for the refusals of known callers.
    const fn capacity(self) -> usize {
        match self {
            Self::Vended => CAPACITY,
            Self::Refusal => CAPACITY / 2,
            Self::UnprovenRefusal => CAPACITY / 4,
        }
    }
}

impl State {
    fn is_idle(&self) -> bool {
        // While writing fails, a gap is reported with the next event: by itself it would be tried again and again.
        let nothing_to_report = self.unreported.events == 0 || self.failing;
        self.lines.is_empty() && nothing_to_report && !self.reopen && !self.closed
    }

    fn is_written(&self) -> bool {
        self.lines.is_empty() && !self.reopen && !self.busy
    }

    fn unwritten(&mut self) -> Unwritten {
        self.stalled = true;
        Unwritten { events: self.waiting + self.writing }
    }
}

impl Queue {
    /// Appends the line of an event, or drops it where too much waits for an event of its `share`.
    pub(super) fn push(&self, line: &[u8], share: Share) {
        let mut state = self.lock();
        let before = state.lines.len();
        let after = before + line.len();
        if after > share.capacity() {
            state.unreported.events += 1;
            match share {
                Share::Vended => state.lost += 1,
                Share::Refusal | Share::UnprovenRefusal => {
                    state.refusals_dropped += 1;
                    state.unreported.refusals += 1;
                }
            }
            return;
        }
        state.recorded += 1;
        state.waiting += 1;
        state.lines.extend_from_slice(line);
        let first = before == 0 && state.asleep;
        let enough = before < GATHER_BYTES && after >= GATHER_BYTES;
        drop(state);
        if first || enough {
            self.work.notify_one();
        }
    }

    /// Swaps what has gathered into `batch`, whose own lines are done with; waits until there is something. `false` when
    /// the queue is closed and empty.
    pub(super) fn take(&self, batch: &mut Batch) -> bool {
        batch.lines.clear();
        let mut state = self.lock();
        (state.busy, state.writing, state.stalled) = (false, 0, false);
        self.progress.notify_all();
        state = self.gather(state);
        if state.is_idle() {
            state.asleep = true;
            state = self.work.wait_while(state, |state| state.is_idle()).unwrap_or_else(PoisonError::into_inner);
            state.asleep = false;
            state = self.gather(state);
        }
        mem::swap(&mut batch.lines, &mut state.lines);
        batch.gap = mem::take(&mut state.unreported);
        batch.reopen = mem::take(&mut state.reopen);
        state.writing = mem::take(&mut state.waiting);
        (state.busy, state.flush) = (true, false);
        let has_work = !batch.lines.is_empty() || batch.gap.events > 0 && !state.failing;
        has_work || !state.closed
    }

    fn gather<'q>(&'q self, state: MutexGuard<'q, State>) -> MutexGuard<'q, State> {
        let gathering =
            |state: &mut State| !state.flush && !state.closed && !state.reopen && state.lines.len() < GATHER_BYTES;
        self.work.wait_timeout_while(state, GATHER_TIME, gathering).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn ask_to_reopen(&self) {
        self.lock().reopen = true;
        self.work.notify_one();
    }

    /// Waits until all that is recorded so far is written, but no longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) -> Result<(), Unwritten> {
        let mut state = self.lock();
        state.flush = true;
        self.work.notify_one();
        let mut state = self.wait(state, limit, State::is_written);
        if state.is_written() { Ok(()) } else { Err(state.unwritten()) }
    }

    /// Takes no more events, and waits until the writer has finished, but no longer than `limit`; not at all if it was
    /// already waited for in vain.
    pub(super) fn close(&self, limit: Duration) -> Result<(), Unwritten> {
        let mut state = self.lock();
        state.closed = true;
        self.work.notify_one();
        if state.stalled {
            return Ok(());
        }
        let mut state = self.wait(state, limit, |state| state.finished);
        if state.finished { Ok(()) } else { Err(state.unwritten()) }
    }

    fn wait<'q>(
        &'q self,
        state: MutexGuard<'q, State>,
        limit: Duration,
        done: impl Fn(&State) -> bool,
    ) -> MutexGuard<'q, State> {
        let waited = self.progress.wait_timeout_while(state, limit, |state| !done(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// `lost` events of a batch could not be written, and `gap` is not reported. Returns whether those before could.
    pub(super) fn failed(&self, lost: u64, gap: Gap) -> bool {
        let mut state = self.lock();
        state.recorded = state.recorded.saturating_sub(lost);
        state.lost += lost;
        state.unreported.events += lost + gap.events;
        state.unreported.refusals += gap.refusals;
        !mem::replace(&mut state.failing, true)
    }

    /// A batch is written. Returns whether those before could not be.
    pub(super) fn succeeded(&self) -> bool {
        mem::replace(&mut self.lock().failing, false)
    }

    /// The writer has ended.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        (state.busy, state.writing, state.finished) = (false, 0, true);
        self.progress.notify_all();
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        Counts {
            recorded: state.recorded,
            dropped: state.lost,
            refusals_dropped: state.refusals_dropped,
            failing: state.failing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: usize = CAPACITY / 4;

    #[test]
    fn events_that_do_not_fit_are_dropped_and_counted() {
        let queue = Queue::default();
        let line = vec![b'x'; QUARTER];
        (0..6).for_each(|_| queue.push(&line, Share::Vended));
        assert_eq!(queue.counts(), Counts { recorded: 4, dropped: 2, ..Counts::default() });
        assert!(queue.close(Duration::ZERO).is_err(), "nobody writes");
        let mut batch = Batch::default();
        assert!(queue.take(&mut batch));
        assert_eq!((batch.lines.len(), batch.gap), (CAPACITY, Gap { events: 2, refusals: 0 }));
        assert!(queue.failed(4, batch.gap));
        assert!(!queue.take(&mut batch), "what cannot be written is not tried for ever");
        assert_eq!(queue.counts(), Counts { recorded: 0, dropped: 6, failing: true, ..Counts::default() });
    }

    #[test]
    fn a_flood_of_refusals_leaves_room_for_what_is_vended() {
        let (queue, line) = (Queue::default(), vec![b'x'; 1024]);
        let flood = |share| (0..CAPACITY / 1024).for_each(|_| queue.push(&line, share));
        flood(Share::UnprovenRefusal);
        let counts = queue.counts();
        assert_eq!((counts.recorded, counts.refusals_dropped), (1024, 3072), "a quarter of the queue");
        flood(Share::Refusal);
        assert_eq!(queue.counts().recorded, 2048, "a known caller's take half of it at most");
        (0..2048).for_each(|_| queue.push(&line, Share::Vended));
        let counts = queue.counts();
        assert_eq!((counts.recorded, counts.dropped), (4096, 0), "all that was vended is there");
        let mut batch = Batch::default();
        queue.take(&mut batch);
        assert_eq!(batch.gap, Gap { events: 6144, refusals: 6144 });
    }

    #[test]
    fn a_writer_that_does_not_move_is_waited_for_once() {
        let queue = Queue::default();
        queue.push(b"a\n", Share::Vended);
        queue.push(b"b\n", Share::Vended);
        queue.take(&mut Batch::default());
        queue.push(b"c\n", Share::Vended);
        assert_eq!(queue.flush(Duration::from_millis(10)), Err(Unwritten { events: 3 }));
        assert_eq!(queue.close(Duration::from_hours(1)), Ok(()), "it was reported already");
    }
}
