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
//! STS speaks [`acs3`], formerly [`rpc`]. OSS speaks [`v4`], formerly [`v1`]; [`presign`] and [`post`] put either into
//! a URL or a form. Whatever is the same for all signatures of one key on one day is prepared once, in a
//! [`v4::Signer`].

pub mod acs3;
pub mod encode;
pub mod moment;
pub mod post;
pub mod presign;
pub mod rpc;
pub mod v1;
pub mod v4;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use hmac::KeyInit;

/// A request to OSS as decoded values.
///
/// Bucket and key are signed whatever the address looks like: virtual host, path, custom domain. Headers and query
/// hold each name once, and no header has an empty value: the SDKs do not agree on how to sign those.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// In upper case.
    pub method: &'a str,
    /// `None` for a request to the service itself.
    pub bucket: Option<&'a str>,
    /// `None` for a request to the bucket itself.
    pub key: Option<&'a str>,
    /// The parameters beside those of the signature; an empty value is one without `=`, such as `uploads`.
    pub query: &'a [(&'a str, &'a str)],
    /// The headers that will be sent; the scheme picks those that it signs.
    pub headers: &'a [(&'a str, &'a str)],
    /// Names of headers that V4 is to sign beside its own choice, such as `content-length`; V1 knows no such thing.
    pub additional_headers: &'a [&'a str],
}

/// What tells one call to STS from a replay of another.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// A text never used before with the same key; STS remembers it for the time window.
    pub nonce: &'a str,
    /// The moment of signing; STS allows 15 minutes either side.
    pub at: DateTime<Utc>,
}

/// A header name as it is signed; borrowed where it is in lower case already.
fn lower_case(name: &str) -> Cow<'_, str> {
    if is_lower_case(name) { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) }
}

fn is_lower_case(name: &str) -> bool {
    // The usual ones are known by sight.
    matches!(name, "content-length" | "content-md5" | "content-type")
        || name.bytes().fold(0, |found, byte| found | u8::from(byte.is_ascii_uppercase())) == 0
}

/// An HMAC of either hash, ready for its text.
fn keyed<M: KeyInit>(key: impl AsRef<[u8]>) -> M {
    M::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length")
}
