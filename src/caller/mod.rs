//! A proof becomes a caller: who asks, as far as it was proven.
//!
//! The first proof that is present decides. A wrong proof is refused and never falls through to anonymous.

mod api_key;

use serde_json::{Map, Value};
use thiserror::Error;

pub use api_key::{ApiKey, InvalidApiKeyHash, KnownApiKey};

/// Who asks: an id and verified claims, or nobody in particular.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    id: Option<String>,
    claims: Map<String, Value>,
}

impl Caller {
    /// A caller that proved nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A caller whose id and claims were verified.
    #[must_use]
    pub fn known(id: impl Into<String>, claims: Map<String, Value>) -> Self {
        Self { id: Some(id.into()), claims }
    }

    /// The verified id; `None` for an anonymous caller.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The verified claim `name`.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }
}

/// What a request brought along to say who sent it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proof<'a> {
    /// The value of the one `Authorization` header. It may be a secret: nothing prints it.
    pub unverified_authorization: Option<Unverified<'a>>,
}

/// A text that was not verified and may be secret, so `Debug` hides it.
#[derive(Clone, Copy)]
pub struct Unverified<'a>(pub &'a str);

impl std::fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unverified(…)")
    }
}

/// Why a request has no caller.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Unauthenticated {
    /// There is no proof, and anonymous callers are not served.
    #[error("the request carries no proof of who sends it")]
    NoProof,
    /// The proof is of a kind that this server does not take.
    #[error("the Authorization header is not of the form \"Bearer <API key>\"")]
    UnknownKind,
    /// The API key is none of those configured.
    #[error("the API key is not known")]
    UnknownApiKey,
}

/// Decides who sent a request.
#[derive(Debug, Default)]
pub struct Authenticator {
    /// Whether a request without any proof is served, as [`Caller::anonymous`].
    pub anonymous: bool,
    /// The API keys that are known, by their hashes.
    pub api_keys: Vec<KnownApiKey>,
}

impl Authenticator {
    /// Whether anybody can prove to be somebody here.
    #[must_use]
    pub fn knows_callers(&self) -> bool {
        !self.api_keys.is_empty()
    }

    /// The caller that `proof` speaks for.
    pub fn authenticate(&self, proof: &Proof<'_>) -> Result<Caller, Unauthenticated> {
        match proof.unverified_authorization {
            Some(unverified) => self.bearer(unverified.0),
            None if self.anonymous => Ok(Caller::anonymous()),
            None => Err(Unauthenticated::NoProof),
        }
    }

    fn bearer(&self, unverified: &str) -> Result<Caller, Unauthenticated> {
        let token = bearer_token(unverified).ok_or(Unauthenticated::UnknownKind)?;
        let id = api_key::identify(&self.api_keys, token).ok_or(Unauthenticated::UnknownApiKey)?;
        Ok(Caller::known(id, Map::new()))
    }
}

/// The token of `Bearer <token>`; the scheme's name has no case (RFC 9110 §11.1).
fn bearer_token(unverified: &str) -> Option<&str> {
    let (scheme, token) = unverified.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(text: &str) -> Proof<'_> {
        Proof { unverified_authorization: Some(Unverified(text)) }
    }

    fn office() -> (Authenticator, String) {
        let (key, known) = ApiKey::new_for("supplier-b");
        (Authenticator { anonymous: true, api_keys: vec![known] }, key.expose().to_owned())
    }

    #[test]
    fn a_known_api_key_is_its_caller() {
        let (authenticator, key) = office();
        let caller = authenticator.authenticate(&proof(&format!("bearer {key}"))).unwrap();
        assert_eq!(caller.id(), Some("supplier-b"));
    }

    #[test]
    fn a_wrong_proof_never_falls_through_to_anonymous() {
        let (authenticator, key) = office();
        for (text, expected) in [
            ("Bearer ovk_wrong", Unauthenticated::UnknownApiKey),
            ("Basic dXNlcjpwYXNz", Unauthenticated::UnknownKind),
            ("Bearer", Unauthenticated::UnknownKind),
            ("", Unauthenticated::UnknownKind),
            (&format!("Bearer {key} {key}"), Unauthenticated::UnknownKind),
        ] {
            assert_eq!(authenticator.authenticate(&proof(text)), Err(expected), "{text}");
        }
    }

    #[test]
    fn nobody_is_served_only_where_nobody_is_welcome() {
        assert_eq!(office().0.authenticate(&Proof::default()), Ok(Caller::anonymous()));
        let closed = Authenticator::default();
        assert_eq!(closed.authenticate(&Proof::default()), Err(Unauthenticated::NoProof));
    }

    #[test]
    fn debug_shows_no_proof() {
        assert_eq!(
            format!("{:?}", proof("Bearer ovk_secret")),
            "Proof { unverified_authorization: Some(Unverified(…)) }"
        );
    }
}
