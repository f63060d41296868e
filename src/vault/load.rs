//! One load: up to three attempts at `AssumeRole` within a total time, each paid from the budget, each with a nonce,
//! a time and a signature of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::budget::{Budget, PATIENCE, Spent};
use super::error::{LoadError, Unopened};
use super::life;
use super::tally::Tally;
use crate::access_key::AccessKeys;
use crate::clock::{Clock, CorrectedClock};
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;
use crate::replicas::{NoTurn, Replicas};
use crate::sts::{AssumeRole, Assumed, Client, Retry, Stage, StsError};

/// All attempts together, pauses included: less than a request may take, so that its caller hears of STS from us.
const DEADLINE: Duration = Duration::from_secs(12);
/// The most attempts of a first load. The others have one, since a key is held that is still good for something.
const ATTEMPTS: u32 = 3;
/// How often a load changes its AccessKey: to the one that its source has by now, and to the other of two.
const CHANGES: u32 = 2;
/// The upper end of the first pause between attempts; it doubles with each.
const PAUSE: Duration = Duration::from_millis(200);
/// A pause that STS asks for is kept only if it is not longer than this; else the caller is told.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long the second endpoint is asked first after the first one timed out.
const DETOUR: Duration = Duration::from_mins(1);

/// Who waits for a load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Urgency {
    /// Callers that have no key.
    First,
    /// Callers that make do with the key that is held, but would rather have a longer one.
    Renewal,
    /// Nobody: the key that is held is still good.
    Refresh,
}

/// What a load is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    pub(super) urgency: Urgency,
    /// When the key that is held ends, if there is one; the new one has to be better.
    pub(super) held_until: Option<DateTime<Utc>>,
    /// How many loads of the session have failed in a row.
    pub(super) failures: u32,
}

/// A load that failed.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) unopened: Unopened,
    /// How many have failed in a row, this one included.
    pub(super) count: u32,
}

impl Failed {
    pub(super) fn new(error: Arc<LoadError>, errand: &Errand, now: DateTime<Utc>) -> Self {
        let count = errand.failures.saturating_add(1);
        Self { unopened: Unopened { retry_at: now + error.back_off(count), error }, count }
    }
}

/// Asks STS, at one endpoint or two, within the budget.
#[derive(Debug)]
pub(super) struct Loader {
    first: Client,
    second: Option<Client>,
    /// Until this moment of the clock's run, in milliseconds, the second endpoint is asked first.
    detour: AtomicU64,
    calls_per_second: u32,
    budget: Arc<Budget>,
    /// Who else calls STS with the same budget.
    replicas: Option<Arc<Replicas>>,
}

impl Loader {
    pub(super) fn new(
        first: Client,
        second: Option<Client>,
        calls_per_second: u32,
        replicas: Option<Arc<Replicas>>,
    ) -> Self {
        let budget = Arc::new(Budget::new(calls_per_second));
        Self { first, second, detour: AtomicU64::new(0), calls_per_second, budget, replicas }
    }

    /// One that asks elsewhere, of the same budget if its rate is the same.
    pub(super) fn renewed(
        &self,
        first: Client,
        second: Option<Client>,
        calls_per_second: u32,
        replicas: Option<Arc<Replicas>>,
    ) -> Self {
        let new = Self::new(first, second, calls_per_second, replicas);
        let same = calls_per_second == self.calls_per_second;
        if same { Self { budget: Arc::clone(&self.budget), ..new } } else { new }
    }

    /// Whether a refresh may be started now; it is paid if so.
    pub(super) fn can_refresh(&self, clock: &CorrectedClock) -> bool {
        self.budget.spare(clock.elapsed())
    }

    /// The same among all replicas, once the refresh is to be made.
    pub(super) async fn may_refresh(&self) -> Result<(), LoadError> {
        let Some(replicas) = &self.replicas else { return Ok(()) };
        replicas.spare().await.map_err(|NoTurn { retry_after }| LoadError::NotSpared { retry_after })
    }

