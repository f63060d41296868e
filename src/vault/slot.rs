//! One session's place in the vault: the key that is held, the load that is under way, the failure that is remembered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use uuid::Uuid;

use super::error::{LoadError, Unopened};
use super::expirations::Expirations;
use super::life;
use super::load::{Errand, Failed, Urgency};
use crate::clock::CorrectedClock;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;

/// The outcome of a load, shared by all who wait for it.
pub(super) type Loaded = Result<Arc<SessionKey>, Unopened>;

/// A load that is under way; awaiting it starts nothing and dropping it stops nothing.
pub(super) type Flight = Shared<BoxFuture<'static, Loaded>>;

/// When the budget has nothing to spare for a refresh, the next request after this asks again.
const REFRESH_PAUSE: TimeDelta = TimeDelta::seconds(1);

/// What a key must have left to be handed out without a look at the clock, by the time at which the request came: that a
/// request is under way for a minute before it asks for its key is still within [`life::MARGIN`].
const CALM: TimeDelta = TimeDelta::seconds(120);

/// The place of a session that an AccessKey opens.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) session: Session,
    /// Of which only the id is asked: the secret may have been mended since.
    opener: Arc<AccessKey>,
    state: Mutex<State>,
    /// The age of all places when it was last asked.
    last_used: AtomicU64,
    expirations: Arc<Expirations>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    flight: Option<Flight>,
    failed: Option<Box<Failed>>,
}

#[derive(Debug)]
struct Held {
    key: Arc<SessionKey>,
    renew_after: DateTime<Utc>,
    /// Before this moment there is nothing to be decided.
    calm_until: DateTime<Utc>,
    /// Counts the key as long as this is held.
    expirations: Arc<Expirations>,
}

impl Held {
    fn new(key: Arc<SessionKey>, expirations: &Arc<Expirations>) -> Self {
        let renew_after = life::renew_after(&key, Uuid::new_v4().as_u64_pair().1);
        expirations.add(key.expiration);
        let mut held = Self { key, renew_after, calm_until: renew_after, expirations: Arc::clone(expirations) };
        held.renew_at(renew_after);
        held
    }

    fn renew_at(&mut self, moment: DateTime<Utc>) {
        self.renew_after = moment;
        self.calm_until = moment.min(self.key.expiration - CALM);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.expirations.remove(self.key.expiration);
    }
}

/// What a request does next.
#[derive(Debug)]
pub(super) enum Step {
    /// It has its key.
    Ready(Arc<SessionKey>),
    /// It has a key although STS fails.
    ReadyWhileFailing(Arc<SessionKey>),
    /// It waits for a load, and makes do with what is alive by then if the load fails.
    Wait(Flight),
    /// It fails as the last load did.
    Failed(Unopened),
}

impl Slot {
    pub(super) fn new(session: Session, opener: Arc<AccessKey>, age: u64, expirations: Arc<Expirations>) -> Self {
        Self { session, opener, state: Mutex::default(), last_used: AtomicU64::new(age), expirations }
    }

    /// Whether it is the place of `session` that `opener` opens.
    pub(super) fn is_of(&self, session: &Session, opener: &AccessKey) -> bool {
        self.session == *session && self.is_opened_by(opener)
    }

    /// Whether `opener` opens it: what has the same id is the same.
    pub(super) fn is_opened_by(&self, opener: &AccessKey) -> bool {
        self.opener.id == opener.id
    }

    /// The key that is held, where [`Self::step`] would do nothing but hand it out: the same for all but a few requests.
    pub(super) fn calm_key(&self, now: DateTime<Utc>, until: DateTime<Utc>) -> Option<Arc<SessionKey>> {
        let state = self.lock();
        let held = state.held.as_ref().filter(|held| now < held.calm_until && state.failed.is_none())?;
        let too_short = life::falls_short(&held.key, until, now);
        if too_short { None } else { Some(Arc::clone(&held.key)) }
    }

    /// Decides for a request at `now` that needs a key until `until`. `launch` starts a load; for a refresh it may decline.
    pub(super) fn step(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        launch: impl FnOnce(Errand) -> Option<Flight>,
    ) -> Step {
        let mut state = self.lock();
        let failing = state.remembered(now);
        let Some(held) = state.held.as_mut().filter(|held| held.key.expiration > now) else {
            return match failing {
                Some(unopened) => Step::Failed(unopened),
                None => state.wait(Urgency::First, launch),
            };
        };
        let key = Arc::clone(&held.key);
        if failing.is_some() {
            return Step::ReadyWhileFailing(key);
        }
        let too_short = life::falls_short(&key, until, now);
        if too_short || !life::is_fresh(&key, now) {
            return state.wait(Urgency::Renewal, launch);
        }
        if now >= held.renew_after && state.flight.is_none() {
            match launch(state.errand(Urgency::Refresh)) {
                Some(flight) => state.flight = Some(flight),
                None => held_after(&mut state, now + REFRESH_PAUSE),
            }
        }
        Step::Ready(key)
    }

