//! The policy of a posted form, held against its fields and its file.

use chrono::{DateTime, Utc};

use super::error::OssError;
use super::wire::FormFields;

/// The file sizes that a policy allows, both ends included, or `None` when it does not say. `Err` when it cannot be read.
pub(crate) fn content_length_range(_policy_base64: &str) -> Result<Option<(u64, u64)>, OssError> {
    Ok(None)
}

/// Holds the policy against the form, once its file of `file_size` bytes has been read.
pub(crate) fn check_form_policy(
    _policy_base64: &str,
    _bucket: &str,
    _fields: &FormFields,
    _file_size: u64,
    _now: DateTime<Utc>,
) -> Result<(), OssError> {
    Ok(())
}
