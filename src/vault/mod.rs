//! The vault: the live session key of each session.
//!
//! 1. The key of an entry is the whole session and the id of the AccessKey that opens it. Nothing is keyed by a digest. When
//!    another AccessKey takes over, what the former one opened is given to its end; whatever is opened, the new one opens.
//! 2. A fresh session key is answered without waiting and without copying text.
//! 3. There is one load for each session at a time, shared by all who wait for it, its failure too. The load is a task of
//!    the vault: a caller that hangs up cancels nothing.
//! 4. A session key is not handed out with less than [`MARGIN`] left. In the last minutes before that, the next request
//!    starts a refresh behind its answer, so nobody waits.
//! 5. When STS fails, what is still alive is still given, to its last second. The failure is remembered and backed off,
//!    longer where only an operator can mend it, so that an outage is not answered with a storm of calls.
//! 6. Calls stay beneath a budget; first loads take turns, the callers in rounds; refreshes take what is left; beyond the
//!    wait a caller is told when to come again.
//! 7. A signature that must live until T asks for a session key that lives past T. If the held one does not, it is renewed
//!    only when more than half of its life is gone; else the held one is given, and its expiration says what it is worth.
//! 8. Life is what STS granted, by a clock that STS's own `Date` corrects. What is handed out carries the time by which it
//!    was judged, read after any wait: signatures and `serverTime` are dated by it.
//! 9. The vault is bounded: expired sessions go first, then those used the longest ago.

mod budget;
mod decide;
mod endpoints;
mod entry;
mod error;
mod expirations;
mod life;
mod line;
mod load;
mod request;
mod shared;
mod slot;
mod slots;
mod tally;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

pub use self::error::{LoadError, Pending, Unopened};
pub use self::expirations::Holdings;
pub use self::life::{MARGIN, refresh_after};
use self::load::{Errand, Failed, Loader, Urgency};
pub use self::request::{FIRST_ANSWER, RequestTime};
use self::slot::{Flight, Slot};
use self::slots::Slots;
pub use self::tally::Counts;
use self::tally::Tally;
use crate::access_key::{AccessKeyError, AccessKeys, Status as AccessKeyStatus};
use crate::clock::CorrectedClock;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;
use crate::replicas::Replicas;
use crate::sts::{Client, StsError};
use crate::trace::{self, Span};

/// How many keys that were replaced are remembered.
const REMEMBERED: usize = 8;

/// What a vault works with.
#[derive(Debug)]
pub struct Options {
    /// STS.
    pub sts: Client,
    /// STS elsewhere, asked when the first does not answer.
    pub second_sts: Option<Client>,
    /// Whose calls they are.
    pub access_keys: Arc<AccessKeys>,
    /// The most calls of STS in a second.
    pub calls_per_second: u32,
    /// The most sessions that are held.
    pub max_sessions: usize,
    /// With whom sessions and calls are shared, if with anybody.
    pub replicas: Option<Arc<Replicas>>,
}

/// Holds the live session key of each session, and opens sessions that are missing.
#[derive(Debug)]
pub struct Vault {
    loader: Loader,
    access_keys: Arc<AccessKeys>,
    /// Each AccessKey that a reload has replaced, the latest first.
    replaced: Vec<Arc<AccessKey>>,
    clock: Arc<CorrectedClock>,
    replicas: Option<Arc<Replicas>>,
    lasting: Arc<Lasting>,
}

/// What outlives a change of the options: sessions and counts.
#[derive(Debug)]
struct Lasting {
    slots: Slots,
    tally: Tally,
    last: Mutex<Option<Outcome>>,
}

/// How the last load ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Why it failed, if it did.
    pub error: Option<Arc<LoadError>>,
}

/// A session key, and the time by which it was judged to be alive.
#[derive(Clone, Debug)]
pub struct LiveKey {
    /// The key.
    pub key: Arc<SessionKey>,
    /// The cloud time, read after all that was waited for: what the key signs is dated by it.
    pub at: DateTime<Utc>,
}

