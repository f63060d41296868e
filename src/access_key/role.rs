//! Keys that STS itself gives: a role taken with an identity token (RRSA on Kubernetes), or with another key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::document::Obtained;
use super::error::Fault;
use super::file;
use crate::clock::CorrectedClock;
use crate::keys::{AccessKey, Secret};
use crate::sts::{AssumeRole, AssumeRoleWithOidc, Assumed, Client, Retry, StsError};

/// STS's own default, which every role allows.
const SECONDS: u32 = 3600;

/// A role, and the token that proves who may take it.
#[derive(Clone, Debug)]
pub struct OidcRole {
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub provider_arn: String,
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// Holds the token; it is read at every renewal, since the cluster replaces it.
    pub token_file: PathBuf,
    /// Names the session in the audit trail; 2 to 64 characters of `[A-Za-z0-9.@_-]`.
    pub session_name: String,
}

/// A role that another key takes, as profiles have it.
#[derive(Clone, Debug)]
pub struct ChainedRole {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// Names the session in the audit trail; 2 to 64 characters of `[A-Za-z0-9.@_-]`.
    pub session_name: String,
    /// The inline policy, if it is narrowed by one.
    pub policy: Option<String>,
    /// The `ExternalId` that the role's trust policy demands.
    pub external_id: Option<String>,
    /// Seconds to live, 3,600 if it is not said.
    pub seconds: Option<u32>,
}

/// The key of `role`.
pub(super) async fn with_token(sts: &Client, role: &OidcRole, clock: &CorrectedClock) -> Result<Obtained, Fault> {
    let text = file::read(&role.token_file).await?;
    let token = std::str::from_utf8(&text).map_err(|_| Fault::Malformed("the token"))?.trim();
    if token.is_empty() {
        return Err(Fault::Lacks("token in the file"));
    }
    let request = AssumeRoleWithOidc {
        provider_arn: &role.provider_arn,
        token: &Secret::new(token),
        role_arn: &role.role_arn,
        role_session_name: &role.session_name,
        duration_seconds: SECONDS,
    };
    let asked = clock.elapsed();
    let mut outcome = set_right(clock, asked, sts.assume_role_with_oidc(&request, clock.cloud_time()).await);
    if has_wrong_time(&outcome) {
        let asked = clock.elapsed();
        outcome = set_right(clock, asked, sts.assume_role_with_oidc(&request, clock.cloud_time()).await);
    }
    granted(outcome)
}

/// The key of `role`, taken with `key`.
pub(super) async fn with_key(
    sts: &Client,
    role: &ChainedRole,
    key: &AccessKey,
    clock: &CorrectedClock,
) -> Result<Obtained, Fault> {
    let request = AssumeRole {
        role_arn: &role.role_arn,
        role_session_name: &role.session_name,
        duration_seconds: role.seconds.unwrap_or(SECONDS),
        policy: role.policy.as_deref(),
        external_id: role.external_id.as_deref(),
        source_identity: None,
    };
    let asked = clock.elapsed();
    let mut outcome = set_right(clock, asked, sts.assume_role(&request, key, clock.cloud_time()).await);
    if has_wrong_time(&outcome) {
        let asked = clock.elapsed();
        outcome = set_right(clock, asked, sts.assume_role(&request, key, clock.cloud_time()).await);
    }
    granted(outcome)
}

fn granted(outcome: Result<Assumed, StsError>) -> Result<Obtained, Fault> {
    let key = outcome.map_err(|error| Fault::Sts(Arc::new(error)))?.session_key;
    Ok(Obtained { expiration: Some(key.expiration), key: key.access_key, fingerprint: None })
}

/// Whether the call was refused for its time; the clock is right by now, so one more may succeed.
fn has_wrong_time(outcome: &Result<Assumed, StsError>) -> bool {
    outcome.as_ref().is_err_and(|error| error.retry() == Retry::WithCorrectedClock)
}

/// Sets the clock right by what STS said to a question that was asked at `asked` of its run.
fn set_right(clock: &CorrectedClock, asked: Duration, outcome: Result<Assumed, StsError>) -> Result<Assumed, StsError> {
    let date = outcome.as_ref().map_or_else(StsError::server_date, |assumed| assumed.server_date);
    if let Some(date) = date {
        clock.correct(date, asked);
    }
    outcome
}
