//! The server: a configuration becomes an app, and the app answers on a listener that the caller has bound.

mod activity;
mod connection;
pub mod exposure;
mod patience;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower_http::services::ServeDir;

use self::connection::Connections;
use crate::api::{self, App, BodyLimit, Cors, Gate};
use crate::audit::Trail;
use crate::clock::{Clock, CorrectedClock};
use crate::config::{ConfigError, Configured, Limits, Loaded};
use crate::replicas::{Replicas, Unusable};
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
}

/// A server that is ready to listen.
#[derive(Debug)]
pub struct Server {
    router: Router,
    audit: Option<Arc<Trail>>,
    limits: Limits,
}

impl Server {
    /// Builds what `loaded` describes; nothing is sent and nothing listens yet.
    pub fn new(loaded: Loaded, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::with_pages(loaded, clock, Router::new())
    }

    /// The same with routes of its own for `pages`, which the static folder stands behind.
    pub fn with_pages(loaded: Loaded, clock: Arc<dyn Clock>, pages: Router) -> Result<Self, StartError> {
        let configured = loaded.build()?;
        let Configured { sts, second_sts, calls_per_second, max_sessions, replicas, .. } = configured;
        let Configured { access_keys, authenticator, grants, audit, classic, static_dir, .. } = configured;
        let Configured { cors, page_headers, proxies, rates, limits, .. } = configured;
        let clock = Arc::new(CorrectedClock::new(clock));
        let vault = vault::Options {
            sts: Client::new(sts)?,
            second_sts: second_sts.map(Client::new).transpose()?,
            access_keys: access_keys.ok_or(StartError::NoAccessKey)?,
            calls_per_second,
            max_sessions,
            replicas: replicas.map(|options| Replicas::open(&options, calls_per_second)).transpose()?,
        };
        let audit = audit.map(|to| Trail::open(&to).map(Arc::new)).transpose().map_err(StartError::Audit)?;
        let app = App {
            audit: audit.clone(),
            vault: Vault::new(vault, Arc::clone(&clock)),
            authenticator,
            grants,
            clock,
            classic,
            cors: Cors::new(cors.origins, &cors.origin_patterns, &page_headers, cors.credentials, cors.max_age),
            gate: Gate::new(rates, proxies, limits.in_flight),
            body_limit: BodyLimit { bytes: limits.body, time: limits.body_timeout },
            request_timeout: limits.request_timeout,
        };
        let pages = pages.merge(web::module());
        let pages = match static_dir {
            Some(folder) => pages.fallback_service(ServeDir::new(folder).fallback(axum::routing::any(api::not_found))),
            None => pages.fallback(api::not_found),
        };
        Ok(Self { router: api::router(Arc::new(app), pages), audit, limits })
    }

    /// The audit trail, if there is one.
    #[must_use]
    pub fn audit(&self) -> Option<Arc<Trail>> {
        self.audit.clone()
    }

    /// Answers on `listener` until `stop` ends; requests that are under way then have [`DRAIN`] to end.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
        let mut stop = std::pin::pin!(stop);
        let (stopping, stopped) = watch::channel(false);
        let connections = Connections::new(self.router, &self.limits, stopped);
        let slots = Arc::new(Semaphore::new(usize::try_from(self.limits.connections).unwrap_or(usize::MAX)));
        loop {
            tokio::select! {
                (accepted, slot) = accept(&listener, &slots) => match accepted {
                    Ok((stream, peer)) => spawn(connections.clone(), stream, peer, slot),
                    Err(error) => pause_after(&error).await,
                },
                () = &mut stop => break,
            }
        }
        drop(listener);
        stopping.send_replace(true);
        // Whoever has all slots has seen all connections end.
        if tokio::time::timeout(DRAIN, slots.acquire_many(self.limits.connections)).await.is_err() {
            tracing::warn!("some requests did not end in time and are cut off");
        }
        if let Some(audit) = &self.audit {
            audit.flush();
        }
        Ok(())
    }
}

/// The next connection, once there is a slot for it: until then it waits with the kernel.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (io::Result<(TcpStream, SocketAddr)>, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the slots are never closed");
    (listener.accept().await, slot)
}

fn spawn(connections: Connections, stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit) {
    tokio::spawn(async move {
        connections.serve(stream, peer).await;
        drop(slot);
    });
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
