//! What happens on one connection, as far as its end depends on it: bytes that move, requests that come and are answered.
//! Where bytes move, it is also seen to that in a crowd answers leave in rounds.

use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::metrics::Metrics;

/// The counts of one connection. They only ever tell whether something went on, so no order between them is needed; and
/// but for the answers under way, which over HTTP/2 end on other threads, all are written by the connection's own task.
#[derive(Debug, Default)]
pub(super) struct Activity {
    moves: AtomicU32,
    requests: AtomicU32,
    in_flight: AtomicU32,
    head_begun: AtomicBool,
    multiplexed: AtomicBool,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) moves: u32,
    pub(super) requests: u32,
    /// Whether a request has come and its answer's head has not gone.
    pub(super) busy: bool,
    /// Whether a request's head has begun to come and is not whole.
    pub(super) head_begun: bool,
}

impl Activity {
    pub(super) fn seen(&self) -> Seen {
        Seen {
            moves: self.moves.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            busy: self.in_flight.load(Ordering::Relaxed) > 0,
            head_begun: self.head_begun.load(Ordering::Relaxed),
        }
    }

    /// A request's head has come; what is returned is kept until its answer's head is there.
    pub(super) fn request(self: &Arc<Self>, multiplexed: bool) -> InFlight {
        self.head_begun.store(false, Ordering::Relaxed);
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        one_more(&self.requests);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Whether it is one of HTTP/2.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    /// Bytes that come while nothing is asked begin a head, unless the protocol has other things to say (HTTP/2).
    fn read(&self) {
        one_more(&self.moves);
        if !self.multiplexed.load(Ordering::Relaxed) && self.in_flight.load(Ordering::Relaxed) == 0 {
            self.head_begun.store(true, Ordering::Relaxed);
        }
    }

    fn wrote(&self) {
        one_more(&self.moves);
    }
}

/// Counts where nobody else does: an addition that locks the place would be paid three times a request.
fn one_more(count: &AtomicU32) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// A request that is being answered.
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many open connections make a crowd. Where there is none, an answer would wait for others that do not come.
const CROWD: u64 = 24;

/// A stream whose moves are counted, and whose answers leave in rounds.
///
/// In a crowd many requests are ready at a time. Then each is decided, and after that all the answers leave one behind the
/// other: the processor has the code for either at hand when it is the turn of the next, and a client that has many answers
/// to read is woken for the first of them. docs/performance.md has what that saves. Writes of several pieces, as HTTP/2 makes
/// them, do not wait: many of its answers share a connection anyway.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    activity: Arc<Activity>,
    metrics: Arc<Metrics>,
    /// Something was read, and what it leads to has not begun to leave.
    is_new: bool,
}

impl<S> Counted<S> {
    /// Counts in `activity` what moves on `stream`; `metrics` know how many more there are.
    pub(super) fn new(stream: S, activity: Arc<Activity>, metrics: Arc<Metrics>) -> Self {
        Self { stream, activity, metrics, is_new: false }
    }

    /// Whether what is about to leave lets the others be decided first, which it does once.
    fn gives_way(&mut self) -> bool {
        mem::take(&mut self.is_new) && self.metrics.connections_open() >= CROWD
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.read();
            self.is_new = true;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.gives_way() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if polled.is_ready() {
            self.activity.wrote();
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if polled.is_ready() {
            self.activity.wrote();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use chrono::DateTime;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// How often the task is polled that writes two pieces after it has read one, with so many connections open.
    async fn polls(connections: u64) -> u32 {
        let metrics = Metrics::new(DateTime::UNIX_EPOCH);
        let _open: Vec<_> = (0..connections).map(|_| metrics.connection()).collect();
        let (mut client, server) = duplex(64);
        client.write_all(b"GET").await.unwrap();
        let mut stream = Counted::new(server, Arc::default(), metrics);
        let mut task = pin!(async {
            stream.read_exact(&mut [0; 3]).await.unwrap();
            stream.write_all(b"head").await.unwrap();
            stream.write_all(b"body").await.unwrap();
        });
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            task.as_mut().poll(cx)
        })
        .await;
        let mut answer = [0; 8];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"headbody");
        polls
    }

    #[tokio::test]
    async fn in_a_crowd_what_leaves_gives_way_once_for_what_came() {
        assert_eq!((polls(CROWD).await, polls(CROWD - 1).await), (2, 1));
    }
}
