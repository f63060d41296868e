//! API keys: 256 random bits that a back end sends as `Authorization: Bearer ovk_…`; we keep only their SHA-256.
//!
//! A plain hash is enough here: nobody guesses 256 bits, so there is nothing that a slow password hash would slow down.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::remembered::{Digest, digest};
use crate::keys::Secret;

/// Starts every API key, so that secret scanners and people recognise one.
pub(super) const PREFIX: &str = "ovk_";

/// A new API key, to be shown once.
#[derive(Debug)]
pub struct ApiKey(Secret);

impl ApiKey {
    /// Makes a key for the caller `id`, and what the configuration keeps of it.
    ///
    /// # Panics
    /// If the operating system has no random bytes to give.
    #[must_use]
    pub fn new_for(id: &str) -> (Self, KnownApiKey) {
        let mut bits = [0_u8; 32];
        getrandom::fill(&mut bits).expect("the operating system gives random bytes");
        Self::of_text(id, format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bits)))
    }

    /// Takes `text` for a key of the caller `id`; for keys that are public knowledge, such as those of `dev`.
    #[must_use]
    pub fn of_text(id: &str, text: impl Into<String>) -> (Self, KnownApiKey) {
        let key = Secret::new(text);
        let known = KnownApiKey { id: id.to_owned(), hash: digest(key.expose()) };
        (Self(key), known)
    }

    /// The text that the caller has to send.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A caller and the hash of the key that proves it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownApiKey {
    /// The caller's id.
    pub id: String,
    hash: Digest,
}

/// A hash that is not `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an API key's hash is \"sha256:\" and 64 hexadecimal digits, as `oss-vend key new` prints it")]
pub struct InvalidApiKeyHash;

impl KnownApiKey {
    /// The caller `id` with the hash as the configuration writes it.
    pub fn new(id: impl Into<String>, hash: &str) -> Result<Self, InvalidApiKeyHash> {
        let digits = hash.strip_prefix("sha256:").ok_or(InvalidApiKeyHash)?;
        let hash = const_hex::decode_to_array(digits).map_err(|_| InvalidApiKeyHash)?;
        Ok(Self { id: id.into(), hash })
    }

    /// The hash as the configuration writes it.
    #[must_use]
    pub fn hash(&self) -> String {
        format!("sha256:{}", const_hex::encode(self.hash))
    }
}

/// The caller whose key has the SHA-256 `hash`. Every hash is compared, each in constant time.
pub(super) fn identify<'a>(known: &'a [KnownApiKey], hash: &Digest) -> Option<&'a str> {
    known.iter().fold(None, |found, key| if bool::from(key.hash.ct_eq(hash)) { Some(key.id.as_str()) } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_keeps_recognises_the_key() {
        let (key, known) = ApiKey::new_for("a");
        let kept = KnownApiKey::new("a", &known.hash()).unwrap();
        assert_eq!(identify(&[kept], &digest(key.expose())), Some("a"));
    }

    #[test]
    fn two_keys_differ_and_neither_is_shown() {
        let (one, _) = ApiKey::new_for("a");
        let (two, _) = ApiKey::new_for("a");
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), PREFIX.len() + 43);
        assert_eq!(format!("{one:?}"), "ApiKey(Secret(…))");
    }

    #[test]
    fn a_hash_of_another_form_is_refused() {
        for hash in ["", "sha256:", "sha256:zz", "md5:00", &"0".repeat(64)] {
            assert_eq!(KnownApiKey::new("a", hash), Err(InvalidApiKeyHash), "{hash}");
        }
    }
}
