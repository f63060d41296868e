//! The emulator's own RSA key: it signs upload callbacks and the identity tokens that it mints. It is made at first use,
//! lives as long as the process, and opens nothing.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::Md5;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha2::{Digest as _, Sha256};

/// Length in bits: the least that libraries for tokens take. OSS's own callback key has 512.
const BITS: usize = 2048;

/// What PKCS#1 puts before an MD5 digest and a SHA-256 digest.
const MD5_PREFIX: [u8; 18] =
    [0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00, 0x04, 0x10];
const SHA256_PREFIX: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// A key that is made when it is first asked for.
#[derive(Default)]
pub(crate) struct RsaKey(OnceLock<RsaPrivateKey>);

impl RsaKey {
    /// PKCS#1 v1.5 with MD5, as upload callbacks are signed.
    pub(crate) fn sign_md5(&self, text: &[u8]) -> Vec<u8> {
        self.sign(padding(&MD5_PREFIX, 16), &Md5::digest(text))
    }

    /// PKCS#1 v1.5 with SHA-256, as `RS256` has it.
    pub(crate) fn sign_sha256(&self, text: &[u8]) -> Vec<u8> {
        self.sign(padding(&SHA256_PREFIX, 32), &Sha256::digest(text))
    }

    /// Whether a signature of [`Self::sign_sha256`] is right.
    pub(crate) fn verifies_sha256(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKey::from(self.key());
        key.verify(padding(&SHA256_PREFIX, 32), &Sha256::digest(text), signature).is_ok()
    }

    /// The public half in PEM.
    pub(crate) fn public_pem(&self) -> String {
        let key = RsaPublicKey::from(self.key());
        key.to_public_key_pem(LineEnding::LF).expect("an RSA key of this length can be written")
    }

    /// Modulus and exponent as a JWK has them.
    pub(crate) fn jwk_parts(&self) -> (String, String) {
        let key = self.key();
        (URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()), URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()))
    }

    fn sign(&self, padding: Pkcs1v15Sign, digest: &[u8]) -> Vec<u8> {
        self.key()
            .sign_with_rng(&mut OsRng, padding, digest)
            .expect("a digest of the length that the padding says fits")
    }

    fn key(&self) -> &RsaPrivateKey {
        self.0.get_or_init(|| RsaPrivateKey::new(&mut OsRng, BITS).expect("the system gives random bytes"))
    }
}

fn padding(prefix: &[u8], hash_len: usize) -> Pkcs1v15Sign {
    Pkcs1v15Sign { hash_len: Some(hash_len), prefix: prefix.into() }
}

#[cfg(test)]
mod tests {
    use rsa::pkcs8::DecodePublicKey as _;

    use super::*;

    #[test]
    fn the_public_half_verifies_what_the_key_signed() {
        let key = RsaKey::default();
        let public = RsaPublicKey::from_public_key_pem(&key.public_pem()).unwrap();
        let signature = key.sign_md5(b"/path?q\nbody");
        assert!(public.verify(padding(&MD5_PREFIX, 16), &Md5::digest(b"/path?q\nbody"), &signature).is_ok());
        assert!(public.verify(padding(&MD5_PREFIX, 16), &Md5::digest(b"/path?q\nBody"), &signature).is_err());
        assert!(key.verifies_sha256(b"a", &key.sign_sha256(b"a")));
        assert!(!key.verifies_sha256(b"b", &key.sign_sha256(b"a")));
        assert!(!key.verifies_sha256(b"a", b""));
        assert_eq!(key.jwk_parts().1, "AQAB");
    }
}
