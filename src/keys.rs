//! What must never be printed: key secrets and tokens, and the keys that carry them.

use std::fmt::{self, Debug, Formatter};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::json;

/// A text whose memory is overwritten on drop and that no `Debug` shows; there is no `Display`, `Serialize` or `PartialEq`.
///
/// Only this value is overwritten. Copies elsewhere are not: the text that it was made from, buffers of HTTP, TLS and
/// parsers, and what it was written to.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes `text` over.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Call it only where bytes leave for a hash or for the caller who is entitled to them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A key pair that signs requests: a RAM user's own, or a temporary one, which carries its token.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// The public half, such as `LTAI5t…` or, for a temporary key, `STS.…`.
    pub id: String,
    /// The half that signs.
    pub secret: Secret,
    /// The `SecurityToken`; present exactly when the key is temporary.
    pub token: Option<Secret>,
}

/// What `AssumeRole` returned: a temporary key and the life that STS granted it.
#[derive(Clone, Debug)]
pub struct SessionKey {
    /// The temporary key pair with its token.
    pub access_key: AccessKey,
    /// When the life began: the moment the request was made.
    pub issued: DateTime<Utc>,
    /// When STS ends the key; nothing that is signed with it outlives this.
    pub expiration: DateTime<Utc>,
    token_sha256: String,
    is_plain: bool,
}

impl SessionKey {
    /// The temporary `access_key`, alive from `issued` to `expiration`.
    #[must_use]
    pub fn new(access_key: AccessKey, issued: DateTime<Utc>, expiration: DateTime<Utc>) -> Self {
        let token = access_key.token.as_ref().map_or("", Secret::expose);
        let token_sha256 = const_hex::encode(Sha256::digest(token.as_bytes()));
        let is_plain =
            json::is_plain(token) && json::is_plain(&access_key.id) && json::is_plain(access_key.secret.expose());
        Self { access_key, issued, expiration, token_sha256, is_plain }
    }

    /// Whether id, secret and token stand in JSON as they are, which is seen once and not with every answer.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The SHA-256 of the token in hexadecimal: it may stand in a trail, and a token that turns up can be traced by it.
    #[must_use]
    pub fn token_sha256(&self) -> &str {
        &self.token_sha256
    }

    /// The `SecurityToken` that has to go with each request signed by this key.
    ///
    /// # Panics
    /// Never for a key made by `sts`, which refuses an answer without a token.
    #[must_use]
    pub fn token(&self) -> &Secret {
        self.access_key.token.as_ref().expect("sts refuses an answer without a token")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    /// The memory of this process at `address`, in use or not.
    fn memory(address: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let offset = u64::try_from(address).unwrap();
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, offset).unwrap();
        bytes
    }

    #[test]
    fn a_dropped_secret_is_no_longer_in_memory() {
        let text = |part: &str| part.repeat(100);
        let secret = Secret::new(text("hush"));
        let address = secret.expose().as_ptr() as usize;
        assert_eq!(memory(address, 400), text("hush").into_bytes());
        let clone = secret.clone();
        drop(secret);
        let left = memory(address, 400);
        assert!(!left.windows(4).any(|part| part == b"hush"), "{left:?}");
        assert_eq!(clone.expose(), text("hush"), "a clone lives on its own");
    }
}
