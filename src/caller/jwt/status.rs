//! How an issuer's public keys are, for the operator.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Issuer, Keys};

/// The public keys of an issuer that publishes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyStatus {
    /// How many can verify a signature; none before they were fetched.
    pub keys: Option<usize>,
    /// Since they were fetched.
    pub age: Option<TimeDelta>,
    /// Why the last fetch failed, if it did.
    pub failure: Option<FetchFailure>,
}

/// Why keys could not be fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FetchFailure {
    /// What went wrong.
    pub detail: String,
    /// What to change.
    pub hint: &'static str,
}

impl Issuer {
    /// The `iss` of its tokens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.expected.issuer
    }

    /// Fetches the keys now, if the issuer publishes them and the last fetch was not a moment ago; `None` for keys of the
    /// configuration.
    pub async fn fetch_keys(&self, now: DateTime<Utc>) -> Option<KeyStatus> {
        let Keys::Published(published) = &self.keys else { return None };
        published.refresh(now).await;
        Some(published.status(now))
    }

    /// How the keys are. They are fetched first if they never were, and behind the answer if the last fetch failed, so that
    /// a server without callers learns of an issuer that is gone or back.
    pub async fn key_status(&self, now: DateTime<Utc>) -> Option<KeyStatus> {
        let Keys::Published(published) = &self.keys else { return None };
        let status = published.status(now);
        if status.keys.is_none() && status.failure.is_none() {
            return self.fetch_keys(now).await;
        }
        if status.failure.is_some() {
            published.refresh_behind(now);
        }
        Some(status)
    }
}
