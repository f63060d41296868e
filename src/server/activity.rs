//! What happens on one connection, as far as its end depends on it: bytes that move, requests that come and are answered.

use std::io;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::api::Client;

/// One connection's counts, and who is at its other end. They only ever tell whether something went on, so no order between
/// them is needed; and but for the answers under way, which over HTTP/2 end on other threads, all are written by the
/// connection's own task.
#[derive(Debug)]
pub(super) struct Activity {
    client: Client,
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
    pub(super) fn of(client: Client) -> Arc<Self> {
        let (none, not) = (AtomicU32::default, AtomicBool::default);
        Arc::new(Self {
            client,
            moves: none(),
            requests: none(),
            in_flight: none(),
            head_begun: not(),
            multiplexed: not(),
        })
    }

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
        if multiplexed {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
        } else {
            one_more(&self.in_flight);
        }
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

/// The same backwards.
fn one_less(count: &AtomicU32) {
    count.store(count.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
}

/// A request that is being answered, and whom it came from.
pub(super) struct InFlight(Arc<Activity>);

impl Deref for InFlight {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0.client
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.is_multiplexed() {
            self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        } else {
            one_less(&self.0.in_flight);
        }
    }
}

/// A stream whose moves are counted.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Counted<S> {
    /// Counts in `activity` what moves on `stream`.
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
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
