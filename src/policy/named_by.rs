//! Who names the objects that are uploaded.

use serde::Deserialize;

use super::audience::Audience;
use super::method::{Method, Methods};

/// Who names the objects that are uploaded. Reading by key is not concerned.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum NamedBy {
    /// The caller may: by `key`, or by a form for the whole directory.
    Caller,
    /// The server alone, by the grant's `key` template, so that no caller overwrites what it does not hold a signature for.
    Server,
}

impl NamedBy {
    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Server => "server",
        }
    }

    /// What holds where the configuration does not say: the server names objects where callers without proof share a
    /// directory. Holders of credentials name objects anyway.
    pub(super) fn by_default(serves_anonymous: bool, audience: &Audience, shared: bool, methods: Methods) -> Self {
        let exposed = serves_anonymous && audience.is_open() && shared;
        if exposed && !methods.contains(Method::Sts) { Self::Server } else { Self::Caller }
    }
}