    /// Opens `session` with `opener`, or with another of `access_keys` when STS does not take it. A refresh has been paid
    /// already.
    pub(super) async fn open(
        &self,
        session: &Session,
        opener: Arc<AccessKey>,
        urgency: Urgency,
        access_keys: &AccessKeys,
        clock: &Arc<CorrectedClock>,
        tally: &Tally,
    ) -> Result<SessionKey, LoadError> {
        let end = clock.elapsed() + DEADLINE;
        let mut opener = access_keys.to_be_tried(clock).await.unwrap_or(opener);
        let (mut attempt, mut changes) = (0, 0);
        loop {
            if urgency != Urgency::Refresh || attempt > 0 {
                self.pay(session, clock, tally).await?;
                self.take_turn(tally).await?;
            }
            attempt += 1;
            let began = clock.elapsed();
            let outcome = self.attempt(session, &opener, end, clock).await;
            tally.called(clock.elapsed().saturating_sub(began));
            let error = match outcome {
                Ok(assumed) => {
                    access_keys.accepted(&opener);
                    return life::usable(assumed.session_key, clock.now());
                }
                Err(error) => error,
            };
            tally.failed(&error);
            if error.retry() == Retry::WithNewAccessKey
                && changes < CHANGES
                && let Some(other) = access_keys.instead_of(&opener, clock).await
                && clock.elapsed() < end
            {
                changes += 1;
                opener = other;
                continue;
            }
            match pause_before_next(&error, attempt, urgency) {
                Some(pause) if clock.elapsed() + pause < end => clock.sleep(pause).await,
                _ => return Err(LoadError::Sts(error)),
            }
        }
    }

    async fn pay(&self, session: &Session, clock: &Arc<CorrectedClock>, tally: &Tally) -> Result<(), LoadError> {
        match self.budget.turn(session, clock.clone()).await {
            Ok(wait) if wait.is_zero() => Ok(()),
            Ok(wait) => {
                tally.waited(wait);
                Ok(())
            }
            Err(Spent { retry_after }) => {
                tally.turned_away();
                Err(LoadError::BudgetSpent { retry_after })
            }
        }
    }

    /// The turn among all replicas, for a call that this one has to spare.
    async fn take_turn(&self, tally: &Tally) -> Result<(), LoadError> {
        let Some(replicas) = &self.replicas else { return Ok(()) };
        replicas.turn(PATIENCE).await.map_err(|NoTurn { retry_after }| {
            tally.turned_away();
            LoadError::BudgetSpent { retry_after }
        })
    }

    async fn attempt(
        &self,
        session: &Session,
        opener: &AccessKey,
        end: Duration,
        clock: &CorrectedClock,
    ) -> Result<Assumed, StsError> {
        let (role, policy) = (session.role(), session.policy());
        let request = AssumeRole {
            role_arn: &role.arn,
            role_session_name: session.name(),
            duration_seconds: session.duration(),
            policy: policy.as_deref(),
            external_id: role.external_id.as_deref(),
            source_identity: role.source_identity.as_deref(),
        };
        let asked = clock.elapsed();
        let left = end.saturating_sub(asked);
        let outcome = tokio::select! {
            outcome = self.client(clock).assume_role(&request, opener, clock.now()) => outcome,
            () = clock.sleep(left) => Err(StsError::Timeout(Stage::Total)),
        };
        let date = outcome.as_ref().map_or_else(StsError::server_date, |assumed| assumed.server_date);
        if let Some(date) = date {
            clock.correct(date, asked);
        }
        if let Err(StsError::Timeout(_) | StsError::Unreachable(_)) = outcome {
            self.turn_to_the_other(clock);
        }
        outcome
    }

    fn client(&self, clock: &CorrectedClock) -> &Client {
        match &self.second {
            Some(second) if milliseconds(clock.elapsed()) < self.detour.load(Ordering::Relaxed) => second,
            _ => &self.first,
        }
    }

    /// The endpoint that was asked does not answer, so the other one is asked, at once and for a while.
    fn turn_to_the_other(&self, clock: &CorrectedClock) {
        let now = milliseconds(clock.elapsed());
        let on_detour = now < self.detour.load(Ordering::Relaxed);
        self.detour.store(if on_detour { 0 } else { now + milliseconds(DETOUR) }, Ordering::Relaxed);
    }
}

/// How long to wait before the next attempt, if there is to be one. Full jitter: those who failed together shall not
/// come again together.
fn pause_before_next(error: &StsError, attempt: u32, urgency: Urgency) -> Option<Duration> {
    let corrected = error.retry() == Retry::WithCorrectedClock;
    if attempt >= ATTEMPTS || (urgency != Urgency::First && !corrected) {
        return None;
    }
    match (error.retry(), error.retry_after()) {
        (Retry::WithCorrectedClock, _) => (attempt == 1).then_some(Duration::ZERO),
        (Retry::Later, Some(asked)) => (asked <= LONGEST_PAUSE).then_some(asked),
        (Retry::Later, None) => Some(random_below(PAUSE * 2_u32.pow(attempt - 1))),
        (Retry::No | Retry::WithNewAccessKey, _) => None,
    }
}

pub(super) fn random_below(limit: Duration) -> Duration {
    let limit = milliseconds(limit).max(1);
    Duration::from_millis(Uuid::new_v4().as_u64_pair().1 % limit)
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
