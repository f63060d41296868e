//! Where the keys of an issuer come from, and when they are fetched anew.
//!
//! A fetch belongs to the issuer, not to a request: a caller that hangs up cancels nothing. However many tokens with an
//! unknown `kid` arrive, there is one fetch at a time, and one in [`PAUSE`].

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, FutureExt, Shared};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use super::super::outbound::{NoAnswer, Outbound, is_secure};
use super::super::remembered::{Digest, digest};
use super::algorithm::Algorithm;
use super::key_set::{InvalidKeySet, KeySet, NoKey};
use super::status::{FetchFailure, KeyStatus};

/// The least time between two fetches.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// The same after one that failed.
const PAUSE_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);
/// Older keys are fetched anew behind the answer, so that a withdrawn key ends.
const REFRESH_AFTER: TimeDelta = TimeDelta::minutes(15);
/// Keys that could not be fetched anew for so long are no longer believed.
const LAST_RESORT: TimeDelta = TimeDelta::hours(24);
/// The longest time for one answer of the issuer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where keys come from.
#[derive(Clone, Debug)]
pub enum Place {
    /// The address of the key set.
    KeySet(Url),
    /// The issuer's own address, below which its metadata name the key set (OIDC Discovery 1.0 §4).
    Issuer(String),
}

/// The keys cannot be had; that says nothing against the token.
#[derive(Debug, Error)]
pub(super) enum NoKeys {
    /// No answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// Another status than 200.
    #[error("its answer has the status {0}")]
    Status(StatusCode),
    /// The metadata are not those of the issuer.
    #[error("its metadata are not those of an issuer of this name: {{\"issuer\": …, \"jwks_uri\": …}}")]
    Metadata,
    /// What it answered is no key set.
    #[error(transparent)]
    KeySet(#[from] InvalidKeySet),
    /// The last fetch was a moment ago.
    #[error("it was asked a moment ago")]
    TooSoon,
    /// The fetch broke off.
    #[error("the fetch broke off")]
    BrokeOff,
}

impl NoKeys {
    /// What to change.
    fn hint(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => {
                "auth.jwt.issuer or auth.jwt.jwks_url must name a host that this machine reaches over HTTPS (\"http\" only for \
                 this machine): check the name, the firewall and the system's CA certificates"
            }
            Self::Status(_) => {
                "the keys are at the jwks_uri of <issuer>/.well-known/openid-configuration: open that address, compare \
                 auth.jwt.issuer, or set auth.jwt.jwks_url"
            }
            Self::Metadata => {
                "auth.jwt.issuer must be the \"issuer\" of <issuer>/.well-known/openid-configuration to the last character, a \
                 slash at its end too; or set auth.jwt.jwks_url"
            }
            Self::KeySet(_) => {
                "auth.jwt.jwks_url must be a JWK set with a public key for signatures; compare auth.jwt.algorithms with the \
                 \"alg\" of its keys"
            }
            Self::TooSoon | Self::BrokeOff => "this passes by itself: try again after a moment",
        }
    }
}

/// The keys of an issuer that publishes them.
#[derive(Debug)]
pub(super) struct Published {
    place: Place,
    accepted: Vec<Algorithm>,
    outbound: Outbound,
    held: RwLock<Option<Held>>,
    fetching: Mutex<Fetching>,
}

/// Keys that were fetched.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) keys: Arc<KeySet>,
    /// Counts the changes of the keys.
    pub(super) generation: u64,
    at: DateTime<Utc>,
    text: Digest,
}

type Flight = Shared<BoxFuture<'static, Result<Held, Arc<NoKeys>>>>;

#[derive(Default)]
struct Fetching {
    flight: Option<Flight>,
    last: Option<(DateTime<Utc>, bool)>,
    /// Why the last fetch failed, if it did.
    failure: Option<Arc<NoKeys>>,
}

