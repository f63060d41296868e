//! One session's place in the vault: the key that is held, the load that is under way, the failure that is remembered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use uuid::Uuid;

use super::error::LoadError;
use super::life;
use crate::clock::Clock;
use crate::keys::SessionKey;

/// The outcome of a load, shared by all who wait for it.
pub(super) type Loaded = Result<Arc<SessionKey>, Arc<LoadError>>;

/// A load that is under way; awaiting it starts nothing and dropping it stops nothing.
pub(super) type Flight = Shared<BoxFuture<'static, Loaded>>;

#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<State>);

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

#[derive(Debug)]
struct Failed {
    error: Arc<LoadError>,
    retry_at: DateTime<Utc>,
}

/// What a request does next.
#[derive(Debug)]
pub(super) enum Step {
    /// It has its key.
    Ready(Arc<SessionKey>),
    /// It waits for a load, and makes do with the other key if the load fails.
    Wait { flight: Flight, or_else: Option<Arc<SessionKey>> },
    /// It fails as the last load did.
    Failed(Arc<LoadError>),
}

impl Slot {
    /// Decides for a request at `now` that needs a key until `until`; `launch` starts a load.
    pub(super) fn step(&self, now: DateTime<Utc>, until: DateTime<Utc>, launch: impl FnOnce() -> Flight) -> Step {
        let mut state = self.lock();
        let alive = state.held.as_ref().filter(|held| held.key.expiration > now);
        let Some((key, renew_after)) = alive.map(|held| (Arc::clone(&held.key), held.renew_after)) else {
            return match state.remembered(now) {
                Some(error) => Step::Failed(error),
                None => Step::Wait { flight: state.flight(launch), or_else: None },
            };
        };
        let too_short = key.expiration < until && life::is_past_half(&key, now);
        if state.remembered(now).is_some() {
            return Step::Ready(key);
        }
        if too_short || !life::is_fresh(&key, now) {
            return Step::Wait { flight: state.flight(launch), or_else: Some(key) };
        }
        if now >= renew_after {
            drop(state.flight(launch)); // the load goes on by itself
        }
        Step::Ready(key)
    }

    /// Whether a key is held that STS still takes.
    pub(super) fn is_alive(&self, now: DateTime<Utc>) -> bool {
        self.lock().held.as_ref().is_some_and(|held| held.key.expiration > now)
    }

    fn land(&self, loaded: &Loaded, now: DateTime<Utc>) {
        let mut state = self.lock();
        state.flight = None;
        match loaded {
            Ok(key) => {
                state.failed = None;
                let renew_after = life::renew_after(key, Uuid::new_v4().as_u64_pair().1);
                state.held = Some(Held { key: Arc::clone(key), renew_after });
            }
            Err(error) => {
                let retry_at = now + error.back_off();
                state.failed = Some(Failed { error: Arc::clone(error), retry_at });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remembered(&self, now: DateTime<Utc>) -> Option<Arc<LoadError>> {
        self.failed.as_ref().filter(|failed| now < failed.retry_at).map(|failed| Arc::clone(&failed.error))
    }

    fn flight(&mut self, launch: impl FnOnce() -> Flight) -> Flight {
        self.flight.get_or_insert_with(launch).clone()
    }
}

/// Starts `load` as a task of its own, which puts its outcome into `slot` whoever still waits, and even if it panics.
pub(super) fn launch(
    slot: &Arc<Slot>,
    load: impl Future<Output = Loaded> + Send + 'static,
    clock: Arc<dyn Clock>,
) -> Flight {
    let slot = Arc::clone(slot);
    let task = tokio::spawn(async move {
        let loaded = tokio::spawn(load).await.unwrap_or_else(|_broke_off| Err(Arc::new(LoadError::BrokeOff)));
        slot.land(&loaded, clock.now());
        loaded
    });
    async move { task.await.unwrap_or_else(|_broke_off| Err(Arc::new(LoadError::BrokeOff))) }.boxed().shared()
}
