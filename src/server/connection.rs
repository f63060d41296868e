//! One connection, from its first byte to its end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tower::Service;

use super::activity::{Activity, Counted};
use super::patience::{Verdict, Wait};
use super::reload::Reload;
use crate::config::Limits;

/// The most requests at once on one connection of HTTP/2; browsers are content with a hundred.
const STREAMS: u32 = 100;
/// What a client may send ahead on one stream of HTTP/2, and on all of a connection: bodies are small here.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// After which silence an HTTP/2 client is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);

/// What a connection is served with.
#[derive(Debug)]
pub(super) struct Connection {
    reload: Arc<Reload>,
    /// Turns true when the server stops.
    stop: watch::Receiver<bool>,
}

/// How connections are read and written within `limits`; the time limits are in `patience`.
pub(super) fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None).max_buf_size(limits.head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

impl Connection {
    pub(super) fn new(reload: Arc<Reload>, stop: watch::Receiver<bool>) -> Self {
        Self { reload, stop }
    }

    /// Answers what comes on `stream` until it ends, or has kept us waiting too long. Each request is answered by what
    /// runs when it comes; how the connection itself is read stays as it was at its beginning.
    pub(super) async fn serve(mut self, stream: TcpStream, peer: SocketAddr) {
        // Answers are small and one write each, so waiting to fill a segment only delays them.
        let _best_effort = stream.set_nodelay(true);
        let running = self.reload.running();
        let (builder, patience) = (running.builder.clone(), running.patience);
        drop(running);
        let activity = Arc::new(Activity::default());
        let stream = TokioIo::new(Counted::new(stream, Arc::clone(&activity)));
        let service = service_fn(|request| answer(self.reload.running().router.clone(), request, peer, &activity));
        let mut connection = pin!(builder.serve_connection(stream, service));
        let (mut wait, length) = Wait::first(patience);
        let mut timer = pin!(sleep(length));
        let mut stop = pin!(self.stop.wait_for(|stop| *stop));
        let mut stopping = false;
        poll_fn(|cx| {
            if !stopping && stop.as_mut().poll(cx).is_ready() {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection ended badly");
                }
                return Poll::Ready(());
            }
            if wait.turns_to_head(activity.seen()) {
                timer.as_mut().reset(Instant::now() + patience.head);
            }
            while timer.as_mut().poll(cx).is_ready() {
                let length = match wait.over(activity.seen(), patience) {
                    Verdict::Wait(length) => length,
                    Verdict::Leave(length) => {
                        connection.as_mut().graceful_shutdown();
                        cx.waker().wake_by_ref();
                        length
                    }
                    Verdict::Cut => {
                        tracing::debug!(%peer, "a connection kept us waiting and is cut off");
                        return Poll::Ready(());
                    }
                };
                timer.as_mut().reset(Instant::now() + length);
            }
            Poll::Pending
        })
        .await;
    }
}

/// The answer of `router`, which is told whom the request came from.
fn answer(
    mut router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    activity: &Arc<Activity>,
) -> impl Future<Output = Result<axum::response::Response, std::convert::Infallible>> + use<> {
    let in_flight = activity.request(request.version() == Version::HTTP_2);
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let answer = router.call(request);
    async move {
        let _until_answered = in_flight;
        answer.await
    }
}