impl std::fmt::Debug for Fetching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetching").field("last", &self.last).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Published {
    pub(super) fn new(place: Place, accepted: Vec<Algorithm>, outbound: Outbound) -> Self {
        Self { place, accepted, outbound, held: RwLock::default(), fetching: Mutex::default() }
    }

    /// The number of the present keys; 0 before the first.
    pub(super) fn generation(&self) -> u64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |held| held.generation)
    }

    /// The keys in which that of a token with this `kid` and `alg` is to be sought: the held ones if they have it, else
    /// newer ones if it is time to fetch. Fails only where there are none at all.
    pub(super) async fn keys_for(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: DateTime<Utc>,
    ) -> Result<Held, Arc<NoKeys>> {
        let held = self.held().filter(|held| now - held.at < LAST_RESORT);
        if let Some(held) = &held
            && !matches!(held.keys.find(kid, algorithm), Err(NoKey::Unknown))
        {
            if now - held.at >= REFRESH_AFTER {
                drop(self.flight(now));
            }
            return Ok(held.clone());
        }
        let fetched = match self.flight(now) {
            Some(flight) => flight.await,
            None => Err(Arc::new(NoKeys::TooSoon)),
        };
        fetched.or_else(|error| held.ok_or(error))
    }

    /// Fetches the keys, unless they were fetched a moment ago.
    pub(super) async fn refresh(self: &Arc<Self>, now: DateTime<Utc>) {
        if let Some(flight) = self.flight(now) {
            let _in_status = flight.await;
        }
    }

    /// The same without waiting for it.
    pub(super) fn refresh_behind(self: &Arc<Self>, now: DateTime<Utc>) {
        drop(self.flight(now));
    }

    pub(super) fn status(&self, now: DateTime<Utc>) -> KeyStatus {
        let failure = self.fetching.lock().unwrap_or_else(PoisonError::into_inner).failure.clone();
        let held = self.held();
        KeyStatus {
            keys: held.as_ref().map(|held| held.keys.len()),
            age: held.map(|held| now - held.at),
            failure: failure.map(|error| FetchFailure { detail: error.to_string(), hint: error.hint() }),
        }
    }

    /// The fetch that is under way, or a new one if it is time for one. It runs whether or not anyone waits for it.
    fn flight(self: &Arc<Self>, now: DateTime<Utc>) -> Option<Flight> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = fetching.flight.as_ref().filter(|flight| flight.peek().is_none()) {
            return Some(flight.clone());
        }
        let pause = |well| if well { PAUSE } else { PAUSE_AFTER_FAILURE };
        if fetching.last.is_some_and(|(at, well)| (at..at + pause(well)).contains(&now)) {
            return None;
        }
        let issuer = Arc::clone(self);
        let task = tokio::spawn(async move { issuer.fetch(now).await });
        let flight = task.map(|ended| ended.unwrap_or_else(|_| Err(Arc::new(NoKeys::BrokeOff)))).boxed().shared();
        fetching.flight = Some(flight.clone());
        Some(flight)
    }

    async fn fetch(&self, now: DateTime<Utc>) -> Result<Held, Arc<NoKeys>> {
        let fetched = self.ask().await;
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetching.last = Some((now, fetched.is_ok()));
        fetching.flight = None;
        fetching.failure = None;
        match fetched {
            Ok((keys, text)) => Ok(self.hold(keys, text, now)),
            Err(error) => {
                tracing::warn!(place = %self.place, %error, "the issuer's keys cannot be fetched");
                let error = Arc::new(error);
                fetching.failure = Some(Arc::clone(&error));
                Err(error)
            }
        }
    }

    fn hold(&self, keys: KeySet, text: Digest, now: DateTime<Utc>) -> Held {
        let mut slot = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let held = match slot.take() {
            Some(held) if held.text == text => Held { at: now, ..held },
            before => {
                let generation = before.map_or(0, |before| before.generation) + 1;
                tracing::info!(place = %self.place, generation, "the issuer's keys were fetched");
                Held { keys: Arc::new(keys), generation, at: now, text }
            }
        };
        *slot = Some(held.clone());
        held
    }

    fn held(&self) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask(&self) -> Result<(KeySet, Digest), NoKeys> {
        let address = match &self.place {
            Place::KeySet(url) => url.clone(),
            Place::Issuer(issuer) => self.discover(issuer).await?,
        };
        let text = self.text(&address).await?;
        Ok((KeySet::parse(&text, &self.accepted)?, digest(&String::from_utf8_lossy(&text))))
    }

    async fn discover(&self, issuer: &str) -> Result<Url, NoKeys> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let text = self.text(&Url::parse(&address).map_err(|_| NoKeys::Metadata)?).await?;
        let metadata: Metadata = serde_json::from_slice(&text).map_err(|_| NoKeys::Metadata)?;
        let address = Url::parse(&metadata.jwks_uri).ok().filter(is_secure);
        address.filter(|_| metadata.issuer == issuer).ok_or(NoKeys::Metadata)
    }

    async fn text(&self, address: &Url) -> Result<Vec<u8>, NoKeys> {
        let reply = self.outbound.get(address, HeaderMap::new(), PATIENCE).await?;
        if reply.status == StatusCode::OK { Ok(reply.body) } else { Err(NoKeys::Status(reply.status)) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeySet(url) => write!(f, "{url}"),
            Self::Issuer(issuer) => write!(f, "{issuer}"),
        }
    }
}
