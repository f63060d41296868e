//! What happens on one connection: requests that arrive and are answered, bytes that move.

use std::io;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::api::Client;

/// What a client that reads the last responses of an HTTP/2 connection must at least take within `idle_timeout`, in bytes. It
/// is more than the PING frames of that time.
const MIN_PROGRESS: u64 = 1024;

/// What has happened on one connection, written by its stream and its service, read by its timer.
#[derive(Debug)]
pub(super) struct Activity {
    client: Client,
    /// The heads of requests that arrived.
    requests: AtomicU32,
    /// The requests that wait for the head of their response.
    in_flight: AtomicU32,
    /// Bytes that the client's side of the connection took.
    written: AtomicU64,
    /// Whether bytes of a head have arrived and its end has not.
    head_begun: AtomicBool,
    is_http2: AtomicBool,
}

/// What a connection waits for. The time begins anew when this changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Waiting {
    /// The first byte of the first request.
    FirstByte,
    /// The rest of the head that comes after this many requests.
    Head { requests: u32 },
    /// The server itself, which has time limits of its own.
    Response,
    /// The next request, or a client that reads what it is sent.
    Idle { requests: u32, progress: u64 },
}

impl Activity {
    pub(super) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self {
            client,
            requests: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
            written: AtomicU64::new(0),
            head_begun: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
        })
    }

    /// Records that the head of a request has arrived. Keep the guard until the head of the response is there.
    pub(super) fn begin_request(self: &Arc<Self>, is_http2: bool) -> InFlight {
        self.is_http2.store(is_http2, Ordering::Relaxed);
        self.head_begun.store(false, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2.load(Ordering::Relaxed)
    }

    /// Bytes that arrive while no request is in flight begin a head. HTTP/2 has frames of other kinds, such as PING.
    fn read(&self) {
        if !self.is_http2() && self.in_flight.load(Ordering::Relaxed) == 0 {
            self.head_begun.store(true, Ordering::Relaxed);
        }
    }

    fn wrote(&self, count: usize) {
        self.written.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// What the connection waits for. An open connection of HTTP/2 is idle although it exchanges PING frames. While it is
    /// `closing`, a large response may be sent to its end.
    pub(super) fn waiting(&self, closing: bool) -> Waiting {
        let requests = self.requests.load(Ordering::Relaxed);
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return Waiting::Response;
        }
        if self.head_begun.load(Ordering::Relaxed) {
            return Waiting::Head { requests };
        }
        if requests == 0 {
            return Waiting::FirstByte;
        }
        let written = self.written.load(Ordering::Relaxed);
        let progress = match (self.is_http2(), closing) {
            (false, _) => written,
            (true, false) => 0,
            (true, true) => written / MIN_PROGRESS,
        };
        Waiting::Idle { requests, progress }
    }
}

/// A request whose response has not begun. Dereferences to the client that sent it.
pub(super) struct InFlight(Arc<Activity>);

impl Deref for InFlight {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0.client
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that records its reads and writes in an [`Activity`].
#[derive(Debug)]
pub(super) struct MonitoredStream<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> MonitoredStream<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn record_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.activity.wrote(count);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MonitoredStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MonitoredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.record_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.record_write(written)
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
