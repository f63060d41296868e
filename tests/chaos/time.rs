//! Virtual time over real sockets: tokio's paused time, which goes on to the next timer as soon as nothing is left to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oss_vend::clock::{Clock, Timestamp};
use tokio::time::Instant;

/// Sleeps that are longer than this are those of a call of STS that waits for its answer (the longest wait for a turn is
/// as long, and each call begins with 12 seconds before it).
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// This machine's clock: it runs as time does, and its hands can be put wrong.
#[derive(Debug)]
pub(crate) struct Hands {
    start: Instant,
    /// How far they are ahead of the true time, in milliseconds.
    ahead: AtomicI64,
    /// The calls of STS whose answers are awaited.
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Hands {
    /// A clock that is right.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), ahead: AtomicI64::new(0), calls: Arc::default() }
    }

    /// The time that STS has.
    pub(crate) fn truth(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::from_std(self.start.elapsed()).unwrap()
    }

    /// Puts the hands so far ahead of the true time.
    pub(crate) fn put(&self, ahead: TimeDelta) {
        self.ahead.store(ahead.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.truth() + TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        let counted = (length > LONGEST_TURN).then(|| Counted::new(&self.calls));
        async move {
            tokio::time::sleep(length).await;
            drop(counted);
        }
        .boxed()
    }
}

/// One more, as long as it lives.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
