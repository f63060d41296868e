//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, MonitoredStream};
use super::reload::Reload;
use super::timeouts::{ConnectionTimeouts, ConnectionTimer, TimeoutAction};
use crate::api::{Client, Entrance, Outgoing, Peer};
use crate::config::Limits;

/// The most concurrent streams of one HTTP/2 connection. Browsers are content with a hundred.
const MAX_STREAMS: u32 = 100;
/// What a client may send ahead on one HTTP/2 stream and on a whole connection, in bytes. Request bodies are small.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// After this much silence an HTTP/2 client is sent a PING; hyper closes the connection if no answer comes.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long an idle HTTP/1.1 connection, or a TLS handshake, is kept when the server stops. Only a response can tell an
/// HTTP/1.1 client that the connection ends: a request that arrives in this time gets one with `connection: close`, where
/// closing at once would cut it off on its way.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection is served with.
#[derive(Debug)]
pub(super) struct Connection {
    reload: Arc<Reload>,
    /// Cancelled when the server takes no more connections and closes those that are idle.
    draining: CancellationToken,
    /// When the first byte of a request must have arrived.
    first_byte: Instant,
    timeouts: ConnectionTimeouts,
    builder: auto::Builder<TokioExecutor>,
}

/// How HTTP is spoken within `limits`. Timeouts of HTTP/1.1 are in [`super::timeouts`].
pub(super) fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Head and body leave in one write: copying some kilobytes costs less than a vectored write.
    builder.http1().header_read_timeout(None).max_buf_size(limits.head).writev(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

impl Connection {
    /// A connection that was just accepted. How it is read stays as configured now; each of its requests is answered by
    /// the configuration that is active when the request arrives.
    pub(super) fn new(reload: Arc<Reload>, draining: CancellationToken) -> Self {
        let running = reload.running();
        let (builder, timeouts) = (running.builder.clone(), running.timeouts);
        drop(running);
        Self { first_byte: timeouts.first_byte(Instant::now()), reload, draining, timeouts, builder }
    }

    /// Serves `stream` over TLS.
    pub(super) async fn serve_tls<S>(self, tls: Arc<ServerConfig>, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = timeout_at(self.first_byte, TlsAcceptor::from(tls).accept(stream));
        tokio::select! {
            result = handshake => match result {
                Ok(Ok(stream)) => self.serve(stream, Peer::Tls(peer)).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_elapsed) => tracing::debug!(%peer, "TLS handshake timed out"),
            },
            () = linger(&self.draining) => tracing::debug!(%peer, "TLS handshake aborted by shutdown"),
        }
    }

    /// Answers the requests that arrive on `stream` until it ends, a timeout is exceeded, or the server stops.
    pub(super) async fn serve<S>(self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { reload, draining, first_byte, timeouts, builder } = self;
        let activity = Activity::new(Client::new(peer));
        let mut timer = ConnectionTimer::new(Arc::clone(&activity), timeouts, first_byte);
        let stream = TokioIo::new(MonitoredStream::new(stream, Arc::clone(&activity)));
        let service = service_fn(|request| answer(&reload, request, &activity));
        let mut connection = pin!(builder.serve_connection(stream, service));
        let mut stop = pin!(stop(&draining, &activity));
        let mut stopping = false;
        loop {
            tokio::select! {
                biased; // the timer looks at what the connection has just done
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(?peer, %error, "connection failed");
                    }
                    return;
                }
                () = stop.as_mut(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                action = timer.expired() => match action {
                    TimeoutAction::Shutdown => connection.as_mut().graceful_shutdown(),
                    TimeoutAction::Close => {
                        tracing::debug!(?peer, "connection timed out");
                        return;
                    }
                },
            }
        }
    }
}

/// Completes when a connection must end because the server stops: at once over HTTP/2, where a frame tells the client.
async fn stop(draining: &CancellationToken, activity: &Activity) {
    draining.cancelled().await;
    if !activity.is_http2() {
        sleep(LINGER).await;
    }
}

async fn linger(draining: &CancellationToken) {
    draining.cancelled().await;
    sleep(LINGER).await;
}

/// The response of the configuration that is active now.
fn answer(
    reload: &Reload,
    request: Request<Incoming>,
    activity: &Arc<Activity>,
) -> impl Future<Output = Result<Outgoing, Infallible>> + use<> {
    let in_flight = activity.begin_request(request.version() == Version::HTTP_2);
    Entrance::answer(reload.entrance(), request, in_flight)
}
