//! The server: a configuration becomes an app, and the app answers on a listener that the caller has bound.

mod activity;
mod admin;
mod connection;
pub mod exposure;
mod follow;
mod patience;
mod reload;
mod running;
mod slots;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::Request;
use axum::{BoxError, Router};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use self::connection::Connection;
use self::exposure::Exposed;
pub use self::follow::{Follower, Load};
pub use self::reload::Reload;
use self::running::Lasting;
use self::slots::Slot;
use crate::api::Outgoing;
use crate::clock::{Clock, CorrectedClock};
use crate::config::{ConfigError, Loaded};
use crate::metrics::Metrics;
use crate::sts::ClientError;

/// How long requests that are under way may take to end after the signal to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Why a configuration does not become a server.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// STS cannot be asked.
    #[error("sts.endpoint: {0}")]
    Sts(#[from] ClientError),
    /// The audit trail cannot be opened.
    #[error("audit.to: {0}")]
    Audit(io::Error),
    /// There is no AccessKey.
    #[error(
        "there is no AccessKey: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (or ACCESS_KEY_ID and \
         ACCESS_KEY_SECRET), those of a RAM user that may call sts:AssumeRole"
    )]
    NoAccessKey,
    /// The listener is open to all.
    #[error(transparent)]
    Exposed(#[from] Exposed),
}

/// A server that is ready to listen.
#[derive(Debug)]
pub struct Server {
    reload: Arc<Reload>,
    admin: Option<TcpListener>,
}

impl Server {
    /// Builds what `loaded` describes; nothing is sent and nothing listens yet.
    pub fn new(loaded: Loaded, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::with_pages(loaded, clock, Router::new())
    }

    /// The same with routes of its own for `pages`, which the static folder stands behind.
    pub fn with_pages(loaded: Loaded, clock: Arc<dyn Clock>, pages: Router) -> Result<Self, StartError> {
        let metrics = Metrics::new(clock.now());
        let lasting = Lasting { clock: Arc::new(CorrectedClock::new(clock)), metrics, pages };
        Ok(Self { reload: Arc::new(Reload::new(loaded, lasting)?), admin: None })
    }

    /// The same with `/metrics` and our health on a listener of the operator's own.
    #[must_use]
    pub fn with_admin(self, listener: TcpListener) -> Self {
        Self { admin: Some(listener), ..self }
    }

    /// The handle by which the server takes another configuration while it runs.
    #[must_use]
    pub fn reload(&self) -> Arc<Reload> {
        Arc::clone(&self.reload)
    }

    /// The answer to `request`, which came from `peer`, for who has no socket.
    pub async fn answer<B>(&self, request: Request<B>, peer: SocketAddr) -> Outgoing
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.reload.running_now().entrance.answer(request, Some(peer)).await
    }

    /// Answers on `listener` until `stop` ends; requests that are under way then have [`DRAIN`] to end.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { reload, admin } = self;
        let mut stop = std::pin::pin!(stop);
        let (stopping, stopped) = watch::channel(false);
        let admin = admin.map(|listener| admin::serve(listener, Arc::clone(&reload)));
        loop {
            tokio::select! {
                (accepted, slot) = accept(&listener, &reload) => match accepted {
                    Ok((stream, peer)) => {
                        let connection = Connection::new(Arc::clone(&reload), stopped.clone());
                        let open = (slot, reload.metrics().connection());
                        tokio::spawn(async move {
                            connection.serve(stream, peer).await;
                            drop(open);
                        });
                    }
                    Err(error) => pause_after(&error).await,
                },
                () = &mut stop => break,
            }
        }
        drop(listener);
        stopping.send_replace(true);
        if tokio::time::timeout(DRAIN, reload.slots.all_free()).await.is_err() {
            tracing::warn!(connections = reload.slots.taken(), "some requests did not end in time and are cut off");
        }
        if let Some(trail) = reload.running().trail() {
            trail.flush();
        }
        if let Some(admin) = admin {
            admin.abort();
        }
        Ok(())
    }
}

/// The next connection, once there is a slot for it: until then it waits with the kernel.
async fn accept(listener: &TcpListener, reload: &Reload) -> (io::Result<(TcpStream, SocketAddr)>, Slot) {
    let slot = reload.slots.take(|| reload.running().connections).await;
    (listener.accept().await, slot)
}

/// A failed accept is the one connection's trouble, or there are no descriptors left, which takes a moment to pass.
async fn pause_after(error: &io::Error) {
    let of_the_peer = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !of_the_peer {
        tracing::error!(%error, "no connection can be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
