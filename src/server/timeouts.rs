//! Timeouts of one connection: for its first byte, for the head of a request, and for silence.
//!
//! hyper's own `header_read_timeout` also runs while a connection rests between two requests and not before the protocol is
//! known. With it a head could not be held to ten seconds while a proxy keeps its connections open for a minute.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Waiting};

const YEAR: Duration = Duration::from_hours(365 * 24);

/// How long a client may keep its connection waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionTimeouts {
    /// For the head of a request, from its first byte.
    head: Duration,
    /// For anything to happen.
    idle: Duration,
}

impl ConnectionTimeouts {
    /// A year stands for longer times, which no clock could add.
    pub(super) fn new(head: Duration, idle: Duration) -> Self {
        Self { head: head.min(YEAR), idle: idle.min(YEAR) }
    }

    /// When a connection that was accepted at `accepted` must have sent the first byte of a request. A TLS handshake does
    /// not extend it.
    pub(super) fn first_byte(&self, accepted: Instant) -> Instant {
        accepted + self.head.min(self.idle)
    }
}

/// What to do with a connection that has exceeded a timeout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TimeoutAction {
    /// Take no further request, and close once everything is sent.
    Shutdown,
    /// Close at once.
    Close,
}

/// Measures how long a connection has been waiting for its client.
#[derive(Debug)]
pub(super) struct ConnectionTimer {
    activity: Arc<Activity>,
    timeouts: ConnectionTimeouts,
    waiting: Waiting,
    closing: bool,
    sleep: Pin<Box<Sleep>>,
}

impl ConnectionTimer {
    /// Starts with the wait for the first byte, which ends at `first_byte`.
    pub(super) fn new(activity: Arc<Activity>, timeouts: ConnectionTimeouts, first_byte: Instant) -> Self {
        let sleep = Box::pin(sleep_until(first_byte));
        Self { activity, timeouts, waiting: Waiting::FirstByte, closing: false, sleep }
    }

    /// Completes when a timeout is exceeded. Poll it after the connection, whose progress it looks at; it may be dropped
    /// and called again.
    pub(super) async fn expired(&mut self) -> TimeoutAction {
        poll_fn(|cx| self.poll_expired(cx)).await
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<TimeoutAction> {
        let waiting = self.activity.waiting(self.closing);
        if waiting != self.waiting {
            self.restart(waiting);
        }
        if waiting == Waiting::Response {
            return Poll::Pending;
        }
        ready!(self.sleep.as_mut().poll(cx));
        if self.closing || !matches!(waiting, Waiting::Idle { .. }) {
            return Poll::Ready(TimeoutAction::Close);
        }
        self.closing = true;
        self.restart(self.activity.waiting(true));
        Poll::Ready(TimeoutAction::Shutdown)
    }

    fn restart(&mut self, waiting: Waiting) {
        self.waiting = waiting;
        let limit = match waiting {
            Waiting::Response => return,
            Waiting::FirstByte | Waiting::Head { .. } => self.timeouts.head,
            Waiting::Idle { .. } => self.timeouts.idle,
        };
        self.sleep.as_mut().reset(Instant::now() + limit);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::activity::MonitoredStream;
    use super::*;
    use crate::api::{Client, Peer};

    const TIMEOUTS: ConnectionTimeouts =
        ConnectionTimeouts { head: Duration::from_secs(10), idle: Duration::from_secs(75) };

    /// A connection, the client's end of it, and its timer; time is paused.
    struct Watched {
        activity: Arc<Activity>,
        timer: ConnectionTimer,
        server: MonitoredStream<DuplexStream>,
        client: DuplexStream,
        started: Instant,
    }

    impl Watched {
        fn new() -> Self {
            let activity = Activity::new(Client::new(Peer::Unix));
            let (client, server) = duplex(1024);
            let started = Instant::now();
            let timer = ConnectionTimer::new(Arc::clone(&activity), TIMEOUTS, TIMEOUTS.first_byte(started));
            let server = MonitoredStream::new(server, Arc::clone(&activity));
            Self { activity, timer, server, client, started }
        }

        async fn receive(&mut self, bytes: &[u8]) {
            self.client.write_all(bytes).await.unwrap();
            self.server.read_exact(&mut vec![0; bytes.len()]).await.unwrap();
        }

        async fn send(&mut self) {
            self.server.write_all(&[b'x'; 1024]).await.unwrap();
            self.client.read_exact(&mut [0; 1024]).await.unwrap();
        }

        /// PING frames in both directions.
        async fn ping(&mut self) {
            self.receive(&[b'?'; 17]).await;
            self.server.write_all(&[b'!'; 17]).await.unwrap();
            self.client.read_exact(&mut [0; 17]).await.unwrap();
        }

        /// Lets `length` pass, and tells whether no timeout was exceeded by its end.
        async fn survives(&mut self, length: Duration) -> bool {
            tokio::time::timeout(length, self.timer.expired()).await.is_err()
        }

        /// The next action, and how many seconds after the start it comes.
        async fn expired(&mut self) -> (TimeoutAction, u64) {
            let action = self.timer.expired().await;
            (action, self.started.elapsed().as_secs())
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_closed_after_header_timeout() {
        assert_eq!(Watched::new().expired().await, (TimeoutAction::Close, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_a_head_do_not_extend_header_timeout() {
        let mut watched = Watched::new();
        for _ in 0..9 {
            watched.receive(b"x").await;
            assert!(watched.survives(seconds(1)).await);
        }
        // The first byte came at once, so the head began then.
        assert_eq!(watched.expired().await, (TimeoutAction::Close, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_head_has_header_timeout_from_its_first_byte() {
        let mut watched = Watched::new();
        watched.receive(b"GET").await;
        drop(watched.activity.begin_request(false));
        assert!(watched.survives(seconds(60)).await, "a connection may rest between two requests");
        watched.receive(b"G").await;
        assert!(watched.survives(seconds(9)).await);
        watched.receive(b"E").await;
        assert_eq!(watched.expired().await, (TimeoutAction::Close, 70));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_never_closed_while_the_server_works_on_a_request() {
        let mut watched = Watched::new();
        watched.receive(b"GET").await;
        let request = watched.activity.begin_request(false);
        assert!(watched.survives(seconds(3600)).await);
        drop(request);
        assert_eq!(watched.expired().await, (TimeoutAction::Shutdown, 3675));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_shut_down_and_closed_if_that_does_not_end_it() {
        let mut watched = Watched::new();
        watched.receive(b"GET").await;
        drop(watched.activity.begin_request(false));
        assert_eq!(watched.expired().await, (TimeoutAction::Shutdown, 75));
        assert_eq!(watched.expired().await, (TimeoutAction::Close, 150));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_response_slowly_is_not_idle() {
        for is_http2 in [false, true] {
            let mut watched = Watched::new();
            watched.receive(b"GET").await;
            drop(watched.activity.begin_request(is_http2));
            if is_http2 {
                assert_eq!(watched.expired().await.0, TimeoutAction::Shutdown, "no further request is taken");
            }
            for _ in 0..10 {
                watched.send().await;
                assert!(watched.survives(seconds(70)).await);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ping_frames_do_not_keep_an_http2_connection_open() {
        let mut watched = Watched::new();
        watched.receive(b"PRI").await;
        drop(watched.activity.begin_request(true));
        for end in [(TimeoutAction::Shutdown, 75), (TimeoutAction::Close, 150)] {
            for _ in 0..3 {
                assert!(watched.survives(seconds(20)).await);
                watched.ping().await;
            }
            assert_eq!(watched.expired().await, end, "also where a response is never read");
        }
    }
}
