//! The id of a request.

use std::fmt::{self, Debug, Formatter};
use std::ops::Deref;
use std::str;

use http::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that carries a request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static(NAME);

pub(super) const NAME: &str = "x-request-id";

/// The longest id of a client's or proxy's that is taken over, in bytes.
const LONGEST: usize = 64;

/// The id of a request: 1 to 64 characters of `[A-Za-z0-9._-]`, so that it stands in any text as it is. It is kept in
/// place, since every request has one.
#[derive(Clone, Copy)]
pub struct RequestId {
    text: [u8; LONGEST],
    length: usize,
}

impl RequestId {
    /// The id that came with the request if it is plain, so that a log line of ours can be found from one of theirs;
    /// else a new one.
    pub(super) fn of(given: Option<&HeaderValue>) -> Self {
        match given.and_then(|value| value.to_str().ok()) {
            Some(id) if is_plain(id) => Self::copy_of(id),
            _ => Self::copy_of(Uuid::new_v4().hyphenated().encode_lower(&mut Uuid::encode_buffer())),
        }
    }

    /// The id as the value of [`REQUEST_ID`].
    ///
    /// # Panics
    /// Never: an id is made of header characters.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.text[..self.length]).expect("an id is made of header characters")
    }

    fn copy_of(plain: &str) -> Self {
        let mut text = [0; LONGEST];
        text[..plain.len()].copy_from_slice(plain.as_bytes());
        Self { text, length: plain.len() }
    }
}

impl Deref for RequestId {
    type Target = str;

    fn deref(&self) -> &str {
        // All of it is looked at, which takes whole words.
        &str::from_utf8(&self.text).expect("an id is ASCII, and behind it are zeros")[..self.length]
    }
}

impl Debug for RequestId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

fn is_plain(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::super::told;
    use super::*;

    fn of(given: &[&str]) -> String {
        let value = |id: &&str| (REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        told(&given.iter().map(value).collect()).0.to_string()
    }

    #[test]
    fn a_plain_id_is_taken_over_and_any_other_replaced() {
        let longest = "x".repeat(64);
        for id in ["a", "a.B_9-", &longest] {
            assert_eq!(of(&[id]), id);
        }
        for ids in [&[][..], &[""], &["a b"], &["a", "b"], &["é"], &[&"x".repeat(65)]] {
            assert!(Uuid::try_parse(&of(ids)).is_ok(), "{ids:?}");
        }
    }
}
