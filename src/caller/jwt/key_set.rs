//! JWK sets (RFC 7517): the public keys of an issuer, each bound to one algorithm as it is read.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::algorithm::{Algorithm, Family};
use super::key::VerifyingKey;
use crate::keys::Secret;

/// More keys than any issuer publishes at a time.
const MAX_KEYS: usize = 100;

/// The keys of one issuer.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<(Option<String>, VerifyingKey)>,
    /// A shared secret has no id, so whatever `kid` a token brings is passed over.
    named: bool,
}

/// Why a text is no key set that is of use.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidKeySet {
    /// It is not JSON of the form `{"keys": […]}`.
    #[error("it is not a JWK set: {{\"keys\": […]}}")]
    NotAKeySet,
    /// It has more than 100 keys.
    #[error("it has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// None of its keys is public, for signatures, of a kind that is known, and for an algorithm that is accepted.
    #[error("it has no key that verifies signatures by one of the algorithms that are accepted")]
    NoUsableKey,
}

/// Why a set has no key for a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoKey {
    /// There is none; a newer set may have it.
    Unknown,
    /// The key that the token names is for another algorithm.
    OtherAlgorithm,
    /// The token names no key, and there are several.
    Ambiguous,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a JWK set. Only keys for one of the `accepted` algorithms are kept, and never a symmetric one: what a URL
    /// publishes is no secret. Keys of unknown kinds are passed over (RFC 7517 §5).
    ///
    /// A key's algorithm is its `alg`, or follows from its curve. An RSA key without `alg` stands for one key for each
    /// RSA algorithm that the operator accepts.
    pub fn parse(jwks: &[u8], accepted: &[Algorithm]) -> Result<Self, InvalidKeySet> {
        let Jwks { keys } = serde_json::from_slice(jwks).map_err(|_| InvalidKeySet::NotAKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(InvalidKeySet::TooManyKeys);
        }
        let known = keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys: Vec<_> = known.filter(Jwk::is_for_signatures).flat_map(|jwk| jwk.keys(accepted)).collect();
        if keys.is_empty() { Err(InvalidKeySet::NoUsableKey) } else { Ok(Self { keys, named: true }) }
    }

    /// The set of one shared secret; `None` if it is too short for one of the algorithms, or one is not for secrets.
    #[must_use]
    pub fn of_secret(secret: &Secret, accepted: &[Algorithm]) -> Option<Self> {
        let key = |algorithm: &Algorithm| Some((None, VerifyingKey::shared(secret, *algorithm)?));
        Some(Self { keys: accepted.iter().map(key).collect::<Option<_>>()?, named: false })
    }

    /// How many keys can verify a signature.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The one key that a token with this `kid` and `alg` can have been signed with.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerifyingKey, NoKey> {
        let named = self.keys.iter().filter(|(id, _)| !self.named || kid.is_none() || id.as_deref() == kid);
        let mut fitting = named.clone().filter(|(_, key)| key.algorithm() == algorithm).map(|(_, key)| key);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) if kid.is_some() && named.count() > 0 => Err(NoKey::OtherAlgorithm),
            (None, _) => Err(NoKey::Unknown),
        }
    }
}

impl Jwk {
    fn is_for_signatures(&self) -> bool {
        self.r#use.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"))
    }

    fn keys(&self, accepted: &[Algorithm]) -> Vec<(Option<String>, VerifyingKey)> {
        let fits = |algorithm: &&Algorithm| accepted.contains(algorithm) && self.is_pinned_to(**algorithm);
        let made = Algorithm::ALL.iter().filter(fits).filter_map(|algorithm| self.key(*algorithm));
        made.map(|key| (self.kid.clone(), key)).collect()
    }

    /// Whether the key may be for `algorithm`: its own word counts, and where it has none, its kind.
    fn is_pinned_to(&self, algorithm: Algorithm) -> bool {
        let own = self.alg.as_deref();
        own.is_none_or(|alg| Algorithm::parse(alg) == Some(algorithm))
            && match (self.kty.as_str(), self.crv.as_deref()) {
                ("RSA", _) => algorithm.family() == Family::Rsa,
                ("EC", Some("P-256")) => algorithm == Algorithm::Es256,
                ("EC", Some("P-384")) => algorithm == Algorithm::Es384,
                ("EC", Some("P-521")) => algorithm == Algorithm::Es512,
                ("OKP", Some("Ed25519")) => algorithm == Algorithm::EdDsa,
                _ => false,
            }
    }

