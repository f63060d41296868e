//! Which of several readings the emulator follows, where the documentation leaves room for more than one.

use serde::{Deserialize, Serialize};

/// The readings that the emulator follows. The default of each is the stricter one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Readings {
    /// What a condition of a form policy makes of a field that the form does not send.
    pub absent_form_field: AbsentField,
    /// Whether a request that gives an object an ACL of its own needs `oss:PutObjectAcl` beside `oss:PutObject`.
    pub acl_needs_put_object_acl: bool,
}

/// What a condition makes of a form field that is not sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AbsentField {
    /// The condition fails, whatever its operator: EC 0006-00000226.
    #[default]
    Fails,
    /// The field counts as empty: `starts-with` an empty prefix holds, and so does `not-in`.
    Empty,
}

impl Default for Readings {
    fn default() -> Self {
        Self { absent_form_field: AbsentField::default(), acl_needs_put_object_acl: true }
    }
}
