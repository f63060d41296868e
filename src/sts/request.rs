//! What is asked of STS.

use crate::signing::rpc::Parameters;

/// The input of one `AssumeRole`. The rules of each parameter are checked by whoever reads it in; STS checks them again.
#[derive(Clone, Debug)]
pub struct AssumeRole<'a> {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: &'a str,
    /// Names the session in the audit trail; 2 to 64 characters of `[A-Za-z0-9.@_-]`.
    pub role_session_name: &'a str,
    /// Seconds to live, from 900 to the role's `MaxSessionDuration`.
    pub duration_seconds: u32,
    /// The inline policy, at most 2,048 bytes of JSON. Without it the session has all rights of the role.
    pub policy: Option<&'a str>,
    /// What the role's trust policy may ask for, so that no third party can have the role assumed for itself; 2 to 1,224 characters.
    pub external_id: Option<&'a str>,
    /// Who is behind the session; stays with it when further roles are assumed; 2 to 64 characters.
    pub source_identity: Option<&'a str>,
}

/// How a request to STS is signed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SignatureScheme {
    /// `ACS3-HMAC-SHA256`, the scheme of the current SDKs: parameters in the query, signature in a header.
    #[default]
    Acs3,
    /// The RPC signature 1.0 (HMAC-SHA1), for gateways that know no other: everything in a form body.
    Rpc,
}

impl AssumeRole<'_> {
    /// The business parameters under their wire names, those that were not given left out.
    /// `duration` is the text of `duration_seconds`, which outlives this call.
    pub(super) fn parameters<'p>(&'p self, duration: &'p str) -> Parameters<'p> {
        let required =
            [("RoleArn", self.role_arn), ("RoleSessionName", self.role_session_name), ("DurationSeconds", duration)];
        let optional =
            [("Policy", self.policy), ("ExternalId", self.external_id), ("SourceIdentity", self.source_identity)];
        required.into_iter().chain(optional.into_iter().filter_map(|(name, value)| Some((name, value?)))).collect()
    }
}
