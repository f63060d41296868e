//! The token that came last over a connection.
//!
//! Whoever keeps a connection proves to be the same caller with each request, and to hash a token of some 700 bytes costs
//! more than all else that is done to know the caller. So a connection keeps the text of the last token that was a known
//! caller's, with its digest: the same text has the same digest. Nothing else follows from it. Whether the digest is
//! somebody's, and still is, is asked with every request.
//!
//! The text is as secret as it was when it came: it is wiped when another takes its place and when the connection ends.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::remembered::Digest;
use crate::keys::Secret;

/// The longest text that is kept, in bytes: twice that of large tokens, for each of thousands of connections.
const LONGEST: usize = 4096;

/// How many bytes are compared in one go.
const WIDE: usize = 64;

/// The token that came last over one connection, if it was a known caller's.
#[derive(Default)]
pub struct LastToken(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// The digest of the last one.
    digest: Option<Digest>,
    /// The value of its header, once it has come twice in a row: a proxy that has a connection for many callers would
    /// have each copied for nothing.
    text: Option<Secret>,
}

impl LastToken {
    /// The digest of the token in the header's value `unverified`, if that is the one that came last.
    pub(super) fn digest(&self, unverified: &[u8]) -> Option<Digest> {
        let held = self.held();
        let is_same = |text: &&Secret| are_same(text.expose().as_bytes(), unverified);
        held.text.as_ref().filter(is_same).and(held.digest)
    }

    /// The token of `digest`, in the header's value `text`, is a known caller's.
    pub(super) fn keep(&self, text: &str, digest: Digest) {
        let mut held = self.held();
        let again = held.digest == Some(digest) && text.len() <= LONGEST;
        *held = Held { digest: Some(digest), text: again.then(|| Secret::new(text)) };
    }

    /// It is whole at any moment, so a panic elsewhere spoils nothing.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares in a time that depends on the lengths alone: who shares the connection by way of a proxy is not to find out
/// how much of a guess is right. The bytes that differ are added up without a way out, many at once; a library that keeps the
/// compiler from doing so takes as long as the hash that this is to save.
fn are_same(one: &[u8], other: &[u8]) -> bool {
    let differing =
        |one: &[u8], other: &[u8]| one.iter().zip(other).fold(0, |found, (one, other)| found | (one ^ other));
    let ((one_wide, one_rest), (other_wide, other_rest)) = (one.as_chunks::<WIDE>(), other.as_chunks::<WIDE>());
    let wide = one_wide.iter().zip(other_wide).fold(0, |found, (one, other)| found | differing(one, other));
    one.len() == other.len() && wide | differing(one_rest, other_rest) == 0
}

impl Debug for LastToken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("LastToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::remembered::digest;
    use super::*;

    fn seen(last: &LastToken, texts: &[&str]) {
        for text in texts {
            last.keep(text, digest(text));
        }
    }

    #[test]
    fn a_token_that_comes_again_and_again_is_known_by_its_text() {
        let last = LastToken::default();
        seen(&last, &["a"]);
        assert_eq!(last.digest(b"a"), None, "once is no habit");
        seen(&last, &["a"]);
        assert_eq!(last.digest(b"a"), Some(digest("a")));
        for other in ["", "b", "ab", "A"] {
            assert_eq!(last.digest(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn of_tokens_that_come_by_turns_no_text_is_kept() {
        let last = LastToken::default();
        seen(&last, &["a", "a", "b", "a", "b"]);
        assert!(last.held().text.is_none());
        assert_eq!((last.digest(b"a"), last.digest(b"b")), (None, None));
    }

    #[test]
    fn one_that_is_very_long_is_not_kept() {
        let (last, long) = (LastToken::default(), "x".repeat(LONGEST + 1));
        seen(&last, &[&long, &long, &long]);
        assert_eq!(last.digest(long.as_bytes()), None);
    }

    #[test]
    fn debug_shows_nothing() {
        let last = LastToken::default();
        seen(&last, &["hush", "hush"]);
        assert_eq!(format!("{last:?}"), "LastToken(…)");
    }
}
