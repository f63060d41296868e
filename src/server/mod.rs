//! The server: a configuration becomes an app, and the app answers on a listener that the caller has bound.

mod acceptor;
mod activity;
mod admin;
mod connection;
mod connection_limit;
pub mod exposure;
mod follow;
mod listener;
mod notify;
mod reload;
mod running;
mod sharing;
mod timeouts;

use std::io;
use std::sync::Arc;

use axum::body::{Bytes, HttpBody};
use axum::http::Request;
use axum::{BoxError, Router};
use thiserror::Error;
use tokio::net::TcpListener;

use self::acceptor::Acceptor;
use self::exposure::Exposed;
pub use self::follow::{Follower, Load};
pub use self::listener::{Address, ListenError, Listener, UnixSocket};
pub use self::notify::Notify;
pub use self::reload::Reload;
use self::running::Lasting;
use crate::access_key::AccessKeyError;
use crate::api::{Client, Entrance, Outgoing};
use crate::audit::Trail;
use crate::clock::{Clock, CorrectedClock};
use crate::config::{ConfigError, Loaded};
use crate::metrics::Metrics;
use crate::replicas::Unusable;
use crate::sts::ClientError;
use crate::trace::NoExporter;

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
    /// There is no AccessKey, and no place left to search.
    #[error(
        "there is no AccessKey: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (or ACCESS_KEY_ID and \
         ACCESS_KEY_SECRET), those of a RAM user that may call sts:AssumeRole"
    )]
    NoAccessKey,
    /// A listener that speaks TLS to one and not to the next would be a trap.
    #[error("[tls] cannot be switched on or off without a restart")]
    TlsSwitched,
    /// A reload must not open what the start did not.
    #[error(
        "the new configuration would serve callers without proof, and the running one does not: authentication was removed, \
         or auth.anonymous = true was added. A reload never opens the server to everyone; if it is meant, restart the server, \
         else put the removed [[auth.api_keys]], [[auth.jwt]], [auth.forward] or [auth.proxy] back"
    )]
    WouldOpen,
    /// None was found.
    #[error(
        "there is no AccessKey: {0}. Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, those of a RAM user \
         that may call sts:AssumeRole, or give a source in [access_key]"
    )]
    NotFound(AccessKeyError),
    /// Spans cannot be sent.
    #[error("otel.endpoint: {0}")]
    Otel(#[from] NoExporter),
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
        let lasting = Lasting { clock: Arc::new(CorrectedClock::new(clock)), metrics, pages, stopping: Arc::default() };
        Ok(Self { reload: Arc::new(Reload::new(loaded, lasting)?), admin: None })
    }

    /// The same with `/metrics` and our health on a listener of the operator's own.
    #[must_use]
    pub fn with_admin(self, listener: TcpListener) -> Self {
        Self { admin: Some(listener), ..self }
    }

    /// Asks for the AccessKey once, if it is to be searched for: who configured none is told at the start if there is none.
    /// A source that was asked for by name may answer later.
    pub async fn find_access_key(&self) -> Result<(), StartError> {
        self.reload.running().find_access_key().await.map_err(StartError::NotFound)
    }

    /// The handle by which the server takes another configuration while it runs.
    #[must_use]
    pub fn reload(&self) -> Arc<Reload> {
        Arc::clone(&self.reload)
    }

    /// The answer to `request`, which came from `client`, for who has no socket.
    pub async fn answer<B>(&self, request: Request<B>, client: Arc<Client>) -> Outgoing
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let Ok(answer) = Entrance::answer(self.reload.entrance(), request, client).await;
        answer
    }

    /// Answers on `listener` until `stop` ends, and then as long as the configuration says: `/readyz` says at once that
    /// the server stops, new connections are taken for `shutdown_delay` more, and those that are open then have
    /// `shutdown_timeout` to end.
    pub async fn serve(self, listener: impl Into<Listener>, stop: impl Future<Output = ()>) -> Ending {
        let Self { reload, admin } = self;
        let listener = listener.into();
        let acceptor = Acceptor::new(Arc::clone(&reload));
        let admin = admin.map(|listener| admin::serve(listener, Arc::clone(&reload)));
        let sharing = tokio::spawn(sharing::share_limits(Arc::clone(&reload)));
        tokio::select! {
            never = acceptor.run(&listener) => match never {},
            () = stop => reload.announce_stop(),
        }
        let (delay, limit) = reload.running().shutdown;
        let _elapsed = tokio::time::timeout(delay, acceptor.run(&listener)).await;
        let ending = acceptor.drain(listener, limit).await;
        flush_audit(reload.running().trail().map(Arc::clone)).await;
        if let Some(admin) = admin {
            admin.abort();
        }
        sharing.abort();
        ending
    }
}

/// Waits until audit events are written, on a thread that may block.
async fn flush_audit(trail: Option<Arc<Trail>>) {
    if let Some(trail) = trail
        && let Err(error) = tokio::task::spawn_blocking(move || trail.flush()).await
    {
        tracing::error!(%error, "audit events could not be flushed");
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Ending {
    /// Every request was answered.
    Drained,
    /// Some took too long and got no answer, or not all of it.
    CutOff {
        /// How many connections there were.
        connections: usize,
    },
}
