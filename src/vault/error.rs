//! Why there is no session key.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

use super::load::random_below;
use crate::access_key::AccessKeyError;
use crate::sts::{Blame, StsError};

/// A session that could not be opened; all who waited for it share the reason.
#[derive(Clone, Debug)]
pub struct Unopened {
    /// Why.
    pub error: Arc<LoadError>,
    /// Before this moment STS is not asked again for the same session.
    pub retry_at: DateTime<Utc>,
}

impl Unopened {
    pub(super) fn broke_off() -> Self {
        Self { error: Arc::new(LoadError::BrokeOff), retry_at: DateTime::UNIX_EPOCH }
    }

    /// The request does not wait any longer, at `now`.
    pub(super) fn pending(on: Pending, now: DateTime<Utc>) -> Self {
        Self { error: Arc::new(LoadError::Pending(on)), retry_at: now + RETRY_PENDING }
    }

    /// Whether the failure is to be shared at `now`. One that seems to last longer than any was remembered before the
    /// clock was put back.
    pub(super) fn is_current(&self, now: DateTime<Utc>) -> bool {
        now < self.retry_at && self.retry_at - now <= LONGEST_REMEMBERED
    }
}

/// What a request that does not wait any longer has waited for.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Pending {
    /// The source of the AccessKey.
    #[error("the source of the AccessKey")]
    AccessKey,
    /// STS, or a turn to call it.
    #[error("STS")]
    Sts,
}

/// The reason.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is no AccessKey to call STS with.
    #[error("there is no AccessKey to call STS with")]
    AccessKey(#[source] AccessKeyError),
    /// STS granted nothing.
    #[error(transparent)]
    Sts(StsError),
    /// STS granted a key that, by our clock, is all but over.
    #[error(
        "by this machine's clock the session key that STS granted is over at {expiration}, so the clock must be wrong"
    )]
    AllButOver {
        /// When STS ends the key.
        expiration: DateTime<Utc>,
    },
    /// A request does not wait for a load any longer; the load goes on.
    #[error("{0} has not answered within 5 seconds; the call goes on, and a later request gets its outcome")]
    Pending(Pending),
    /// So many sessions are to be opened that this one's turn is too far away.
    #[error("too many sessions are waiting to be opened: the calls of STS in a second are limited")]
    BudgetSpent {
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// There was no call to spare for a refresh. While the key that is held lives, nobody hears of it.
    #[error("no call of STS was to spare for a refresh")]
    NotSpared {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The load ended without an outcome; that is our fault.
    #[error("the load of the session key broke off")]
    BrokeOff,
}

impl LoadError {
    /// What STS said, if it is STS that granted nothing.
    #[must_use]
    pub fn sts(&self) -> Option<&StsError> {
        match self {
            Self::Sts(error) => Some(error),
            _ => None,
        }
    }

    /// Who must act before a load can succeed.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::AccessKey(_) | Self::AllButOver { .. } => Blame::Operator,
            Self::Sts(error) => error.blame(),
            Self::Pending(_) | Self::BudgetSpent { .. } | Self::NotSpared { .. } => Blame::Nobody,
            Self::BrokeOff => Blame::Us,
        }
    }

    /// What the operator should change.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::AccessKey(error) => Some(error.hint()),
            Self::Sts(error) => error.hint(),
            Self::AllButOver { .. } => Some("set this machine's clock by NTP"),
            Self::Pending(Pending::AccessKey) => {
                Some("try again as Retry-After says; the operator's log says what the source of the AccessKey answers")
            }
            Self::Pending(Pending::Sts) => Some(
                "try again as Retry-After says; if it lasts, the operator checks the way to sts.endpoint, and may set \
                 sts.second_endpoint",
            ),
            Self::BudgetSpent { .. } | Self::NotSpared { .. } => Some(
                "grants whose directory or session name names the caller need a session for each; sts.calls_per_second is \
                 the limit, and forms and URLs of one grant share a session",
            ),
            Self::BrokeOff => None,
        }
    }

    /// How long the failure is remembered after `count` of them in a row: a second where waiting may help, five where only
    /// an operator can mend it, up to twice as long with each further one, to a minute; and never shorter than STS asks.
    pub(super) fn back_off(&self, count: u32) -> TimeDelta {
        let asked = match self {
            Self::BudgetSpent { retry_after } | Self::NotSpared { retry_after } => *retry_after,
            _ => self.sts().and_then(StsError::retry_after).unwrap_or(Duration::ZERO),
        };
        let base = if self.blame() == Blame::Operator { FOR_OPERATORS } else { FOR_OTHERS };
        let doubled = base * 2_u32.pow(count.saturating_sub(1).min(6));
        let jittered = base + random_below(doubled.min(LONGEST).saturating_sub(base));
        TimeDelta::from_std(jittered.max(asked)).unwrap_or(TimeDelta::seconds(1))
    }
}

/// When it is worth asking again for a session whose load goes on: the load itself ends within 12 seconds.
const RETRY_PENDING: TimeDelta = TimeDelta::seconds(2);
/// The longest that a failure is remembered: as long as STS may ask to be left alone.
pub(super) const LONGEST_REMEMBERED: TimeDelta = TimeDelta::minutes(5);
/// The first back-off where waiting may help.
const FOR_OTHERS: Duration = Duration::from_secs(1);
/// The first back-off where only an operator can mend it: each try costs a call of the account's budget.
const FOR_OPERATORS: Duration = Duration::from_secs(5);
/// The longest back-off: an operator who has mended it will not wait longer.
const LONGEST: Duration = Duration::from_mins(1);
