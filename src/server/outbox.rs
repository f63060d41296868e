//! Answers of a crowd leave together.
//!
//! Where many requests are ready at a time, each is decided first and its answer put into a box; then a task, the courier,
//! sends all that is in the box, unless it was full before. The processor has the code for either at hand when it is the turn of the next, and no
//! connection is polled again only to be written to. docs/performance.md has what that saves. There is a box for each
//! thread of the runtime, lest all meet at one.
//!
//! To its connection an answer in the box has left, but nothing else leaves before it really has (see `line`).

use std::convert::Infallible;
use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::io::IoSlice;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::sender::Sender;
use crate::metrics::Metrics;

/// How many open connections make a crowd. Where there is none, an answer would wait for others that do not come.
pub(super) const CROWD: u64 = 24;
/// The most bytes of one answer: what is large gains nothing by company, and would be copied.
const LARGEST: usize = 16 * 1024;
/// The most answers in a box. Who puts the last one in sends them all: of more the first would wait long for the others, and
/// be far from the processor when its turn comes.
pub(super) const MOST: usize = 32;

/// A box for answers.
#[derive(Debug)]
pub(super) struct Outbox {
    contents: Mutex<Contents>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Contents {
    answers: Answers,
    /// Empty, but for its memory.
    spare: Answers,
    /// Wakes the courier, if it found the box empty.
    courier: Option<Waker>,
    /// The courier comes no more.
    is_closed: bool,
}

/// Answers, one behind the other.
#[derive(Default)]
struct Answers {
    bytes: Vec<u8>,
    /// Whose each is, and where it ends.
    ends: Vec<(Arc<Sender>, usize)>,
}

impl Answers {
    fn send(&mut self) {
        let Self { bytes, ends } = self;
        let mut begin = 0;
        for (sender, end) in ends.drain(..) {
            sender.deliver(&bytes[begin..end]);
            begin = end;
        }
        bytes.clear();
    }
}

/// They hold credentials.
impl Debug for Answers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("count", &self.ends.len()).finish_non_exhaustive()
    }
}

impl Outbox {
    fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { contents: Mutex::default(), metrics })
    }

    /// Puts what `sender` has to send into the box, or says that it does not belong there.
    pub(super) fn takes(&self, sender: &Arc<Sender>, pieces: &[IoSlice<'_>]) -> Option<usize> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        if self.metrics.connections_open() < CROWD || length > LARGEST {
            return None;
        }
        let mut contents = self.contents();
        let Contents { answers, spare, courier, is_closed } = &mut *contents;
        if *is_closed {
            return None;
        }
        for piece in pieces {
            answers.bytes.extend_from_slice(piece);
        }
        answers.ends.push((Arc::clone(sender), answers.bytes.len()));
        sender.is_boxed();
        if answers.ends.len() >= MOST {
            let mut full = mem::replace(answers, mem::take(spare));
            drop(contents);
            full.send();
            self.contents().spare = full;
            return Some(length);
        }
        let courier = courier.take();
        drop(contents);
        if let Some(courier) = courier {
            courier.wake();
        }
        Some(length)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All boxes of a server.
#[derive(Debug)]
pub(super) struct Outboxes {
    boxes: Vec<Arc<Outbox>>,
    next: AtomicUsize,
    /// They go with this.
    _couriers: JoinSet<Infallible>,
}

impl Outboxes {
    /// A box, with its courier, for each thread of the runtime that this is called in.
    pub(super) fn open(metrics: &Arc<Metrics>) -> Self {
        let threads = Handle::current().metrics().num_workers();
        let boxes: Vec<_> = (0..threads).map(|_| Outbox::new(Arc::clone(metrics))).collect();
        let couriers = boxes.iter().map(|outbox| Courier::of(outbox).work()).collect();
        Self { boxes, next: AtomicUsize::new(0), _couriers: couriers }
    }

    /// The box for another connection.
    pub(super) fn next(&self) -> Arc<Outbox> {
        Arc::clone(&self.boxes[self.next.fetch_add(1, Ordering::Relaxed) % self.boxes.len()])
    }
}

/// Sends what is in a box.
struct Courier {
    outbox: Arc<Outbox>,
    /// What was there, and is sent; its memory serves the next round.
    answers: Answers,
}

impl Courier {
    fn of(outbox: &Arc<Outbox>) -> Self {
        Self { outbox: Arc::clone(outbox), answers: Answers::default() }
    }

    async fn work(mut self) -> Infallible {
        loop {
            self.something_is_there().await;
            everybody_has_been().await;
            self.send_all();
        }
    }

    async fn something_is_there(&self) {
        poll_fn(|cx| {
            let mut contents = self.outbox.contents();
            if contents.answers.ends.is_empty() {
                contents.courier = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    fn send_all(&mut self) {
        mem::swap(&mut self.answers, &mut self.outbox.contents().answers);
        self.answers.send();
    }
}

impl Drop for Courier {
    /// Who is still there sends by itself from now on.
    fn drop(&mut self) {
        self.outbox.contents().is_closed = true;
        self.send_all();
    }
}

/// Lets all tasks that are ready have their turn.
async fn everybody_has_been() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
