//! What answers: made whole from one configuration, and replaced whole by the next.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use ipnet::IpNet;
use rustls::ServerConfig;

use super::StartError;
use super::connection;
use super::timeouts::ConnectionTimeouts;
use crate::access_key::{AccessKeyError, AccessKeys};
use crate::api::{self, AllowedHosts, App, BodyLimit, Cors, Entrance, Front, Gate, Host, Offers};
use crate::audit::{Destination, Trail};
use crate::clock::CorrectedClock;
use crate::config::{AccessRules, Changes, Configured, CorsSettings, Loaded, Written};
use crate::metrics::Metrics;
use crate::replicas::Replicas;
use crate::sts::Client;
use crate::trace::Spans;
use crate::vault::{self, Vault};
use crate::web;

/// Days before the end of a certificate from which on it is warned.
const SOON: i64 = 14;

/// What outlives every configuration.
#[derive(Debug)]
pub(super) struct Lasting {
    pub(super) clock: Arc<CorrectedClock>,
    pub(super) metrics: Arc<Metrics>,
    /// The pages that the program brings along.
    pub(super) pages: Router,
    /// Turns true when the server is told to stop.
    pub(super) stopping: Arc<AtomicBool>,
}

/// What answers under one configuration.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) entrance: Entrance,
    /// How a connection is read and written.
    pub(super) builder: auto::Builder<TokioExecutor>,
    pub(super) timeouts: ConnectionTimeouts,
    /// What TLS is spoken with, if it is.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// The most connections at once.
    pub(super) connections: u32,
    /// The most connections at once from one address.
    pub(super) connections_per_address: u32,
    /// The proxies to which that does not apply.
    pub(super) trusted_proxies: Vec<IpNet>,
    /// How long it is let in after the signal to stop, and how long is then waited for what is under way.
    pub(super) shutdown: (Duration, Duration),
    pub(super) written: Written,
    /// Who may do what, to be compared with the next configuration.
    pub(super) access: AccessRules,
    trail: Option<(Destination, Arc<Trail>)>,
    pub(super) app: Arc<App>,
}

/// What runs already and what of it is to change.
pub(super) type Before<'r> = (&'r Running, &'r Changes);

