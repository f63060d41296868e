//! Where the keys of an issuer come from, and when they are fetched anew.
//!
//! A fetch belongs to the issuer, not to a request: a caller that hangs up cancels nothing. However many tokens with an
//! unknown `kid` arrive, there is one fetch at a time, and one in [`PAUSE`].
//!
//! Keys of an age are believed as long as their issuer can be expected to believe in them: to [`REFRESH_AFTER`] without a
//! question, later only if the issuer was asked and did not answer, and never past [`LAST_RESORT`]. Ages are by the
//! machine's clock.

use std::sync::atomic::{AtomicU64, Ordering};
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
/// Older keys are fetched anew behind the answer, so that no request of a busy server waits for it.
const REFRESH_AHEAD: TimeDelta = TimeDelta::minutes(10);
/// Older keys verify nothing before they are fetched anew, so that a withdrawn key ends on an idle server too.
const REFRESH_AFTER: TimeDelta = TimeDelta::minutes(15);
/// For so long after a fetch has failed, the next one is made behind the answer: an issuer that hangs must not hold up each
/// request for as long as a fetch may take.
const NO_WAIT_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(30);
/// Keys that could not be fetched anew for so long are no longer believed: an issuer may be out of order for an hour and
/// three quarters, and a key that it withdraws while it cannot be reached ends within two hours.
const LAST_RESORT: TimeDelta = TimeDelta::hours(2);
/// The longest time for a fetch, the issuer's metadata included.
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
    /// It took too long, all answers together.
    #[error("it took longer than 5 seconds")]
    TookTooLong,
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
            Self::NoAnswer(_) | Self::TookTooLong => {
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
    /// How often the keys have changed. It only grows: what was remembered for keys that were withdrawn stays forgotten.
    changes: AtomicU64,
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
        Self {
            place,
            accepted,
            outbound,
            held: RwLock::default(),
            changes: AtomicU64::new(0),
            fetching: Mutex::default(),
        }
    }

    /// The number of the keys that were fetched within [`REFRESH_AFTER`]: what was verified with them need not be verified
    /// again. `None` if they are older, or there are none.
    pub(super) fn generation(&self, now: DateTime<Utc>) -> Option<u64> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| held.is_younger_than(REFRESH_AFTER, now)).map(|held| held.generation)
    }

    /// The keys in which that of a token with this `kid` and `alg` is to be sought: the held ones if they are young and
    /// have it, else newer ones if it is time to fetch. The old ones serve where the fetch fails, within [`LAST_RESORT`].
    pub(super) async fn keys_for(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: DateTime<Utc>,
    ) -> Result<Held, Arc<NoKeys>> {
        let held = self.held(now).filter(|held| held.is_younger_than(LAST_RESORT, now));
        if let Some(held) = &held
            && !matches!(held.keys.find(kid, algorithm), Err(NoKey::Unknown))
        {
            let is_young = held.is_younger_than(REFRESH_AFTER, now);
            if !held.is_younger_than(REFRESH_AHEAD, now) && (is_young || self.has_just_failed(now)) {
                drop(self.flight(now));
                return Ok(held.clone());
            }
            if is_young {
                return Ok(held.clone());
            }
        }
        let fetched = match self.flight(now) {
            Some(flight) => flight.await,
            None => Err(Arc::new(NoKeys::TooSoon)),
        };
        match fetched {
            Ok(fetched) => Ok(fetched),
            // An answer without any key that is of use withdraws those that are held.
            Err(error) if error.is_withdrawal() => Err(error),
            Err(error) => held.ok_or(error),
        }
    }

    fn has_just_failed(&self, now: DateTime<Utc>) -> bool {
        let last = self.fetching.lock().unwrap_or_else(PoisonError::into_inner).last;
        last.is_some_and(|(at, well)| !well && (at..at + NO_WAIT_AFTER_FAILURE).contains(&now))
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
        let held = self.held(now);
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
        let fetched = self.fetched().await;
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetching.last = Some((now, fetched.is_ok()));
        fetching.flight = None;
        fetching.failure = None;
        match fetched {
            Ok((keys, text)) => Ok(self.hold(keys, text, now)),
            Err(error) => {
                tracing::warn!(place = %self.place, %error, "the issuer's keys cannot be fetched");
                if error.is_withdrawal() {
                    *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
                }
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
            _other => {
                let generation = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
                tracing::info!(place = %self.place, generation, "the issuer's keys were fetched");
                Held { keys: Arc::new(keys), generation, at: now, text }
            }
        };
        *slot = Some(held.clone());
        held
    }

    /// What is held. If it was fetched in the future, the clock went back and the age is unknown: then it is as
    /// old as keys that have to be fetched anew.
    fn held(&self, now: DateTime<Utc>) -> Option<Held> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        if held.at <= now {
            return Some(held);
        }
        let mut slot = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let held = slot.as_mut()?;
        held.at = held.at.min(now - REFRESH_AFTER);
        Some(held.clone())
    }

    async fn fetched(&self) -> Result<(KeySet, Digest), NoKeys> {
        tokio::time::timeout(PATIENCE, self.ask()).await.unwrap_or(Err(NoKeys::TookTooLong))
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

impl Held {
    fn is_younger_than(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        self.at <= now && now - self.at < age
    }
}

impl NoKeys {
    /// Whether the issuer answered that it has no key by which a token can be verified here.
    fn is_withdrawal(&self) -> bool {
        matches!(self, Self::KeySet(InvalidKeySet::NoUsableKey))
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
