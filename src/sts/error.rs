//! Why STS granted nothing, sorted by what can be done about it.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::refusal::Refusal;
use super::verdict::{Blame, Retry, Verdict};

/// Why a call to STS granted nothing. Neither `Display` nor `Debug` shows what STS said in words: see [`StsError::message`].
#[derive(Debug, Error)]
pub enum StsError {
    /// STS understood the request and said no.
    #[error("STS refused the request: {0}")]
    Refused(Box<Refusal>),
    /// The account made too many calls; STS says so with HTTP 400 and a code, not with 429.
    #[error("STS throttles the account: {0}")]
    Throttled(Box<Refusal>),
    /// STS, or what stands before it, answered 5xx.
    #[error("STS is unavailable: {0}")]
    Unavailable(Box<Refusal>),
    /// No connection, or one that broke before the answer was complete.
    #[error("STS cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// A time limit was passed.
    #[error("STS took too long {0}")]
    Timeout(Stage),
    /// Something answered, but not as STS does.
    #[error("the answer is not one of STS: {flaw} (HTTP {status})")]
    InvalidAnswer {
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        flaw: Flaw,
    },
    /// The AccessKey id or its token cannot stand in a header, so nothing was sent.
    #[error("the AccessKey cannot be sent in a header")]
    UnsendableAccessKey,
}

/// Which time limit was passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Name resolution, TCP and TLS.
    Connect,
    /// The whole exchange, the last byte of the answer included.
    Total,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Error)]
pub enum Flaw {
    /// It points elsewhere; a redirect is never followed.
    #[error("it redirects")]
    Redirect,
    /// It is longer than any answer of STS.
    #[error("it is too long")]
    TooLong,
    /// It is not JSON, or not of the documented shape.
    #[error("it is not the documented JSON")]
    NotJson,
    /// A field that must be there is absent or empty.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A field holds what it never should.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
}

impl StsError {
    /// Who must act before the call can succeed.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.verdict().blame
    }

    /// Whether the call may be made again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.verdict().retry
    }

    /// What the operator should change, by the name of the configuration key where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        self.verdict().hint
    }

    /// How long STS asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// STS's error code, such as `NoPermission`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.refusal()?.code.as_deref()
    }

    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::InvalidAnswer { status, .. } => Some(*status),
            _ => Some(self.refusal()?.status),
        }
    }

    /// STS's id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.refusal()?.request_id.as_deref()
    }

    /// STS's time when it refused, to correct the clock by. An answer without STS's own code and request id is that of a
    /// proxy, whose clock is another.
    #[must_use]
    pub fn server_date(&self) -> Option<DateTime<Utc>> {
        let refusal = self.refusal()?;
        refusal.server_date.filter(|_| refusal.code.is_some() && refusal.request_id.is_some())
    }

    /// The kind of failure in one word, for a metric or a log line.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Throttled(_) => "throttled",
            Self::Unavailable(_) => "unavailable",
            Self::Unreachable(_) => "unreachable",
            Self::Timeout(_) => "timeout",
            Self::InvalidAnswer { .. } => "invalid_answer",
            Self::UnsendableAccessKey => "unsendable_access_key",
        }
    }

    /// What STS said in words, trimmed and without anything like a key. For the log, never for a caller.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        Some(self.refusal()?.message.as_str())
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::Throttled(refusal) | Self::Unavailable(refusal) => Some(refusal),
            Self::Unreachable(_) | Self::Timeout(_) | Self::InvalidAnswer { .. } | Self::UnsendableAccessKey => None,
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Refused(refusal) => refusal.verdict,
            Self::Throttled(_) | Self::Unavailable(_) | Self::Timeout(Stage::Total) => Verdict::NOBODY,
            Self::Unreachable(_) | Self::Timeout(Stage::Connect) => Verdict::UNREACHABLE,
            Self::InvalidAnswer { .. } => Verdict::NOT_STS,
            Self::UnsendableAccessKey => Verdict::UNSENDABLE_KEY,
        }
    }
}

impl From<reqwest::Error> for StsError {
    /// The address is left out: its query holds the inline policy.
    fn from(error: reqwest::Error) -> Self {
        match (error.is_timeout(), error.is_connect()) {
            (true, true) => Self::Timeout(Stage::Connect),
            (true, false) => Self::Timeout(Stage::Total),
            (false, _) => Self::Unreachable(error.without_url()),
        }
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "to be connected to",
            Self::Total => "to answer",
        })
    }
}
