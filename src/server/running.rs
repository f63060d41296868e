//! What answers: made whole from one configuration, and replaced whole by the next.

use std::sync::Arc;

use axum::Router;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tower_http::services::ServeDir;

use super::StartError;
use super::connection;
use super::patience::Patience;
use crate::api::{self, App, BodyLimit, Cors, Gate};
use crate::audit::{Destination, Trail};
use crate::clock::CorrectedClock;
use crate::config::{Changes, Configured, CorsSettings, Loaded, Written};
use crate::replicas::Replicas;
use crate::sts::Client;
use crate::vault::{self, Vault};
use crate::web;

/// What outlives every configuration.
#[derive(Debug)]
pub(super) struct Lasting {
    pub(super) clock: Arc<CorrectedClock>,
    /// The pages that the program brings along.
    pub(super) pages: Router,
}

/// What answers under one configuration.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) router: Router,
    /// How a connection is read and written.
    pub(super) builder: auto::Builder<TokioExecutor>,
    pub(super) patience: Patience,
    /// The most connections at once.
    pub(super) connections: u32,
    pub(super) written: Written,
    trail: Option<(Destination, Arc<Trail>)>,
    app: Arc<App>,
}

/// What runs already and what of it is to change.
pub(super) type Before<'r> = (&'r Running, &'r Changes);

impl Running {
    /// Builds what `loaded` describes. Of what runs `before` all lives on that does not change.
    pub(super) fn build(loaded: Loaded, lasting: &Lasting, before: Option<Before<'_>>) -> Result<Self, StartError> {
        let written = loaded.written.clone();
        let configured = loaded.build()?;
        let Configured { sts, second_sts, calls_per_second, max_sessions, replicas, access_keys, .. } = configured;
        let Configured { authenticator, grants, audit, classic, static_dir, .. } = configured;
        let Configured { cors, page_headers, proxies, rates, limits, .. } = configured;
        let options = vault::Options {
            sts: Client::new(sts)?,
            second_sts: second_sts.map(Client::new).transpose()?,
            access_keys: match before {
                Some((before, changes)) if !changes.touch("access_key") => before.app.vault.access_keys(),
                _ => Arc::new(access_keys.ok_or(StartError::NoAccessKey)?),
            },
            calls_per_second,
            max_sessions,
            replicas: match before {
                Some((before, changes)) if !changes.touch("vault.redis") && !changes.touch("sts.calls_per_second") => {
                    before.app.vault.replicas()
                }
                _ => replicas.map(|options| Replicas::open(&options, calls_per_second)).transpose()?,
            },
        };
        let gate = Gate::new(rates, proxies, limits.in_flight);
        let trail = trail(audit, before)?;
        // From here on nothing fails: what runs is not touched by a configuration that is refused.
        let app = Arc::new(App {
            audit: trail.as_ref().map(|(_, trail)| Arc::clone(trail)),
            vault: match before {
                Some((before, _)) => before.app.vault.renewed(options),
                None => Vault::new(options, Arc::clone(&lasting.clock)),
            },
            authenticator: match before {
                Some((before, changes)) if !changes.touch("auth") && !changes.touch("cors.origins") => {
                    Arc::clone(&before.app.authenticator)
                }
                _ => Arc::new(authenticator),
            },
            grants,
            clock: Arc::clone(&lasting.clock) as _,
            classic,
            cors: self::cors(cors, &page_headers),
            gate: match before {
                Some((before, _)) => gate.keeping(&before.app.gate),
                None => gate,
            },
            body_limit: BodyLimit { bytes: limits.body, time: limits.body_timeout },
            request_timeout: limits.request_timeout,
        });
        let pages = lasting.pages.clone().merge(web::module());
        let pages = match static_dir {
            Some(folder) => pages.fallback_service(ServeDir::new(folder).fallback(axum::routing::any(api::not_found))),
            None => pages.fallback(api::not_found),
        };
        Ok(Self {
            router: api::router(Arc::clone(&app), pages),
            builder: connection::builder(&limits),
            patience: Patience { head: limits.header_timeout, idle: limits.idle_timeout },
            connections: limits.connections,
            written,
            trail,
            app,
        })
    }

    /// The audit trail, if there is one.
    pub(super) fn trail(&self) -> Option<&Arc<Trail>> {
        self.trail.as_ref().map(|(_, trail)| trail)
    }
}

/// The trail that is open already if it goes where it is to go, or a new one.
fn trail(to: Option<Destination>, before: Option<Before<'_>>) -> Result<Option<(Destination, Arc<Trail>)>, StartError> {
    let Some(to) = to else { return Ok(None) };
    let open = before.and_then(|(before, _)| before.trail.clone());
    if let Some(open) = open.filter(|(destination, _)| *destination == to) {
        return Ok(Some(open));
    }
    let trail = Trail::open(&to).map_err(StartError::Audit)?;
    Ok(Some((to, Arc::new(trail))))
}

fn cors(cors: CorsSettings, page_headers: &[String]) -> Cors {
    Cors::new(cors.origins, &cors.origin_patterns, page_headers, cors.credentials, cors.max_age)
}