    /// Notes that it was asked when so many places had been new.
    pub(super) fn touch(&self, age: u64) {
        if self.last_used.load(Ordering::Relaxed) != age {
            self.last_used.store(age, Ordering::Relaxed);
        }
    }

    pub(super) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    /// Whether no load is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().flight.is_none()
    }

    /// Whether a key is held that STS still takes.
    pub(super) fn is_alive(&self, now: DateTime<Utc>) -> bool {
        self.expiration().is_some_and(|expiration| expiration > now)
    }

    /// When the key that is held ends.
    pub(super) fn expiration(&self) -> Option<DateTime<Utc>> {
        self.lock().held.as_ref().map(|held| held.key.expiration)
    }

    /// The key that is held, if STS still takes it.
    pub(super) fn live_key(&self, now: DateTime<Utc>) -> Option<Arc<SessionKey>> {
        let state = self.lock();
        state.held.as_ref().map(|held| Arc::clone(&held.key)).filter(|key| key.expiration > now)
    }

    /// Takes over a key from the place of another AccessKey.
    pub(super) fn inherit(&self, key: Arc<SessionKey>) {
        self.lock().held = Some(Held::new(key, &self.expirations));
    }

    /// Forgets that loads have failed.
    pub(super) fn forgive(&self) {
        self.lock().failed = None;
    }

    fn land(&self, loaded: Result<Arc<SessionKey>, Failed>, now: DateTime<Utc>) -> Loaded {
        let mut state = self.lock();
        state.flight = None;
        match loaded {
            Ok(key) => {
                state.failed = None;
                state.held = Some(Held::new(Arc::clone(&key), &self.expirations));
                Ok(key)
            }
            Err(failed) => {
                // That nothing was spared for a refresh is no failure of STS: the key that is held is as good as before.
                if let (LoadError::NotSpared { .. }, Some(held)) = (&*failed.unopened.error, &mut state.held)
                    && held.key.expiration > now
                {
                    held.renew_at(failed.unopened.retry_at);
                    return Ok(Arc::clone(&held.key));
                }
                let unopened = failed.unopened.clone();
                state.failed = Some(Box::new(failed));
                Err(unopened)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remembered(&self, now: DateTime<Utc>) -> Option<Unopened> {
        self.failed.as_ref().map(|failed| &failed.unopened).filter(|unopened| unopened.is_current(now)).cloned()
    }

    fn errand(&self, urgency: Urgency) -> Errand {
        Errand {
            urgency,
            held_until: self.held.as_ref().map(|held| held.key.expiration),
            failures: self.failed.as_ref().map_or(0, |failed| failed.count),
        }
    }

    fn wait(&mut self, urgency: Urgency, launch: impl FnOnce(Errand) -> Option<Flight>) -> Step {
        if self.flight.is_none() {
            self.flight = launch(self.errand(urgency));
        }
        Step::Wait(self.flight.clone().expect("a load that someone waits for is never declined"))
    }
}

fn held_after(state: &mut State, renew_after: DateTime<Utc>) {
    if let Some(held) = &mut state.held {
        held.renew_at(renew_after);
    }
}

/// Starts `load` as a task of its own, which puts its outcome into `slot` whoever still waits, and even if it panics.
pub(super) fn launch(
    slot: &Arc<Slot>,
    errand: Errand,
    load: impl Future<Output = Result<Arc<SessionKey>, Failed>> + Send + 'static,
    clock: Arc<CorrectedClock>,
) -> Flight {
    let slot = Arc::clone(slot);
    let task = tokio::spawn(async move {
        let broke_off = |_| Err(Failed::new(Arc::new(LoadError::BrokeOff), &errand, clock.cloud_time()));
        let loaded = tokio::spawn(load).await.unwrap_or_else(broke_off);
        slot.land(loaded, clock.cloud_time())
    });
    async move { task.await.unwrap_or_else(|_broke_off| Err(Unopened::broke_off())) }.boxed().shared()
}
