//! Why a token proves nothing.

use thiserror::Error;

use super::super::ReservedId;

/// The reasons, in words that are safe to show: they repeat nothing of the token.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidToken {
    /// It is longer than 16 KiB.
    #[error("the token is longer than 16 KiB")]
    TooLong,
    /// It is not three parts of base64url with JSON in the first two, or a name in them occurs twice.
    #[error("the token is not a JWT: three parts of base64url with dots between")]
    Malformed,
    /// Its header has `crit`.
    #[error("the token asks for an extension (\"crit\") that this server does not know")]
    Critical,
    /// Its `typ` is that of another kind of token.
    #[error("the token's \"typ\" is not that of a JWT or an access token")]
    Type,
    /// It has no `iss`, or that of no issuer who is known here.
    #[error("the token's \"iss\" is none that this server knows")]
    Issuer,
    /// Its `alg` is not accepted, or the key is for another.
    #[error("the token's \"alg\" is not one that this server accepts for its issuer and key")]
    Algorithm,
    /// Its `kid` is that of no key of its issuer.
    #[error("the token's \"kid\" is that of no key of its issuer")]
    UnknownKey,
    /// It has no `kid`, and the issuer has several keys.
    #[error("the token has no \"kid\", and its issuer has several keys")]
    NoKeyId,
    /// The signature is not its key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its `aud` names none of ours.
    #[error("the token's \"aud\" is for another service")]
    Audience,
    /// Its `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// Its `nbf` is yet to come.
    #[error("the token is not valid yet")]
    NotYet,
    /// A claim is missing, or of another type.
    #[error("the token has no claim {name:?} that is {expected}")]
    Claim {
        /// The claim.
        name: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// A claim has not the value that the operator asks for.
    #[error("the token's claim {0:?} is not what this server asks for")]
    Required(String),
    /// Its id could be that of a caller of another source.
    #[error(transparent)]
    ReservedId(#[from] ReservedId),
}

impl InvalidToken {
    /// The reason in one word, for a metric.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::Malformed => "token_malformed",
            Self::Critical => "token_critical",
            Self::Type => "token_type",
            Self::Issuer => "token_issuer",
            Self::Algorithm => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::NoKeyId => "token_no_key_id",
            Self::Signature => "token_signature",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet",
            Self::Claim { .. } => "token_claim",
            Self::Required(_) => "token_required_claim",
            Self::ReservedId(_) => "reserved_id",
        }
    }
}
