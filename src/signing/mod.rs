//! Turns key, time and request into signed text; pure: time and nonce are arguments.
//!
//! Every scheme here is the same four steps, and each step is a public function so that a test can hold it to the
//! text that an official SDK made:
//! 1. write the request in the one canonical way (`canonical_request`, `canonical_query`), with [`encode`], the only
//!    percent-encoder, so that what is signed and what is sent cannot differ;
//! 2. put scheme, time and scope around it (`string_to_sign`);
//! 3. hash that with the key (`signature`);
//! 4. place the outcome where the scheme wants it: in headers, in a URL, in the fields of a form.
//!
//! [`rpc`] and [`acs3`] are spoken by STS; OSS has its own two.

pub mod acs3;
pub mod encode;
pub mod rpc;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use hmac::KeyInit;

/// What tells one call to STS from a replay of another.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// A text never used before with the same key; STS remembers it for the time window.
    pub nonce: &'a str,
    /// The moment of signing; STS allows 15 minutes either side.
    pub at: DateTime<Utc>,
}

/// `at` as STS wants it: `2025-02-14T08:09:10Z`.
fn timestamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A header name as it is signed; borrowed where it is in lower case already.
fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// An HMAC of either hash, ready for its text.
fn keyed<M: KeyInit>(key: impl AsRef<[u8]>) -> M {
    M::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length")
}
