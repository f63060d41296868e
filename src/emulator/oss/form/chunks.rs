//! The body as the parser of forms may have it: one chunk at a time, and only so much before it must make something of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use futures_util::Stream;

/// Headers of one part.
const LONGEST_HEADERS: u64 = 32 * 1024;

/// Up to how many bytes the body may be read, shared with the stream that the parser owns.
#[derive(Clone)]
pub(super) struct Limit(Arc<AtomicU64>);

/// The parser is reading a value, which is measured as it comes.
const LIFTED: u64 = u64::MAX;

impl Default for Limit {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(LONGEST_HEADERS)))
    }
}

impl Limit {
    /// From here on, the headers of a part are looked for: the parser keeps all it reads until it has them.
    pub(super) fn headers(&self) {
        self.0.store(LONGEST_HEADERS, Ordering::Relaxed);
    }

    /// From here on, bytes are measured as they come out of the parser.
    pub(super) fn lift(&self) {
        self.0.store(LIFTED, Ordering::Relaxed);
    }

    /// Takes `bytes` off.
    fn spend(&self, bytes: u64) {
        let left = self.0.load(Ordering::Relaxed);
        if left != LIFTED {
            self.0.store(left.saturating_sub(bytes), Ordering::Relaxed);
        }
    }

    fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// The chunks of a body, one each time it is polled, since the parser would take in all that has come.
pub(super) struct Chunks<'b> {
    body: &'b mut Body,
    limit: Limit,
    paused: bool,
}

/// Why the parser got no more bytes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    #[error("the body broke off")]
    Off,
    #[error("the headers of a part are too long")]
    TooLong,
}

impl<'b> Chunks<'b> {
    pub(super) fn new(body: &'b mut Body, limit: Limit) -> Self {
        Self { body, limit, paused: false }
    }
}

impl Stream for Chunks<'_> {
    type Item = Result<Bytes, Cut>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::replace(&mut self.paused, false) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.limit.is_spent() {
            return Poll::Ready(Some(Err(Cut::TooLong)));
        }
        loop {
            let frame = match ready!(Pin::new(&mut *self.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(_)) => return Poll::Ready(Some(Err(Cut::Off))),
                Some(Ok(frame)) => frame,
            };
            if let Ok(data) = frame.into_data() {
                self.paused = true;
                self.limit.spend(data.len() as u64);
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }
}