impl Running {
    /// Builds what `loaded` describes. Of what runs `before` all lives on that does not change.
    pub(super) fn build(loaded: Loaded, lasting: &Lasting, before: Option<Before<'_>>) -> Result<Self, StartError> {
        let (written, access) = (loaded.written.clone(), AccessRules::of(&loaded));
        let configured = loaded.build()?;
        let Configured { sts, second_sts, calls_per_second, max_sessions, replicas, access_keys, .. } = configured;
        let Configured { authenticator, grants, audit, otel, classic, static_dir, .. } = configured;
        let Configured { cors, page_headers, proxies, rates, limits, shutdown, .. } = configured;
        let Configured { unix_proxy, require_https, tls, hsts, hosts, local_hosts_only, .. } = configured;
        let options = vault::Options {
            sts: Client::new(sts)?,
            second_sts: second_sts.map(Client::new).transpose()?,
            access_keys: match before {
                Some((before, changes)) if !changes.touch("access_key") && !changes.touch("sts") => {
                    before.app.vault.access_keys()
                }
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
        if before.is_some_and(|(before, _)| before.tls.is_some() != tls.is_some()) {
            return Err(StartError::TlsSwitched);
        }
        let trusted_proxies = proxies.clone();
        let front = Front { networks: proxies, unix: unix_proxy, require_https };
        let gate = Gate::new(rates, front, limits.in_flight);
        let trail = trail(audit, before)?;
        let spans = match before {
            Some((before, changes)) if !changes.touch("otel") => before.app.spans.clone(),
            _ => otel.as_deref().map(Spans::to).transpose()?.unwrap_or_default(),
        };
        // From here on nothing fails: what runs is not touched by a configuration that is refused.
        let app = Arc::new(App {
            audit: trail.as_ref().map(|(_, trail)| Arc::clone(trail)),
            vault: match before {
                Some((before, _)) => before.app.vault.renewed(options),
                None => Vault::new(options, Arc::clone(&lasting.clock)),
            },
            authenticator: match before {
                Some((before, changes))
                    if !changes.touch("auth")
                        && !changes.touch("cors.origins")
                        && before.app.authenticator.kept == authenticator.kept =>
                {
                    Arc::clone(&before.app.authenticator)
                }
                _ => Arc::new(authenticator),
            },
            grants: Offers::new(grants, &lasting.metrics),
            metrics: Arc::clone(&lasting.metrics),
            spans,
            clock: Arc::clone(&lasting.clock),
            classic,
            hosts: allowed_hosts(&hosts, local_hosts_only),
            cors: self::cors(cors, &page_headers),
            gate: match before {
                Some((before, _)) => gate.keeping(&before.app.gate),
                None => gate,
            },
            body_limit: BodyLimit { bytes: limits.body, time: limits.body_timeout },
            request_timeout: limits.request_timeout,
            hsts: hsts.map(strict_transport_security),
            stopping: Arc::clone(&lasting.stopping),
        });
        if let Some((before, _)) = before {
            for grant in app.grants.no_longer_confined(&before.app.grants) {
                let hint = "symbolic links that are there already are followed now; reads = \"confined\" prevents it";
                tracing::warn!(grant, hint, "reads are no longer confined");
            }
        }
        if let Some(ends) = tls.as_ref().and_then(|tls| tls.ends)
            && before.is_none_or(|(_, changes)| changes.touch("tls"))
        {
            lasting.metrics.certificate_ends(ends);
            tell_of_the_end(ends, lasting.clock.reading().machine);
        }
        let pages = lasting.pages.clone().merge(web::module()).merge(api::openapi::route());
        let pages = match static_dir {
            Some(folder) => pages.fallback_service(web::static_files(folder, axum::routing::any(api::not_found))),
            None => pages.fallback(api::not_found),
        };
        Ok(Self {
            entrance: Entrance::new(Arc::clone(&app), pages),
            builder: connection::builder(&limits),
            timeouts: ConnectionTimeouts::new(limits.header_timeout, limits.idle_timeout),
            tls: tls.as_ref().map(|tls| Arc::clone(&tls.server)),
            connections: limits.connections,
            connections_per_address: limits.connections_per_address,
            trusted_proxies,
            shutdown,
            written,
            access,
            trail,
            app,
        })
    }

    /// Asks for the AccessKey once, if it is to be searched for.
    pub(super) async fn find_access_key(&self) -> Result<(), AccessKeyError> {
        let vault = &self.app.vault;
        if vault.access_key_source() != AccessKeys::SEARCH {
            return Ok(());
        }
        let found = vault.access_key().await;
        tracing::info!(source = vault.access_key_source(), "the AccessKey was searched for");
        found.map(drop)
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

/// A certificate that is about to end is told of while there is time to renew it.
fn tell_of_the_end(ends: DateTime<Utc>, now: DateTime<Utc>) {
    let days = (ends - now).num_days();
    if ends <= now {
        tracing::error!(%ends, "the certificate has ended: clients will refuse it");
    } else if days < SOON {
        tracing::warn!(%ends, days, "the certificate ends soon");
    } else {
        tracing::info!(%ends, days, "the certificate is good");
    }
}

fn allowed_hosts(listed: &[String], local_only: bool) -> AllowedHosts {
    match (listed, local_only) {
        ([], true) => AllowedHosts::Local,
        ([], false) => AllowedHosts::Any,
        (listed, _) => AllowedHosts::Listed(listed.iter().filter_map(|host| Host::parse(host)).collect()),
    }
}

fn strict_transport_security(length: Duration) -> HeaderValue {
    HeaderValue::from_str(&format!("max-age={}", length.as_secs())).expect("digits are header characters")
}

fn cors(cors: CorsSettings, page_headers: &[String]) -> Cors {
    Cors::new(cors.origins, &cors.origin_patterns, page_headers, cors.credentials, cors.max_age)
}
