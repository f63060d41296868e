//! The vault: the live session key of each session.
//!
//! 1. The key of an entry is the whole session and the id of the AccessKey that opens it. Nothing is keyed by a digest.
//! 2. A fresh session key is answered without waiting and without copying text.
//! 3. There is one load for each session at a time, shared by all who wait for it, its failure too. The load is a task of
//!    the vault: a caller that hangs up cancels nothing.
//! 4. A session key is not handed out with less than [`MARGIN`] left. In the last minutes before that, the next request
//!    starts a refresh behind its answer, so nobody waits.
//! 5. A signature that must live until T asks for a session key that lives past T. If the held one does not, it is renewed
//!    only when more than half of its life is gone; else the held one is given, and its expiration says what it is worth.
//!
//! When a load fails, what is still alive is still given, to its last second, and the failure is remembered for a while,
//! so that an outage of STS is not answered with a storm of calls.

mod error;
mod life;
mod slot;

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;

pub use self::error::LoadError;
pub use self::life::{MARGIN, refresh_after};
use self::slot::{Loaded, Slot, Step};
use crate::access_key::{AccessKeyError, AccessKeys};
use crate::clock::Clock;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;
use crate::sts::{AssumeRole, Client, StsError};

/// Holds the live session key of each session, and opens sessions that are missing.
#[derive(Debug)]
pub struct Vault {
    slots: DashMap<Entry, Arc<Slot>>,
    sts: Client,
    access_keys: AccessKeys,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<Outcome>>,
}

/// How the last call of STS ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Why it failed, if it did.
    pub error: Option<Arc<LoadError>>,
    /// How far STS's clock is ahead of ours, where its answer said so; whole seconds.
    pub clock_offset: Option<TimeDelta>,
}

/// A session and the AccessKey that opens it; equal keys are those with equal ids.
#[derive(Clone, Debug)]
struct Entry {
    session: Session,
    opener: Arc<AccessKey>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.opener.id == other.opener.id && self.session == other.session
    }
}

impl Eq for Entry {}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.opener.id.hash(state);
        self.session.hash(state);
    }
}

impl Vault {
    /// An empty vault.
    #[must_use]
    pub fn new(sts: Client, access_keys: AccessKeys, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { slots: DashMap::new(), sts, access_keys, clock, last: Mutex::new(None) })
    }

    /// A session key of `wanted` that lives until `until`, or, if that cannot be had now, the one that lives longest:
    /// whoever signs with it looks at its expiration.
    pub async fn session_key(
        self: &Arc<Self>,
        wanted: &Session,
        until: DateTime<Utc>,
    ) -> Result<Arc<SessionKey>, Arc<LoadError>> {
        let opener = self.access_key().await.map_err(|error| Arc::new(LoadError::AccessKey(error)))?;
        let entry = Entry { session: wanted.clone(), opener };
        let slot = self.slot(&entry);
        let step = slot.step(self.clock.now(), until, || {
            slot::launch(&slot, Arc::clone(self).load(entry), Arc::clone(&self.clock))
        });
        match step {
            Step::Ready(key) => Ok(key),
            Step::Failed(error) => Err(error),
            Step::Wait { flight, or_else } => match (flight.await, or_else) {
                (Err(_), Some(alive)) if alive.expiration > self.clock.now() => Ok(alive),
                (outcome, _) => outcome,
            },
        }
    }

    /// The AccessKey itself, for what only it can sign.
    pub async fn access_key(&self) -> Result<Arc<AccessKey>, AccessKeyError> {
        self.access_keys.current().await
    }

    /// What kind of source the AccessKey comes from.
    #[must_use]
    pub fn access_key_source(&self) -> &'static str {
        self.access_keys.source()
    }

    /// How the last call of STS ended; `None` before the first.
    #[must_use]
    pub fn last_outcome(&self) -> Option<Outcome> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many sessions have a key that is alive at `now`.
    #[must_use]
    pub fn alive(&self, now: DateTime<Utc>) -> usize {
        self.slots.iter().filter(|slot| slot.is_alive(now)).count()
    }

    fn slot(&self, entry: &Entry) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(entry) {
            return Arc::clone(&slot);
        }
        Arc::clone(&self.slots.entry(entry.clone()).or_default())
    }

    async fn load(self: Arc<Self>, entry: Entry) -> Loaded {
        let Entry { session, opener } = entry;
        let asked = self.clock.now();
        let request = AssumeRole {
            role_arn: &session.role_arn,
            role_session_name: &session.name,
            duration_seconds: session.duration,
            policy: session.policy.as_deref(),
            external_id: session.external_id.as_deref(),
            source_identity: session.source_identity.as_deref(),
        };
        let answer = self.sts.assume_role(&request, &opener, asked).await;
        let date = answer.as_ref().map_or_else(StsError::server_date, |assumed| assumed.server_date);
        let key = answer.map_err(LoadError::Sts).and_then(|assumed| life::usable(assumed.session_key, asked));
        let loaded = key.map(Arc::new).map_err(Arc::new);
        log(&session, &loaded);
        self.remember(date.map(|date| date - asked), loaded.as_ref().err());
        loaded
    }

    fn remember(&self, clock_offset: Option<TimeDelta>, error: Option<&Arc<LoadError>>) {
        let outcome = Outcome { at: self.clock.now(), error: error.cloned(), clock_offset };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }
}

fn log(session: &Session, loaded: &Loaded) {
    let (role, name) = (&*session.role_arn, &*session.name);
    match loaded {
        Ok(key) => {
            tracing::info!(role, name, key = key.access_key.id, expiration = %key.expiration, "session opened");
        }
        Err(error) => {
            let (upstream, hint) = (error.sts().and_then(StsError::message), error.hint());
            tracing::warn!(role, name, %error, upstream, hint, "session not opened");
        }
    }
}
