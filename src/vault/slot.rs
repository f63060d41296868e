//! One session's place in the vault: the key that is held, the load that is under way, the failure that is remembered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use uuid::Uuid;

use super::error::{LoadError, Unopened};
use super::life;
use super::load::{Errand, Failed, Urgency};
use crate::clock::{Clock, CorrectedClock};
use crate::keys::SessionKey;

/// The outcome of a load, shared by all who wait for it.
pub(super) type Loaded = Result<Arc<SessionKey>, Unopened>;

/// A load that is under way; awaiting it starts nothing and dropping it stops nothing.
pub(super) type Flight = Shared<BoxFuture<'static, Loaded>>;

/// When the budget has nothing to spare for a refresh, the next request after this asks again.
const REFRESH_PAUSE: TimeDelta = TimeDelta::seconds(1);

#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<State>,
    /// When it was last asked, in seconds of the clock's run.
    last_used: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    flight: Option<Flight>,
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Held {
    key: Arc<SessionKey>,
    renew_after: DateTime<Utc>,
}

/// What a request does next.
#[derive(Debug)]
pub(super) enum Step {
    /// It has its key.
    Ready(Arc<SessionKey>),
    /// It has a key although STS fails.
    ReadyWhileFailing(Arc<SessionKey>),
    /// It waits for a load, and makes do with the other key if the load fails.
    Wait { flight: Flight, or_else: Option<Arc<SessionKey>> },
    /// It fails as the last load did.
    Failed(Unopened),
}

impl Slot {
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
                None => state.wait(None, launch),
            };
        };
        let key = Arc::clone(&held.key);
        if failing.is_some() {
            return Step::ReadyWhileFailing(key);
        }
        let too_short = life::falls_short(&key, until, now);
        if too_short || !life::is_fresh(&key, now) {
            return state.wait(Some(key), launch);
        }
        if now >= held.renew_after && state.flight.is_none() {
            match launch(state.errand(Urgency::Refresh)) {
                Some(flight) => state.flight = Some(flight),
                None => held_after(&mut state, now + REFRESH_PAUSE),
            }
        }
        Step::Ready(key)
    }

    /// Notes that it was asked at `elapsed` of the clock's run.
    pub(super) fn touch(&self, elapsed: Duration) {
        let seconds = elapsed.as_secs();
        if self.last_used.load(Ordering::Relaxed) != seconds {
            self.last_used.store(seconds, Ordering::Relaxed);
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
        let renew_after = life::renew_after(&key, Uuid::new_v4().as_u64_pair().1);
        self.lock().held = Some(Held { key, renew_after });
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
                let renew_after = life::renew_after(&key, Uuid::new_v4().as_u64_pair().1);
                state.held = Some(Held { key: Arc::clone(&key), renew_after });
                Ok(key)
            }
            Err(failed) => {
                // That nothing was spared for a refresh is no failure of STS: the key that is held is as good as before.
                if let (LoadError::NotSpared { .. }, Some(held)) = (&*failed.unopened.error, &mut state.held)
                    && held.key.expiration > now
                {
                    held.renew_after = failed.unopened.retry_at;
                    return Ok(Arc::clone(&held.key));
                }
                let unopened = failed.unopened.clone();
                state.failed = Some(failed);
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
        self.failed.as_ref().filter(|failed| now < failed.unopened.retry_at).map(|failed| failed.unopened.clone())
    }

    fn errand(&self, urgency: Urgency) -> Errand {
        Errand {
            urgency,
            held_until: self.held.as_ref().map(|held| held.key.expiration),
            failures: self.failed.as_ref().map_or(0, |failed| failed.count),
        }
    }

    fn wait(&mut self, or_else: Option<Arc<SessionKey>>, launch: impl FnOnce(Errand) -> Option<Flight>) -> Step {
        if self.flight.is_none() {
            self.flight = launch(self.errand(if or_else.is_some() { Urgency::Renewal } else { Urgency::First }));
        }
        let flight = self.flight.clone().expect("a load that someone waits for is never declined");
        Step::Wait { flight, or_else }
    }
}

fn held_after(state: &mut State, renew_after: DateTime<Utc>) {
    if let Some(held) = &mut state.held {
        held.renew_after = renew_after;
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
        let broke_off = |_| Err(Failed::new(Arc::new(LoadError::BrokeOff), &errand, clock.now()));
        let loaded = tokio::spawn(load).await.unwrap_or_else(broke_off);
        slot.land(loaded, clock.now())
    });
    async move { task.await.unwrap_or_else(|_broke_off| Err(Unopened::broke_off())) }.boxed().shared()
}
