//! A refusal as one replica tells it to another: what STS said, without what follows from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::StsError;
use super::message::Message;
use super::refusal::Refusal;
use super::verdict::{Retry, Verdict};

/// What STS said when it said no. It holds no key, but words of STS: it is for us alone.
#[derive(Debug, Deserialize, Serialize)]
pub struct Retold {
    kind: Kind,
    code: Option<String>,
    status: u16,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    message: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
enum Kind {
    Refused,
    Throttled,
    Unavailable,
}

impl StsError {
    /// The error for another replica, if STS itself gave it: a broken connection or a wrong clock may be this machine's own.
    #[must_use]
    pub fn retold(&self) -> Option<Retold> {
        if self.retry() == Retry::WithCorrectedClock {
            return None;
        }
        let (kind, refusal) = match self {
            Self::Refused(refusal) => (Kind::Refused, refusal),
            Self::Throttled(refusal) => (Kind::Throttled, refusal),
            Self::Unavailable(refusal) => (Kind::Unavailable, refusal),
            Self::Unreachable(_) | Self::Timeout(_) | Self::InvalidAnswer { .. } | Self::UnsendableAccessKey => {
                return None;
            }
        };
        Some(Retold {
            kind,
            code: refusal.code.clone(),
            status: refusal.status,
            request_id: refusal.request_id.clone(),
            retry_after: refusal.retry_after,
            message: refusal.message.as_str().to_owned(),
        })
    }
}

impl From<Retold> for StsError {
    fn from(told: Retold) -> Self {
        let refusal = Box::new(Refusal {
            verdict: Verdict::of(told.code.as_deref().unwrap_or_default(), &told.message),
            code: told.code,
            status: told.status,
            request_id: told.request_id,
            retry_after: told.retry_after,
            server_date: None,
            message: Message::new(&told.message),
        });
        match told.kind {
            Kind::Refused => Self::Refused(refusal),
            Kind::Throttled => Self::Throttled(refusal),
            Kind::Unavailable => Self::Unavailable(refusal),
        }
    }
}
