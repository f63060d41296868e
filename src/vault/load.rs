//! One load: up to three attempts at `AssumeRole` within a total time, each paid from the budget, each with a nonce,
//! a time and a signature of its own.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::budget::{Budget, PATIENCE, Spent};
use super::endpoints::{Attempt, Endpoints};
use super::error::{LoadError, Unopened};
use super::life;
use super::tally::Tally;
use crate::access_key::AccessKeys;
use crate::clock::CorrectedClock;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;
use crate::replicas::{NoTurn, Replicas};
use crate::sts::{AssumeRole, Assumed, Client, Retry, StsError};

/// All attempts together, pauses included. Callers wait for less; what a load brings after they have left is for those who
/// come again.
const DEADLINE: Duration = Duration::from_secs(12);
/// The most attempts of a first load. The others have one, since a key is held that is still good for something.
const ATTEMPTS: u32 = 3;
/// How often a load changes its AccessKey: to the one that its source has by now, and to the other of two.
const CHANGES: u32 = 2;
/// The upper end of the first pause between attempts; it doubles with each.
const PAUSE: Duration = Duration::from_millis(200);
/// A pause that STS asks for is kept only if it is not longer than this; else the caller is told.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

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
    endpoints: Endpoints,
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
        Self { endpoints: Endpoints::new(first, second), calls_per_second, budget, replicas }
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
            let error = match self.attempt(session, &opener, urgency, end, (clock, tally)).await {
                Ok(assumed) => {
                    access_keys.accepted(&opener);
                    return life::usable(assumed.session_key, clock.cloud_time());
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
        match self.budget.turn(session, clock.machine()).await {
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

    /// One attempt. No request waits for a refresh, so it does not pay for a second endpoint that is asked beside the first.
    async fn attempt(
        &self,
        session: &Session,
        opener: &AccessKey,
        urgency: Urgency,
        end: Duration,
        (clock, tally): (&Arc<CorrectedClock>, &Tally),
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
        let pay = async {
            urgency != Urgency::Refresh
                && self.pay(session, clock, tally).await.is_ok()
                && self.take_turn(tally).await.is_ok()
        };
        self.endpoints.ask(Attempt { request: &request, opener, end, clock, tally }, pay).await
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

pub(super) fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
