//! JWTs: a signed statement of an issuer about who the caller is (RFC 7519), checked as RFC 8725 advises.
//!
//! - The algorithm belongs to the key. A token's `alg` and `kid` only choose among the keys of its issuer, each of which
//!   verifies by one algorithm; a shared secret and public keys never stand in one set, so an RSA key is no HMAC secret.
//! - `iss`, `exp` and the id have to be there; `aud`, `nbf` and required claims are compared with strict types.
//! - A signature is checked once: the token is then remembered by its SHA-256, for as long as it is valid, at most for
//!   [`REMEMBERED`], and not past a change of the issuer's keys, nor past the age at which these are fetched anew.

mod algorithm;
mod claims;
mod invalid;
mod key;
mod key_set;
mod source;
mod status;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

pub use self::algorithm::{Algorithm, Family};
pub use self::claims::Expected;
use self::claims::Proven;
pub use self::invalid::InvalidToken;
use self::key_set::NoKey;
pub use self::key_set::{InvalidKeySet, KeySet};
pub use self::source::Place;
use self::source::Published;
pub use self::status::{FetchFailure, KeyStatus};
pub use self::token::UnverifiedToken;
use super::outbound::Outbound;
use super::remembered::{Digest, Remembered};
use super::{Caller, ClaimNames, Unauthenticated};

/// The longest that a verified token is remembered.
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);

/// The most tokens that are remembered of one issuer.
const MAX_REMEMBERED: usize = 20_000;

/// One who issues tokens, and what they have to say.
#[derive(Debug)]
pub struct Issuer {
    expected: Expected,
    accepted: Vec<Algorithm>,
    keys: Keys,
    /// The cookie that may carry a token, besides the `Authorization` header.
    cookie: Option<String>,
    /// The claims that are kept of a token once it is verified; all, unless it is said which.
    kept: Option<Arc<ClaimNames>>,
    remembered: Remembered,
    /// The keys that the remembered tokens were verified with.
    remembered_for: AtomicU64,
}

#[derive(Debug)]
enum Keys {
    Fixed(Arc<KeySet>),
    Published(Arc<Published>),
}

impl Issuer {
    /// An issuer whose keys are known: those of a file, or a shared secret.
    #[must_use]
    pub fn with_keys(expected: Expected, accepted: Vec<Algorithm>, keys: KeySet) -> Self {
        Self::new(expected, accepted, Keys::Fixed(Arc::new(keys)))
    }

    /// An issuer whose public keys are fetched when they are first needed.
    #[must_use]
    pub fn publishing(expected: Expected, accepted: Vec<Algorithm>, place: Place, outbound: Outbound) -> Self {
        let published = Published::new(place, accepted.clone(), outbound);
        Self::new(expected, accepted, Keys::Published(Arc::new(published)))
    }

    /// The same with a cookie of this name that may carry a token.
    #[must_use]
    pub fn in_cookie(self, name: Option<String>) -> Self {
        Self { cookie: name, ..self }
    }

    /// The same that keeps no other claims of a token than these, once all of them are checked.
    #[must_use]
    pub fn keeping(self, names: Arc<ClaimNames>) -> Self {
        Self { kept: Some(names), ..self }
    }

    fn new(expected: Expected, accepted: Vec<Algorithm>, keys: Keys) -> Self {
        let remembered = Remembered::new(MAX_REMEMBERED);
        Self { expected, accepted, keys, cookie: None, kept: None, remembered, remembered_for: AtomicU64::new(0) }
    }

    /// The cookie that may carry a token.
    pub(super) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// The caller of a token that was verified a short while ago.
    pub(super) fn remembers(&self, digest: &Digest, now: DateTime<Utc>) -> Option<Caller> {
        self.remembered.get(digest, self.keys.generation(now)?, now)
    }

    /// The caller that `token` proves, all of it checked.
    async fn verify(
        &self,
        token: UnverifiedToken<'_>,
        digest: Digest,
        now: DateTime<Utc>,
    ) -> Result<Caller, Unauthenticated> {
        let algorithm = Algorithm::parse(&token.header.alg).filter(|algorithm| self.accepted.contains(algorithm));
        let algorithm = algorithm.ok_or(InvalidToken::Algorithm)?;
        let kid = token.header.kid.as_deref();
        let (keys, generation) = self.keys.for_token(kid, algorithm, now).await?;
        let key = keys.find(kid, algorithm).map_err(InvalidToken::from)?;
        if !key.verifies(token.signed.as_bytes(), &token.signature) {
            return Err(InvalidToken::Signature.into());
        }
        let Proven { caller, until } = self.expected.check(token.claims, now)?;
        let caller = self.kept.as_ref().map_or(caller.clone(), |names| caller.with_only(names));
        if self.remembered_for.swap(generation, Ordering::Relaxed) != generation {
            self.remembered.clear();
        }
        self.remembered.put(digest, caller.clone(), until.min(now + REMEMBERED), generation, now);
        Ok(caller)
    }
}

impl Keys {
    fn generation(&self, now: DateTime<Utc>) -> Option<u64> {
        match self {
            Self::Fixed(_) => Some(0),
            Self::Published(published) => published.generation(now),
        }
    }

    async fn for_token(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: DateTime<Utc>,
    ) -> Result<(Arc<KeySet>, u64), Unauthenticated> {
        match self {
            Self::Fixed(keys) => Ok((Arc::clone(keys), 0)),
            Self::Published(published) => match published.keys_for(kid, algorithm, now).await {
                Ok(held) => Ok((held.keys, held.generation)),
                Err(_logged) => Err(Unauthenticated::KeysUnavailable),
            },
        }
    }
}

impl From<NoKey> for InvalidToken {
    fn from(none: NoKey) -> Self {
        match none {
            NoKey::Unknown => Self::UnknownKey,
            NoKey::OtherAlgorithm => Self::Algorithm,
            NoKey::Ambiguous => Self::NoKeyId,
        }
    }
}

/// The caller that the token `unverified` proves, by whichever of `issuers` has issued it.
pub(super) async fn identify<'i>(
    mut issuers: impl Iterator<Item = &'i Issuer>,
    unverified: &str,
    digest: Digest,
    now: DateTime<Utc>,
) -> Result<Caller, Unauthenticated> {
    let token = UnverifiedToken::parse(unverified)?;
    let issuer = issuers.find(|issuer| token.issuer() == Some(issuer.expected.issuer.as_str()));
    issuer.ok_or(InvalidToken::Issuer)?.verify(token, digest, now).await
}
