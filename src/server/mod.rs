//! The server: a configuration becomes an app, and the app answers on a listener that the caller has bound.

pub mod exposure;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tower::util::MapRequest;
use tower_http::services::ServeDir;

use crate::api::{self, App};
use crate::audit::Trail;
use crate::clock::{Clock, CorrectedClock};
use crate::config::{ConfigError, Configured, Loaded};
use crate::sts::{Client, ClientError};
use crate::vault::{self, Vault};
use crate::web;

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
}

/// A server that is ready to listen.
#[derive(Debug)]
pub struct Server {
    router: Router,
    audit: Option<Arc<Trail>>,
    header_timeout: Duration,
}

impl Server {
    /// Builds what `loaded` describes; nothing is sent and nothing listens yet.
    pub fn new(loaded: Loaded, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::with_pages(loaded, clock, Router::new())
    }

    /// The same with routes of its own for `pages`, which the static folder stands behind.
    pub fn with_pages(loaded: Loaded, clock: Arc<dyn Clock>, pages: Router) -> Result<Self, StartError> {
        let configured = loaded.build()?;
        let Configured { sts, second_sts, calls_per_second, max_sessions, .. } = configured;
        let Configured { access_keys, authenticator, grants, audit, classic, origins, limits, static_dir, .. } =
            configured;
        let clock = Arc::new(CorrectedClock::new(clock));
        let vault = vault::Options {
            sts: Client::new(sts)?,
            second_sts: second_sts.map(Client::new).transpose()?,
            access_keys: access_keys.ok_or(StartError::NoAccessKey)?,
            calls_per_second,
            max_sessions,
        };
        let audit = audit.map(|to| Trail::open(&to).map(Arc::new)).transpose().map_err(StartError::Audit)?;
        let app = App {
            audit: audit.clone(),
            vault: Vault::new(vault, Arc::clone(&clock)),
            authenticator,
            grants,
            clock,
            classic,
            origins,
            body_limit: limits.body,
            request_timeout: limits.request_timeout,
        };
        let pages = pages.merge(web::module());
        let pages = match static_dir {
            Some(folder) => pages.fallback_service(ServeDir::new(folder).fallback(axum::routing::any(api::not_found))),
            None => pages.fallback(api::not_found),
        };
        Ok(Self { router: api::router(Arc::new(app), pages), audit, header_timeout: limits.header_timeout })
    }

    /// The audit trail, if there is one.
    #[must_use]
    pub fn audit(&self) -> Option<Arc<Trail>> {
        self.audit.clone()
    }

    /// Answers on `listener` until `stop` ends; requests that are under way then have [`DRAIN`] to end.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
        let mut stop = std::pin::pin!(stop);
        let connections = GracefulShutdown::new();
        let builder = self.connection_builder();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.spawn(&builder, stream, peer, &connections),
                    Err(error) => pause_after(&error).await,
                },
                () = &mut stop => break,
            }
        }
        drop(listener);
        if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and are cut off");
        }
        if let Some(audit) = &self.audit {
            audit.flush();
        }
        Ok(())
    }

    /// Without a timer of ours hyper's time limit on request heads does nothing, and a half-sent head stays for ever.
    fn connection_builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.header_timeout);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(20));
        builder
    }

    fn spawn(
        &self,
        builder: &auto::Builder<TokioExecutor>,
        stream: TcpStream,
        peer: SocketAddr,
        connections: &GracefulShutdown,
    ) {
        // Answers are small and one write each, so waiting to fill a segment only delays them.
        let _best_effort = stream.set_nodelay(true);
        let with_peer = move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        };
        let service = TowerToHyperService::new(MapRequest::new(self.router.clone(), with_peer));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
    }
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
