//! A template cut at its slashes, to compare the directories that two templates can become.

use std::collections::BTreeSet;

use super::slot::Slot;
use super::{Part, Template};

/// What a template has between two slashes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::policy) struct Segment(Vec<Part>);

/// The texts that one part of a segment can become, byte by byte.
#[derive(Clone, Copy)]
enum Token {
    /// Exactly this byte.
    Byte(u8),
    /// One digit of a date.
    Digit,
    /// One or more bytes of an identity.
    Identity,
    /// One or more bytes of any kind: slots that a directory cannot have.
    Anything,
}

impl Template {
    /// The segments of a directory: none for the whole bucket.
    pub(in crate::policy) fn segments(&self) -> Vec<Segment> {
        let (mut done, mut open) = (Vec::new(), Segment::default());
        for part in &self.0 {
            match part {
                Part::Slot(_) => open.0.push(part.clone()),
                Part::Text(text) => {
                    let mut pieces = text.split('/');
                    open.push_text(pieces.next().unwrap_or_default());
                    for piece in pieces {
                        done.push(std::mem::take(&mut open));
                        open.push_text(piece);
                    }
                }
            }
        }
        if !open.0.is_empty() {
            done.push(open);
        }
        done
    }

    /// Whether what this directory becomes for a request is always inside what `outer` becomes, or the same.
    #[must_use]
    pub fn is_within(&self, outer: &Self) -> bool {
        self.segments().starts_with(&outer.segments())
    }
}

impl Segment {
    fn push_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push(Part::Text(text.to_owned()));
        }
    }

    /// Whether it depends on who asks.
    pub(in crate::policy) fn names_caller(&self) -> bool {
        self.slots().any(Slot::names_caller)
    }

    /// Whether it has the caller's id, so that no two callers have the same.
    pub(in crate::policy) fn names_id(&self) -> bool {
        self.slots().any(|slot| *slot == Slot::CallerId)
    }

    /// Whether this and `other` can become the same text, each for some caller at some time.
    pub(in crate::policy) fn can_equal(&self, other: &Self) -> bool {
        let (these, others) = (self.tokens(), other.tokens());
        let (mut seen, mut open) = (BTreeSet::new(), vec![(0, 0)]);
        while let Some((at, other_at)) = open.pop() {
            let (token, other_token) = match (these.get(at), others.get(other_at)) {
                (None, None) => return true,
                (Some(token), Some(other)) => (*token, *other),
                _ => continue,
            };
            if !(0..=u8::MAX).any(|byte| token.takes(byte) && other_token.takes(byte)) {
                continue;
            }
            for next in token.next(at) {
                for other_next in other_token.next(other_at) {
                    if seen.insert((next, other_next)) {
                        open.push((next, other_next));
                    }
                }
            }
        }
        false
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter_map(|part| if let Part::Slot(slot) = part { Some(slot) } else { None })
    }

    fn tokens(&self) -> Vec<Token> {
        let digit_or = |byte: u8| if byte == b'-' { Token::Byte(byte) } else { Token::Digit };
        let of_part = |part: &Part| match part {
            Part::Text(text) => text.bytes().map(Token::Byte).collect(),
            Part::Slot(Slot::CallerId | Slot::CallerClaim(_)) => vec![Token::Identity],
            Part::Slot(Slot::Date) => b"2026-01-31".map(digit_or).to_vec(),
            Part::Slot(_) => vec![Token::Anything],
        };
        self.0.iter().flat_map(of_part).collect()
    }
}

impl Token {
    fn takes(self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => own == byte,
            Self::Digit => byte.is_ascii_digit(),
            Self::Identity => byte.is_ascii_alphanumeric() || b"_.@=-".contains(&byte),
            Self::Anything => true,
        }
    }

    /// Where one can be in the tokens once the one at `at` has taken a byte.
    fn next(self, at: usize) -> impl Iterator<Item = usize> {
        let repeats = matches!(self, Self::Identity | Self::Anything);
        [Some(at + 1), repeats.then_some(at)].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::template::Place;

    fn segments(text: &str) -> Vec<Segment> {
        Template::parse(text, Place::Directory).unwrap().segments()
    }

    #[test]
    fn a_directory_is_cut_at_its_slashes() {
        for (text, count) in [("", 0), ("a/", 1), ("a/b/", 2), ("${caller.id}/", 1), ("a/x-${date}-y/${caller.id}/", 3)]
        {
            assert_eq!(segments(text).len(), count, "{text}");
        }
    }

    #[test]
    fn two_segments_can_be_equal_where_some_text_fits_both() {
        for (one, other, expected) in [
            ("a/", "a/", true),
            ("a/", "b/", false),
            ("a/", "ab/", false),
            ("${caller.id}/", "avatars/", true),
            ("${caller.id}/", "two words/", false),
            ("${caller.id}/", "${caller.claims.tenant}/", true),
            ("u-${caller.id}/", "u-/", false),
            ("u-${caller.id}/", "t-${caller.id}/", false),
            ("${caller.id}-u/", "${caller.id}-t/", false),
            ("u-${caller.id}/", "${caller.claims.tenant}-u/", true),
            ("${date}/", "2026-01-31/", true),
            ("${date}/", "2026-01-3x/", false),
            ("${date}/", "avatars/", false),
            ("${date}/", "${caller.id}/", true),
            ("${date}x/", "${date}y/", false),
            ("测试/", "${caller.id}/", false),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(segments(one)[0].can_equal(&segments(other)[0]), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_directory_is_within_one_that_it_begins_with() {
        let within = |inner: &str, outer: &str| {
            let parse = |text| Template::parse(text, Place::Directory).unwrap();
            parse(inner).is_within(&parse(outer))
        };
        assert!(within("a/b/", "a/") && within("a/", "a/") && within("a/${caller.id}/", ""));
        assert!(within("${caller.id}/a/", "${caller.id}/"));
        assert!(!within("a/", "a/b/") && !within("ab/", "a/") && !within("${caller.id}/", "${caller.claims.t}/"));
    }
}
