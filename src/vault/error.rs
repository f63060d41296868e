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
            Self::BudgetSpent { .. } | Self::NotSpared { .. } => Blame::Nobody,
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

/// The first back-off where waiting may help.
const FOR_OTHERS: Duration = Duration::from_secs(1);
/// The first back-off where only an operator can mend it: each try costs a call of the account's budget.
const FOR_OPERATORS: Duration = Duration::from_secs(5);
/// The longest back-off: an operator who has mended it will not wait longer.
const LONGEST: Duration = Duration::from_mins(1);
