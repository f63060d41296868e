//! The server: a configuration becomes an app, and the app answers on a listener that the caller has bound.

mod activity;
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

use axum::Router;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use self::connection::Connection;
use self::exposure::Exposed;
pub use self::follow::{Follower, Load};
pub use self::reload::Reload;
use self::running::Lasting;
use self::slots::Slot;
use crate::clock::{Clock, CorrectedClock};
use crate::config::{ConfigError, Loaded};
use crate::replicas::Unusable;
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
    /// Redis' address or the sealing keys cannot be used.
    #[error(transparent)]
    Redis(#[from] Unusable),
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
}

impl Server {
    /// Builds what `loaded` describes; nothing is sent and nothing listens yet.
    pub fn new(loaded: Loaded, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::with_pages(loaded, clock, Router::new())
    }

    /// The same with routes of its own for `pages`, which the static folder stands behind.
    pub fn with_pages(loaded: Loaded, clock: Arc<dyn Clock>, pages: Router) -> Result<Self, StartError> {
        let lasting = Lasting { clock: Arc::new(CorrectedClock::new(clock)), pages };
        Ok(Self { reload: Arc::new(Reload::new(loaded, lasting)?) })
    }

    /// The handle by which the server takes another configuration while it runs.
    #[must_use]
    pub fn reload(&self) -> Arc<Reload> {
        Arc::clone(&self.reload)
    }

    /// Answers on `listener` until `stop` ends; requests that are under way then have [`DRAIN`] to end.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { reload } = self;
        let mut stop = std::pin::pin!(stop);
        let (stopping, stopped) = watch::channel(false);
        loop {
            tokio::select! {
                (accepted, slot) = accept(&listener, &reload) => match accepted {
                    Ok((stream, peer)) => {
                        let connection = Connection::new(Arc::clone(&reload), stopped.clone());
                        tokio::spawn(async move {
                            connection.serve(stream, peer).await;
                            drop(slot);
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
