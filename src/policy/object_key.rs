//! An object's key, checked at the door (OSS naming rules, and stricter where a looser key would be a trap).

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

/// The longest key OSS takes, in bytes of UTF-8.
pub const MAX_BYTES: usize = 1023;

/// A key that OSS takes and that no client or proxy rewrites on the way: no `.`, `..` or empty segment, no control
/// character, and no `${`, which OSS fills in forms. `*` and `?` are allowed: no policy is ever written from a key.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Checks `text`.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        check(&text).map(|()| Self(text))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as text, given away.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Display for ObjectKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no key for us.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidKey {
    /// It has no bytes.
    #[error("the key is empty")]
    Empty,
    /// It has more than [`MAX_BYTES`] bytes.
    #[error("the key has more than 1,023 bytes")]
    TooLong,
    /// It begins with `/` or `\`.
    #[error("the key begins with a slash or a backslash")]
    LeadingSlash,
    /// Two slashes in a row, or one at the end.
    #[error("the key has an empty segment: two slashes in a row, or one at its end")]
    EmptySegment,
    /// A segment is `.` or `..`, which HTTP clients rewrite.
    #[error("the key has a segment \".\" or \"..\", which HTTP clients rewrite")]
    DotSegment,
    /// It has a control character.
    #[error("the key has a control character")]
    ControlCharacter,
    /// It has a `${`, which OSS would replace in a form.
    #[error("the key has a \"${{\", which OSS would take for a placeholder")]
    Placeholder,
}

fn check(text: &str) -> Result<(), InvalidKey> {
    match text {
        "" => return Err(InvalidKey::Empty),
        long if long.len() > MAX_BYTES => return Err(InvalidKey::TooLong),
        slashed if slashed.starts_with(['/', '\\']) => return Err(InvalidKey::LeadingSlash),
        _ => {}
    }
    if is_harmless(text) {
        return Ok(());
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidKey::ControlCharacter);
    }
    if text.contains("${") {
        return Err(InvalidKey::Placeholder);
    }
    text.split('/').try_for_each(|segment| match segment {
        "" => Err(InvalidKey::EmptySegment),
        "." | ".." => Err(InvalidKey::DotSegment),
        _ => Ok(()),
    })
}

/// How many bytes the processor looks at in one go.
const WIDE: usize = 16;

/// Whether there is nothing to be looked at closely: no character that may be refused, and no segment that is empty or
/// begins with a dot. What does not fill the last place is looked at twice, rather than byte by byte.
fn is_harmless(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some((last, firsts)), Some((_, nexts))) = (bytes.split_last(), bytes.split_first()) else { return true };
    let found = match (firsts.last_chunk::<WIDE>(), nexts.last_chunk::<WIDE>()) {
        (Some(last_firsts), Some(last_nexts)) => {
            let whole = |bytes: &[u8]| bytes.len() - bytes.len() % WIDE;
            any_doubt(&firsts[..whole(firsts)], &nexts[..whole(nexts)]) | any_doubt(last_firsts, last_nexts)
        }
        _ => any_doubt(firsts, nexts),
    };
    found | doubt(*last, 0) == 0 && !text.starts_with('.') && *last != b'/'
}

/// Not zero if any of `firsts`, each before the byte at its place in `nexts`, is doubtful. A loop without a way out looks at
/// many bytes at once.
#[inline]
fn any_doubt(firsts: &[u8], nexts: &[u8]) -> u8 {
    firsts.iter().zip(nexts).fold(0, |found, (first, next)| found | doubt(*first, *next))
}

/// Not zero if `first` may be refused, or begins a segment that may be, with `next` behind it.
#[inline]
fn doubt(first: u8, next: u8) -> u8 {
    let is = |byte: u8, other: u8| u8::from(byte == other);
    // Of the bytes beyond ASCII it is 0xc2 that control characters begin with.
    let control = u8::from(first < b' ') | is(first, 0x7f) | is(first, 0xc2);
    is(first, b'$') | control | is(first, b'/') & (is(next, b'/') | is(next, b'.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_character_that_is_refused_is_overlooked(c in any::<char>()) {
            prop_assert_eq!(ObjectKey::parse(format!("a{c}b")).is_err(), c.is_control());
        }

        #[test]
        fn no_control_character_is_overlooked(code in 0_u32..0x100) {
            let c = char::from_u32(code).unwrap();
            prop_assert_eq!(ObjectKey::parse(format!("a{c}b")) == Err(InvalidKey::ControlCharacter), c.is_control());
        }

        #[test]
        fn no_segment_that_is_refused_is_overlooked(text in "[a./]{1,8}") {
            let refused = text.split('/').any(|segment| matches!(segment, "" | "." | ".."));
            prop_assert_eq!(ObjectKey::parse(text).is_err(), refused);
        }
    }

    #[test]
    fn what_is_refused_is_found_wherever_it_stands() {
        let x = |count| "x".repeat(count);
        for piece in ["\n", "\u{7f}", "\u{85}", "${", "//", "/./", "/../"] {
            for length in 0..70 {
                for at in 1..=length {
                    let key = [&x(at), piece, &x(length - at)].concat();
                    assert!(ObjectKey::parse(key.as_str()).is_err(), "{key:?}");
                }
            }
        }
    }

    #[test]
    fn awkward_but_honest_keys_are_taken() {
        for key in [
            "a",
            "uploads/a b+c%d \"é\" 测试 😀.txt",
            "a/..b/c..",
            "~&'()=;:@$!,",
            "a\\b",
            "*?",
            "what?*.txt",
            "?acl",
            &"x".repeat(1023),
        ] {
            assert_eq!(ObjectKey::parse(key).map(ObjectKey::into_string), Ok(key.to_owned()));
        }
    }

    #[test]
    fn keys_that_would_be_a_trap_are_refused() {
        for (key, why) in [
            ("", InvalidKey::Empty),
            (&"x".repeat(1024), InvalidKey::TooLong),
            (&"测".repeat(342), InvalidKey::TooLong),
            ("/a", InvalidKey::LeadingSlash),
            ("\\a", InvalidKey::LeadingSlash),
            ("a//b", InvalidKey::EmptySegment),
            ("a/", InvalidKey::EmptySegment),
            ("a/../b", InvalidKey::DotSegment),
            ("..", InvalidKey::DotSegment),
            ("a/./b", InvalidKey::DotSegment),
            ("a\nb", InvalidKey::ControlCharacter),
            ("a\u{0}", InvalidKey::ControlCharacter),
            ("a\u{85}", InvalidKey::ControlCharacter),
            ("a/${filename}", InvalidKey::Placeholder),
        ] {
            assert_eq!(ObjectKey::parse(key), Err(why), "{key:?}");
        }
    }
}
