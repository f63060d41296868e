//! A key that verifies signatures by one algorithm, which it was given when it was read: nothing in a token changes it.

use std::fmt::{self, Debug, Formatter};

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, VerificationAlgorithm,
};

use super::algorithm::Algorithm;
use crate::keys::Secret;

/// The sizes of RSA modulus that are taken, in bytes: 2,048 to 8,192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key and its one algorithm.
pub(super) struct VerifyingKey {
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl VerifyingKey {
    /// A secret that both sides know; `None` if `algorithm` is not for one or the secret is too short for it.
    pub(super) fn shared(secret: &Secret, algorithm: Algorithm) -> Option<Self> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return None,
        };
        let bytes = secret.expose().as_bytes();
        let long_enough = bytes.len() >= algorithm.least_secret();
        long_enough.then(|| Self { algorithm, material: Material::Shared(Box::new(hmac::Key::new(hash, bytes))) })
    }

    /// An RSA key from its modulus and exponent, both big-endian.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8], algorithm: Algorithm) -> Option<Self> {
        let components = PublicKeyComponents { n: without_zeros(modulus), e: without_zeros(exponent) };
        if !MODULUS.contains(&components.n.len()) {
            return None;
        }
        let key = components.to_parsed_public_key(rsa_parameters(algorithm)?).ok()?;
        Some(Self { algorithm, material: Material::Public(key) })
    }

    /// A key on a curve: the point of `x` and `y`, or for Ed25519 `x` alone.
    pub(super) fn on_curve(algorithm: Algorithm, x: &[u8], y: &[u8]) -> Option<Self> {
        let (scheme, point): (&'static dyn VerificationAlgorithm, _) = match algorithm {
            Algorithm::Es256 => (&ECDSA_P256_SHA256_FIXED, uncompressed(x, y, 32)?),
            Algorithm::Es384 => (&ECDSA_P384_SHA384_FIXED, uncompressed(x, y, 48)?),
            Algorithm::Es512 => (&ECDSA_P521_SHA512_FIXED, uncompressed(x, y, 66)?),
            Algorithm::EdDsa if x.len() == 32 && y.is_empty() => (&ED25519, x.to_vec()),
            _ => return None,
        };
        let key = ParsedPublicKey::new(scheme, point).ok()?;
        Some(Self { algorithm, material: Material::Public(key) })
    }

    /// The algorithm that the key is for.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is this key's over `message`; MACs are compared in constant time.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
            Material::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl Debug for VerifyingKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.algorithm)
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// `04 x y` (SEC 1 §2.3.3), if both coordinates have the curve's length (RFC 7518 §6.2.1).
fn uncompressed(x: &[u8], y: &[u8], length: usize) -> Option<Vec<u8>> {
    (x.len() == length && y.len() == length).then(|| [&[4], x, y].concat())
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
