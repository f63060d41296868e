//! The keyed hashes of the schemes, and the only way to compare their outcomes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

fn hmac_sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn sha256_hex(text: &[u8]) -> String {
    const_hex::encode(Sha256::digest(text))
}

/// Whether two texts are equal, found out in a time that does not tell where they differ.
pub(super) fn same(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

/// The Base64 signature of V1.
pub(super) fn sha1_base64(secret: &str, text: &str) -> String {
    STANDARD.encode(hmac_sha1(secret.as_bytes(), text.as_bytes()))
}

/// The lower-case hex signature of ACS3.
pub(super) fn sha256_hmac_hex(secret: &str, text: &str) -> String {
    const_hex::encode(hmac_sha256(secret.as_bytes(), text.as_bytes()))
}
