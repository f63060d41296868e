//! The writing half of a connection, which it shares with the courier of an outbox.
//!
//! What the socket does not take from the courier comes back, and the connection's own task goes on with it whenever the
//! client lets it: a courier waits for nobody.

use std::fmt::{self, Debug, Formatter};
use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::net::{tcp, unix};

/// Nothing is in the box.
const FREE: u8 = 0;
/// An answer is.
const BOXED: u8 = 1;
/// An answer is, and the connection's task is to be woken when it is gone.
const AWAITED: u8 = 2;
/// What is left of an answer has come back.
const RETURNED: u8 = 3;

/// The half of a socket that is written to. It is shut down when it is dropped.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

impl Socket {
    fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, pieces) {
            (Self::Tcp(half), [piece]) => half.try_write(piece),
            (Self::Tcp(half), _) => half.try_write_vectored(pieces),
            (Self::Unix(half), [piece]) => half.try_write(piece),
            (Self::Unix(half), _) => half.try_write_vectored(pieces),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            match self {
                Self::Tcp(half) => ready!(half.as_ref().poll_write_ready(cx)),
                Self::Unix(half) => ready!(half.as_ref().poll_write_ready(cx)),
            }?;
            match self.try_write(pieces) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

/// What a connection and a courier share.
#[derive(Debug)]
pub(super) struct Sender {
    socket: Socket,
    /// One of the four above. The connection's task makes it `BOXED` and `AWAITED`, the courier changes it back.
    state: AtomicU8,
    desk: Mutex<Desk>,
}

/// What is needed only when an answer does not leave at once.
#[derive(Default)]
struct Desk {
    /// Wakes the connection's task.
    task: Option<Waker>,
    /// What is left of an answer.
    returned: Vec<u8>,
}

/// What is in there may be credentials.
impl Debug for Desk {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("returned", &self.returned.len()).finish_non_exhaustive()
    }
}

impl Sender {
    pub(super) fn new(socket: Socket) -> Arc<Self> {
        Arc::new(Self { socket, state: AtomicU8::new(FREE), desk: Mutex::default() })
    }

    /// An answer is in the box.
    pub(super) fn is_boxed(&self) {
        self.state.store(BOXED, Ordering::Release);
    }

    /// Sends an answer that was in the box. An error comes back, too: the connection's task meets it when it goes on.
    pub(super) fn deliver(&self, answer: &[u8]) {
        let sent = self.socket.try_write(&[IoSlice::new(answer)]).unwrap_or(0);
        if sent == answer.len() {
            if self.state.swap(FREE, Ordering::AcqRel) == AWAITED {
                self.wake();
            }
            return;
        }
        self.desk().returned.extend_from_slice(&answer[sent..]);
        self.state.store(RETURNED, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = &self.desk().task {
            task.wake_by_ref();
        }
    }

    /// Whether something has come back.
    pub(super) fn has_returned(&self) -> bool {
        self.state.load(Ordering::Acquire) == RETURNED
    }

    /// Ready when nothing is in the box and nothing has come back. The task that asks has to be the one that is known.
    pub(super) fn poll_free(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.state.load(Ordering::Acquire) {
                FREE => return Poll::Ready(Ok(())),
                RETURNED => ready!(self.poll_returned(cx))?,
                state => {
                    let changed = self.state.compare_exchange(state, AWAITED, Ordering::AcqRel, Ordering::Acquire);
                    if changed.is_ok() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// Sends `pieces` right now, if nothing is in the box.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.socket.poll_write(cx, pieces)
    }

    /// From now on `task` is woken when something comes back, and when what is awaited is gone.
    pub(super) fn know(&self, task: &Waker) {
        self.desk().task = Some(task.clone());
    }

    /// Sends what has come back.
    fn poll_returned(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut desk = self.desk();
        while !desk.returned.is_empty() {
            let sent = ready!(self.socket.poll_write(cx, &[IoSlice::new(&desk.returned)]))?;
            if sent == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            desk.returned.drain(..sent);
        }
        desk.returned = Vec::new();
        self.state.store(FREE, Ordering::Release);
        Poll::Ready(Ok(()))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
