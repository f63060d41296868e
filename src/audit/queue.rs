//! What is recorded and not yet written: text in memory, bounded, swapped out whole by the writer.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most bytes that wait: some ten thousand events.
const CAPACITY: usize = 4 * 1024 * 1024;
/// How long the writer lets events gather, so that a busy server wakes it twenty times a second and not for each.
const GATHER: Duration = Duration::from_millis(50);
/// Or until this many bytes have gathered, some two hundred events: what is written soon, and written over soon, is still
/// near the processor, and to wake the writer for fewer costs more than that gains.
const ENOUGH: usize = 128 * 1024;
/// The lines that came last gather in so many bytes before they join the others. What has gathered since the writer came
/// is far from the processor when it is written over, and whatever is locked next would wait for each line by itself; this
/// little is at hand, and joins the rest in one long copy.
const AT_HAND: usize = 16 * 1024;
/// How long a flush waits for a writer that stands still.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to do for the writer.
    work: Condvar,
    /// The writer has written what there was.
    written: Condvar,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "wishes and states that are independent of one another")]
struct State {
    lines: Vec<u8>,
    /// The last lines, behind those.
    last: Vec<u8>,
    taken: u64,
    dropped: u64,
    /// Those of `dropped` that the trail does not tell of yet.
    untold: u64,
    reopen: bool,
    hurry: bool,
    closed: bool,
    writing: bool,
    /// The writer looks by itself only when it is told that there is something.
    asleep: bool,
    /// The last batch could not be written.
    failing: bool,
}

/// What became of the events since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Events that are written, or about to be.
    pub recorded: u64,
    /// Events that were dropped, or that could not be written.
    pub dropped: u64,
    /// Whether the trail cannot be written to at the moment.
    pub failing: bool,
}

/// What the writer does next.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<u8>,
    /// How many events were dropped behind these lines.
    pub(super) dropped: u64,
    /// Whether the file has to be opened again first.
    pub(super) reopen: bool,
}

impl State {
    /// Whether there is nothing to do.
    fn is_idle(&self) -> bool {
        self.length() == 0 && self.untold == 0 && !self.reopen && !self.closed
    }

    /// How many bytes wait.
    fn length(&self) -> usize {
        self.lines.len() + self.last.len()
    }

    /// The last lines join the others.
    fn join(&mut self) {
        self.lines.extend_from_slice(&self.last);
        self.last.clear();
    }
}

impl Queue {
    /// Appends a line, or drops it where too much waits.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        let before = state.length();
        if before + line.len() > CAPACITY {
            state.dropped += 1;
            state.untold += 1;
            return;
        }
        state.taken += 1;
        state.last.extend_from_slice(line);
        if state.last.len() >= AT_HAND {
            state.join();
        }
        let enough = before < ENOUGH && before + line.len() >= ENOUGH;
        let first = before == 0 && state.asleep;
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
        state.writing = false;
        self.written.notify_all();
        state = self.gather(state);
        if state.is_idle() {
            state.asleep = true;
            state = self.work.wait_while(state, |state| state.is_idle()).unwrap_or_else(PoisonError::into_inner);
            state.asleep = false;
            state = self.gather(state);
        }
        state.join();
        mem::swap(&mut batch.lines, &mut state.lines);
        batch.dropped = mem::take(&mut state.untold);
        batch.reopen = mem::take(&mut state.reopen);
        state.hurry = false;
        state.writing = true;
        !(state.closed && batch.lines.is_empty() && batch.dropped == 0)
    }

    /// Lets events gather. While many come, one batch after the other, the writer is woken once for each, when it is full.
    fn gather<'q>(&'q self, state: MutexGuard<'q, State>) -> MutexGuard<'q, State> {
        let gathering = |state: &mut State| !state.hurry && !state.closed && !state.reopen && state.length() < ENOUGH;
        self.work.wait_timeout_while(state, GATHER, gathering).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn ask_to_reopen(&self) {
        self.lock().reopen = true;
        self.work.notify_one();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    pub(super) fn wait_until_written(&self) {
        let mut state = self.lock();
        state.hurry = true;
        self.work.notify_one();
        let unwritten = |state: &mut State| state.length() > 0 || state.reopen || state.writing;
        drop(self.written.wait_timeout_while(state, PATIENCE, unwritten));
    }

    /// The lines of a batch could not be written.
    pub(super) fn lost(&self, lines: u64) {
        let mut state = self.lock();
        state.taken = state.taken.saturating_sub(lines);
        state.dropped += lines;
        state.failing = true;
    }

    /// The lines of a batch are written.
    pub(super) fn wrote(&self) {
        self.lock().failing = false;
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        Counts { recorded: state.taken, dropped: state.dropped, failing: state.failing }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let queue = Queue::default();
        let line = vec![b'x'; CAPACITY / 4];
        (0..6).for_each(|_| queue.push(&line));
        assert_eq!(queue.counts(), Counts { recorded: 4, dropped: 2, failing: false });
        queue.close();
        let mut batch = Batch::default();
        assert!(queue.take(&mut batch));
        assert_eq!((batch.lines.len(), batch.dropped), (CAPACITY, 2));
        assert!(!queue.take(&mut batch));
        queue.lost(4);
        assert_eq!(queue.counts(), Counts { recorded: 0, dropped: 6, failing: true });
    }
}
