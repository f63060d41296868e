//! From a key id and a token to whom they belong. Both are looked at before the signature, as both services do.

use chrono::{DateTime, Utc};

use super::super::account::{Accounts, Identity, TokenSession};
use super::super::error::{OssError, StsError};
use super::mac::same;

/// Finds who holds the key. An empty token counts as none.
pub(super) fn find(
    accounts: &Accounts,
    access_key_id: &str,
    unverified_token: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Identity, Fault> {
    let holder = accounts.holder(access_key_id).ok_or(Fault::UnknownKey)?;
    let token = unverified_token.filter(|token| !token.is_empty());
    match (&holder, token) {
        (Identity::Session(session), Some(token)) => check_token(accounts, session, token, now)?,
        (Identity::Session(_), None) => return Err(Fault::NoToken),
        (Identity::User(user), _) if !user.user.active => return Err(Fault::DisabledKey),
        (_, Some(_)) => return Err(Fault::TokenWithUserKey),
        (_, None) => {}
    }
    Ok(holder)
}

/// Why a key id and a token do not go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    UnknownKey,
    DisabledKey,
    /// A long-lived key came with a token.
    TokenWithUserKey,
    /// A temporary key came without.
    NoToken,
    /// A token that nobody handed out.
    BadToken,
    /// The token of another key.
    OtherToken,
    ExpiredToken,
}

impl Fault {
    /// As OSS says it; a token beside a long-lived key makes OSS look for a temporary key of that id, and find none.
    pub(super) fn at_oss(self, access_key_id: &str) -> OssError {
        match self {
            Self::UnknownKey | Self::TokenWithUserKey => OssError::invalid_access_key_id(access_key_id),
            Self::DisabledKey => OssError::access_key_disabled(access_key_id),
            Self::NoToken | Self::BadToken => OssError::invalid_security_token(),
            Self::OtherToken => OssError::forbidden(
                "AccessKeyIdAndSecurityTokenNotMatch",
                "The OSS access key id and security token you provided does not match.",
            ),
            Self::ExpiredToken => OssError::security_token_expired(),
        }
    }

    /// As STS says it.
    pub(super) fn at_sts(self) -> StsError {
        let (code, message) = match self {
            Self::UnknownKey => return StsError::access_key_not_found(),
            Self::DisabledKey => ("InvalidAccessKeyId.Inactive", "Specified access key is disabled."),
            Self::NoToken => ("MissingSecurityToken", "SecurityToken is mandatory for this action."),
            Self::BadToken => ("InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."),
            Self::OtherToken | Self::TokenWithUserKey => {
                ("InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
            }
            Self::ExpiredToken => ("InvalidSecurityToken.Expired", "Specified SecurityToken is expired."),
        };
        StsError::bad_request(code, message)
    }
}

fn check_token(accounts: &Accounts, session: &TokenSession, token: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    if !same(&session.token, token) {
        return Err(if accounts.handed_out(token) { Fault::OtherToken } else { Fault::BadToken });
    }
    if session.is_expired(now) { Err(Fault::ExpiredToken) } else { Ok(()) }
}
