//! Why there is no session key.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

use crate::access_key::AccessKeyError;
use crate::sts::{Blame, StsError};

/// Why a session could not be opened; shared by all who waited for it.
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
            Self::BrokeOff => Blame::Us,
        }
    }

    /// What the operator should change.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::AccessKey(_) => {
                Some("give an AccessKey: ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET")
            }
            Self::Sts(error) => error.hint(),
            Self::AllButOver { .. } => Some("set this machine's clock by NTP"),
            Self::BrokeOff => None,
        }
    }

    /// How long the failure is remembered: STS's own word, else a second where waiting may help, and longer where only
    /// an operator can mend it, since each try costs a call of the account's budget.
    #[must_use]
    pub fn back_off(&self) -> TimeDelta {
        let asked = self.sts().and_then(StsError::retry_after).unwrap_or(Duration::ZERO);
        let least = if self.blame() == Blame::Operator { Duration::from_secs(5) } else { Duration::from_secs(1) };
        TimeDelta::from_std(asked.clamp(least, Duration::from_mins(1))).unwrap_or(TimeDelta::seconds(1))
    }
}