impl Vault {
    /// An empty vault; its loads set `clock` right.
    #[must_use]
    pub fn new(options: Options, clock: Arc<CorrectedClock>) -> Arc<Self> {
        let Options { sts, second_sts, access_keys, calls_per_second, max_sessions, replicas } = options;
        let lasting = Lasting { slots: Slots::new(max_sessions), tally: Tally::default(), last: Mutex::new(None) };
        let loader = Loader::new(sts, second_sts, calls_per_second, replicas.clone());
        Arc::new(Self { loader, access_keys, replaced: Vec::new(), clock, replicas, lasting: Arc::new(lasting) })
    }

    /// A vault with other options and the same sessions, counts and clock, and the same budget if its rate is the same.
    ///
    /// Loads that are under way end as they were begun, for both vaults. Failures are forgotten: the options may be what
    /// mends them.
    #[must_use]
    pub fn renewed(&self, options: Options) -> Arc<Self> {
        let Options { sts, second_sts, access_keys, calls_per_second, max_sessions, replicas } = options;
        let loader = self.loader.renewed(sts, second_sts, calls_per_second, replicas.clone());
        self.lasting.slots.bound(max_sessions);
        self.lasting.slots.iter().for_each(|slot| slot.forgive());
        *self.lasting.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let replaced =
            if Arc::ptr_eq(&self.access_keys, &access_keys) { self.replaced.clone() } else { self.openers() };
        let (clock, lasting) = (Arc::clone(&self.clock), Arc::clone(&self.lasting));
        Arc::new(Self { loader, access_keys, replaced, clock, replicas, lasting })
    }

    /// With whom sessions and calls are shared.
    #[must_use]
    pub fn replicas(&self) -> Option<Arc<Replicas>> {
        self.replicas.clone()
    }

    /// Where the AccessKey comes from.
    #[must_use]
    pub fn access_keys(&self) -> Arc<AccessKeys> {
        Arc::clone(&self.access_keys)
    }

    /// A session key of `wanted` that lives for another `life`, or, if that cannot be had now, the one that lives longest:
    /// its expiration bounds what it signs. A request waits for [`FIRST_ANSWER`] at the longest, while the load
    /// goes on.
    pub async fn session_key(
        self: &Arc<Self>,
        wanted: &Session,
        life: TimeDelta,
        request: &RequestTime,
    ) -> Result<LiveKey, Unopened> {
        let at = self.clock.cloud_time_at(request.reading());
        match self.calm_key(wanted, at + life, at) {
            Some(key) => Ok(LiveKey { key, at }),
            // A box, lest every request has room for what few need.
            None => Box::pin(self.decide(wanted, life, request)).await,
        }
    }

    /// The key that is held, where there is nothing to decide.
    fn calm_key(&self, wanted: &Session, until: DateTime<Utc>, now: DateTime<Utc>) -> Option<Arc<SessionKey>> {
        self.lasting.slots.calm_key(wanted, &*self.access_keys.at_hand(&self.clock)?, now, until)
    }

    /// Each AccessKey of late, the latest first: an operator may need some tries to give a right one.
    fn openers(&self) -> Vec<Arc<AccessKey>> {
        let mut openers: Vec<Arc<AccessKey>> = Vec::new();
        for key in self.access_keys.latest().iter().chain(&self.replaced) {
            if openers.iter().all(|known| known.id != key.id) {
                openers.push(Arc::clone(key));
            }
        }
        openers.truncate(REMEMBERED);
        openers
    }

    /// The AccessKey itself, for what only it can sign.
    pub async fn access_key(&self) -> Result<Arc<AccessKey>, AccessKeyError> {
        self.access_keys.current(&self.clock).await
    }