    fn key(&self, algorithm: Algorithm) -> Option<VerifyingKey> {
        match algorithm.family() {
            Family::Shared => None,
            Family::Rsa => VerifyingKey::rsa(&number(self.n.as_deref())?, &number(self.e.as_deref())?, algorithm),
            Family::Curve => {
                let y = self.y.as_deref().map_or(Some(Vec::new()), |y| number(Some(y)))?;
                VerifyingKey::on_curve(algorithm, &number(self.x.as_deref())?, &y)
            }
        }
    }
}

fn number(text: Option<&str>) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RSA: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Ps256];

    fn rsa(extra: &Value) -> Value {
        let modulus = BASE64_URL_SAFE_NO_PAD.encode([0xd5; 256]);
        let mut key = json!({ "kty": "RSA", "kid": "a", "n": modulus, "e": "AQAB" });
        key.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        key
    }

    fn parse(keys: &[Value], accepted: &[Algorithm]) -> Result<KeySet, InvalidKeySet> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), accepted)
    }

    #[test]
    fn a_key_with_an_algorithm_is_for_no_other() {
        let set = parse(&[rsa(&json!({ "alg": "RS256" }))], &RSA).unwrap();
        assert!(set.find(Some("a"), Algorithm::Rs256).is_ok());
        assert_eq!(set.find(Some("a"), Algorithm::Ps256).unwrap_err(), NoKey::OtherAlgorithm);
        assert_eq!(set.find(Some("a"), Algorithm::Hs256).unwrap_err(), NoKey::OtherAlgorithm);
        assert_eq!(set.find(Some("b"), Algorithm::Rs256).unwrap_err(), NoKey::Unknown);
        assert!(set.find(None, Algorithm::Rs256).is_ok());
    }

    #[test]
    fn a_key_without_one_is_for_those_the_operator_accepts() {
        let set = parse(&[rsa(&json!({}))], &RSA).unwrap();
        assert_eq!(set.keys.len(), 2);
        assert!(set.find(Some("a"), Algorithm::Ps256).is_ok());
        assert_eq!(set.find(Some("a"), Algorithm::Rs512).unwrap_err(), NoKey::OtherAlgorithm);
    }

    #[test]
    fn a_token_that_names_no_key_needs_a_set_of_one() {
        let other = rsa(&json!({ "kid": "b" }));
        let set = parse(&[rsa(&json!({})), other], &RSA).unwrap();
        assert_eq!(set.find(None, Algorithm::Rs256).unwrap_err(), NoKey::Ambiguous);
    }

    #[test]
    fn what_is_not_a_public_key_for_signatures_is_passed_over() {
        let unusable = [
            json!({ "kty": "oct", "kid": "a", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA" }),
            rsa(&json!({ "use": "enc" })),
            rsa(&json!({ "key_ops": ["encrypt"] })),
            rsa(&json!({ "alg": "HS256" })),
            rsa(&json!({ "alg": "none" })),
            rsa(&json!({ "alg": "RS512" })),
            rsa(&json!({ "n": BASE64_URL_SAFE_NO_PAD.encode([0xd5; 128]) })),
            rsa(&json!({ "n": "not base64!" })),
            json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" }),
            json!({ "kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA" }),
            json!({ "kty": 1 }),
            json!("key"),
        ];
        for key in unusable {
            let accepted = [&RSA[..], &[Algorithm::Hs256, Algorithm::Es256]].concat();
            assert_eq!(parse(std::slice::from_ref(&key), &accepted).unwrap_err(), InvalidKeySet::NoUsableKey, "{key}");
        }
        assert_eq!(KeySet::parse(b"[]", &RSA).unwrap_err(), InvalidKeySet::NotAKeySet);
        assert_eq!(parse(&vec![rsa(&json!({})); 101], &RSA).unwrap_err(), InvalidKeySet::TooManyKeys);
    }

    #[test]
    fn a_secret_is_as_long_as_its_hash() {
        let secret = |length| Secret::new("s".repeat(length));
        assert!(KeySet::of_secret(&secret(31), &[Algorithm::Hs256]).is_none());
        assert!(KeySet::of_secret(&secret(32), &[Algorithm::Hs256]).is_some());
        assert!(KeySet::of_secret(&secret(63), &[Algorithm::Hs256, Algorithm::Hs512]).is_none());
        assert!(KeySet::of_secret(&secret(64), &[Algorithm::Rs256]).is_none());
        let set = KeySet::of_secret(&secret(64), &[Algorithm::Hs256]).unwrap();
        assert!(set.find(Some("any"), Algorithm::Hs256).is_ok());
        assert!(!format!("{set:?}").contains("ss"));
    }
}
