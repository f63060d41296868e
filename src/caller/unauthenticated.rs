//! Why a request has no caller.

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::ReservedId;
use super::jwt::InvalidToken;

/// The reasons. None of them repeats anything of the proof.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Unauthenticated {
    /// There is no proof, and anonymous callers are not served.
    #[error("the request carries no proof of who sends it")]
    NoProof,
    /// The proof is of a kind that this server does not take.
    #[error("the Authorization header is not of the form \"Bearer <token>\"")]
    UnknownKind,
    /// The API key is none of those configured.
    #[error("the API key is not known")]
    UnknownApiKey,
    /// The token proves nothing.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// A proof that a browser or a proxy adds by itself came along with a request of a page that may not use it.
    #[error("the proof does not count: the request is not from a page of this server's own origin or of a listed one")]
    Origin,
    /// The application says that it does not know the caller.
    #[error("the application does not accept the proof")]
    Refused,
    /// The header that a trusted proxy sets came from elsewhere.
    #[error("the request carries a proxy's header and does not come from that proxy")]
    NotFromProxy,
    /// The trusted proxy's header is empty or no text.
    #[error("the proxy's header names nobody")]
    EmptyProxyHeader,
    /// What has to occur once occurs several times.
    #[error("there is more than one {0}")]
    Duplicate(Duplicate),
    /// The id could be that of a caller of another source.
    #[error(transparent)]
    ReservedId(#[from] ReservedId),
    /// The keys of the token's issuer cannot be had.
    #[error("the keys that the token would be checked with cannot be had at the moment")]
    KeysUnavailable,
    /// The application that knows the callers does not answer as it should.
    #[error("the application that knows the callers does not answer at the moment")]
    ForwardUnavailable,
}

impl Unauthenticated {
    /// The reason in one word, for a metric.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoProof => "no_proof",
            Self::UnknownKind => "unknown_kind",
            Self::UnknownApiKey => "unknown_api_key",
            Self::Token(invalid) => invalid.reason(),
            Self::Origin => "origin",
            Self::Refused => "refused_by_application",
            Self::NotFromProxy => "not_from_proxy",
            Self::EmptyProxyHeader => "empty_proxy_header",
            Self::Duplicate(_) => "duplicate",
            Self::ReservedId(_) => "reserved_id",
            Self::KeysUnavailable => "keys_unavailable",
            Self::ForwardUnavailable => "application_unavailable",
        }
    }
}

/// What must not occur twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Duplicate {
    /// A header of this name.
    Header(String),
    /// A cookie of this name.
    Cookie(String),
}

impl Display for Duplicate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) if name == "authorization" => f.write_str("Authorization header"),
            Self::Header(name) => write!(f, "{name:?} header"),
            Self::Cookie(name) => write!(f, "{name:?} cookie"),
        }
    }
}