    /// What kind of source the AccessKey comes from.
    #[must_use]
    pub fn access_key_source(&self) -> &'static str {
        self.access_keys.source()
    }

    /// How the last load ended; `None` before the first.
    #[must_use]
    pub fn last_outcome(&self) -> Option<Outcome> {
        self.lasting.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is held at `now`.
    #[must_use]
    pub fn holdings(&self, now: DateTime<Utc>) -> Holdings {
        self.lasting.slots.holdings(now)
    }

    /// What was done since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { replicas: self.replicas.as_ref().map(|replicas| replicas.counts()), ..self.lasting.tally.counts() }
    }

    /// How far STS's clock is ahead of this machine's.
    #[must_use]
    pub fn clock_offset(&self) -> TimeDelta {
        self.clock.offset()
    }

    /// How far STS's clock is said to be ahead, if that is too much to be believed.
    #[must_use]
    pub fn refused_correction(&self) -> Option<TimeDelta> {
        self.clock.refused_correction()
    }

    /// What is known of the AccessKey in use: age, time left, and whether the second one stands in.
    #[must_use]
    pub fn access_key_status(&self) -> AccessKeyStatus {
        self.access_keys.status(&self.clock)
    }

    /// A session key that the former AccessKey opened is as good as one that the present would open: it is given to its end,
    /// and renewed, in its time, with the present one. So a change of the AccessKey costs no call and no wait.
    fn take_over(&self, slot: &Slot, now: DateTime<Utc>) {
        let Some(former) = self.access_keys.former() else { return };
        if slot.is_alive(now) || slot.is_opened_by(&former) {
            return;
        }
        let held = self.lasting.slots.find(&slot.session, &former);
        if let Some(key) = held.and_then(|slot| slot.live_key(now)) {
            slot.inherit(key);
        }
    }

    fn served_while_failing(&self, key: Arc<SessionKey>) -> Arc<SessionKey> {
        self.lasting.tally.served_while_failing();
        key
    }

    fn launch(self: &Arc<Self>, slot: &Arc<Slot>, opener: &Arc<AccessKey>, errand: Errand) -> Option<Flight> {
        if errand.urgency == Urgency::Refresh && !self.loader.can_refresh(&self.clock) {
            return None;
        }
        self.lasting.tally.begin();
        let load =
            trace::within_load(trace::current(), Arc::clone(self).load(Arc::clone(slot), Arc::clone(opener), errand));
        Some(slot::launch(slot, errand, load, Arc::clone(&self.clock)))
    }

    async fn load(
        self: Arc<Self>,
        slot: Arc<Slot>,
        opener: Arc<AccessKey>,
        errand: Errand,
    ) -> Result<Arc<SessionKey>, Failed> {
        let _under_way = self.lasting.tally.under_way();
        match &self.replicas {
            Some(replicas) => self.share(replicas, &slot.session, &opener, &errand).await,
            None => self.open(&slot.session, &opener, &errand).await,
        }
    }

    async fn open(
        &self,
        session: &Session,
        access_key: &Arc<AccessKey>,
        errand: &Errand,
    ) -> Result<Arc<SessionKey>, Failed> {
        let failed = |error| Failed::new(error, errand, self.clock.cloud_time());
        match errand.urgency {
            Urgency::First | Urgency::Renewal => self.lasting.tally.load(),
            Urgency::Refresh => {
                self.loader.may_refresh().await.map_err(|error| failed(Arc::new(error)))?;
                self.lasting.tally.refresh();
            }
        }
        let began = self.clock.cloud_time();
        let (keys, tally) = (&self.access_keys, &self.lasting.tally);
        let opened = self.loader.open(session, Arc::clone(access_key), errand.urgency, keys, &self.clock, tally).await;
        let loaded = opened.map(Arc::new).map_err(Arc::new);
        log(session, &loaded);
        self.tell(began, loaded.as_ref().err());
        self.remember(loaded.as_ref().err());
        loaded.map_err(failed)
    }

    /// Tells those who record the trace that began the load.
    fn tell(&self, began: DateTime<Utc>, error: Option<&Arc<LoadError>>) {
        let Some(context) = trace::current() else { return };
        let failed = error.map(|error| error.sts().map_or("no_session_key", StsError::kind));
        context.spans.tell(Span {
            name: "AssumeRole".to_owned(),
            of_server: false,
            began,
            ended: self.clock.cloud_time(),
            context: &context,
            failed,
            attributes: vec![("peer.service", "STS".to_owned())],
        });
    }

    fn remember(&self, error: Option<&Arc<LoadError>>) {
        let outcome = Outcome { at: self.clock.cloud_time(), error: error.cloned() };
        *self.lasting.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }
}

fn log(session: &Session, loaded: &Result<Arc<SessionKey>, Arc<LoadError>>) {
    let (role, name) = (&*session.role().arn, session.name());
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
