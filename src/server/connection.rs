//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Counted};
use super::patience::{Verdict, Wait};
use super::reload::Reload;
use super::slots::Slot;
use crate::api::{Client, Entrance, Outgoing, Peer};
use crate::config::Limits;

/// The most requests at once on one connection of HTTP/2; browsers are content with a hundred.
const STREAMS: u32 = 100;
/// What a client may send ahead on one stream of HTTP/2, and on all of a connection: bodies are small here.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// After which silence an HTTP/2 client is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);

/// How long a connection of HTTP/1.1 that rests is kept when the server stops: whoever asks in that time is answered and
/// told that it is the last answer, where a plain end would meet the request on its way.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection is served with.
#[derive(Debug)]
pub(super) struct Connection {
    reload: Arc<Reload>,
    /// Turns true when no more connections are let in and those that rest are to end.
    draining: watch::Receiver<bool>,
    /// Held until the end.
    slot: Slot,
}

/// How connections are read and written within `limits`; the time limits are in `patience`.
pub(super) fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // An answer goes out in one piece with its head: to copy some kilobytes costs less than to have the kernel gather two.
    builder.http1().header_read_timeout(None).max_buf_size(limits.head).writev(false);
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
    pub(super) fn new(reload: Arc<Reload>, draining: watch::Receiver<bool>, slot: Slot) -> Self {
        Self { reload, draining, slot }
    }

    /// The same over TLS. The handshake has as long as a head has.
    pub(super) async fn serve_tls<S>(self, tls: Arc<ServerConfig>, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limit = self.reload.running().patience.head;
        match tokio::time::timeout(limit, TlsAcceptor::from(tls).accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, Peer::Tls(peer)).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "there is no TLS with a client"),
            Err(_elapsed) => tracing::debug!(%peer, "a TLS handshake kept us waiting and is cut off"),
        }
    }

    /// Answers what comes on `stream` until it ends, or has kept us waiting too long. Each request is answered by what
    /// runs when it comes; how the connection itself is read stays as it was at its beginning.
    pub(super) async fn serve<S>(self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { reload, mut draining, slot: _until_the_end } = self;
        let running = reload.running();
        let (builder, patience) = (running.builder.clone(), running.patience);
        drop(running);
        let activity = Activity::of(Client::new(peer));
        let stream = TokioIo::new(Counted::new(stream, Arc::clone(&activity)));
        let service = service_fn(|request| answer(&reload, request, &activity));
        let mut connection = pin!(builder.serve_connection(stream, service));
        let (mut wait, length) = Wait::first(patience);
        let mut timer = pin!(sleep(length));
        // What was asked once wakes this task by itself. So the signal and the timer are asked again only when they have
        // something to say: with every request they would take locks that others share.
        let signal = draining.clone();
        let mut stop = pin!(async {
            let _never_closed = draining.wait_for(|draining| *draining).await.map(drop);
            // Over HTTP/2 the client is told; over HTTP/1.1 only an answer tells, and a request may be on its way.
            if !activity.is_multiplexed() {
                sleep(LINGER).await;
            }
        });
        let (mut asked, mut stopping) = (false, false);
        poll_fn(|cx| {
            let signalled = !asked || !matches!(signal.has_changed(), Ok(false));
            if signalled && !stopping && stop.as_mut().poll(cx).is_ready() {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(?peer, %error, "a connection ended badly");
                }
                return Poll::Ready(());
            }
            let turned = wait.turns_to_head(activity.seen());
            if turned {
                timer.as_mut().reset(Instant::now() + patience.head);
            }
            let speaks = turned || !mem::replace(&mut asked, true) || timer.is_elapsed();
            while speaks && timer.as_mut().poll(cx).is_ready() {
                let length = match wait.over(activity.seen(), patience) {
                    Verdict::Wait(length) => length,
                    Verdict::Leave(length) => {
                        connection.as_mut().graceful_shutdown();
                        cx.waker().wake_by_ref();
                        length
                    }
                    Verdict::Cut => {
                        tracing::debug!(?peer, "a connection kept us waiting and is cut off");
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

/// The answer of what runs now, which is told whom the request came from.
fn answer(
    reload: &Reload,
    request: Request<Incoming>,
    activity: &Arc<Activity>,
) -> impl Future<Output = Result<Outgoing, Infallible>> + use<> {
    let in_flight = activity.request(request.version() == Version::HTTP_2);
    Entrance::answer(reload.entrance(), request, in_flight)
}
