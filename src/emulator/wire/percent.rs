//! Percent-encoding as all schemes have it: unreserved characters stand for themselves, all else is `%XX` in upper case.

use std::fmt::Write as _;

/// Encodes every byte that is not in `A-Z a-z 0-9 - _ . ~`.
pub(crate) fn encode(text: &str) -> String {
    encode_but(text, |_| false)
}

/// As [`encode`], but lets `/` stand.
pub(crate) fn encode_path(path: &str) -> String {
    encode_but(path, |byte| byte == b'/')
}

/// Undoes percent-encoding; `+` stays a plus. `None` for a `%` without two hex digits behind it or for bytes that are no UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            literal => literal,
        });
    }
    String::from_utf8(decoded).ok()
}

fn encode_but(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || keep(byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes every write");
        }
    }
    encoded
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plus_in_a_path_is_a_plus_and_a_broken_escape_is_refused() {
        assert_eq!(decode("a+b%2Bc%20d").as_deref(), Some("a+b+c d"));
        for broken in ["%", "%2", "%zz", "a%+1", "%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn only_unreserved_characters_stand_for_themselves() {
        assert_eq!(encode("aZ9-_.~ /*'é"), "aZ9-_.~%20%2F%2A%27%C3%A9");
        assert_eq!(encode_path("a/b c"), "a/b%20c");
    }

    proptest! {
        #[test]
        fn every_text_survives_the_round(text in ".*") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }

        #[test]
        fn no_text_makes_decoding_panic(text in ".*") {
            let _ = decode(&text);
        }
    }
}
