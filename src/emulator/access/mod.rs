//! Whether an identity may do what it asks, by RAM's rules and the bucket's ACL.

use std::collections::BTreeMap;

use serde_json::Value;

use super::account::Identity;
use super::error::OssError;

/// A RAM policy that passed the grammar check.
pub(crate) struct Policy {}

impl Policy {
    pub(crate) fn from_value(_value: &Value) -> Result<Self, &'static str> {
        Ok(Self {})
    }
}

/// What conditions can ask about a request: values by condition key, such as `acs:SourceIp`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    values: BTreeMap<String, String>,
}

impl Context {
    /// Sets the value of a condition key.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.values.insert(key.to_owned(), value.into());
        self
    }
}

/// Whether `identity` may do `action` on `resource` of a bucket (or object) whose ACL is `acl`.
pub(crate) fn authorize(
    _identity: &Identity,
    _action: &str,
    _resource: &str,
    _context: &Context,
    _acl: &str,
) -> Result<(), OssError> {
    Ok(())
}
