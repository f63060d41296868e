//! Who signed a request: from its raw head, or from the fields of a posted form, to an [`Identity`] or OSS's refusal.

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};

use super::account::{Accounts, Identity};
use super::error::OssError;
use super::wire::FormFields;

/// The head of a request as it came.
pub(crate) struct WireRequest<'a> {
    pub(crate) method: &'a str,
    /// The path before the question mark, still encoded.
    pub(crate) raw_path: &'a str,
    /// What follows the first question mark, still encoded; empty when there is none.
    pub(crate) raw_query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// What a request addresses, decoded. Signatures cover these, whatever the host and path look like.
pub(crate) struct Target<'a> {
    pub(crate) bucket: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
}

/// Finds who signed a request to OSS.
pub(crate) fn authenticate(
    _accounts: &Accounts,
    _wire: &WireRequest<'_>,
    _target: &Target<'_>,
    _region: &str,
    _now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    Ok(Identity::Anonymous)
}

/// Finds who signed a posted form; a form without a policy is anonymous.
pub(crate) fn authenticate_form(
    _accounts: &Accounts,
    _fields: &FormFields,
    _region: &str,
    _now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    Ok(Identity::Anonymous)
}
