//! The one percent-encoder (RFC 3986), for canonical text and for the URLs that are sent.

use std::borrow::Cow;

/// Appends `text` as one part of a URL: all but `A-Z a-z 0-9 - . _ ~` is escaped, the slash too.
pub fn push_value(out: &mut String, text: &str) {
    push(out, text, VALUE);
}

/// Appends `text` as a path: as [`push_value`] does, but a slash stays a slash.
pub fn push_path(out: &mut String, text: &str) {
    push(out, text, PATH);
}

/// `text` as one part of a URL, borrowed where nothing needs an escape. See [`push_value`].
#[must_use]
pub fn value(text: &str) -> Cow<'_, str> {
    encoded(text, VALUE)
}

/// `text` as a path: as [`value`] does, but a slash stays a slash.
#[must_use]
pub fn path(text: &str) -> Cow<'_, str> {
    encoded(text, PATH)
}

/// Set in [`KEPT`] for bytes that stay in a part of a URL.
const VALUE: u8 = 1;
/// Set in [`KEPT`] for bytes that stay in a path.
const PATH: u8 = 2;

/// Where each byte may stay as it is.
const KEPT: [u8; 256] = {
    let mut kept = [0; 256];
    let mut byte: u8 = 0;
    while byte < 0x80 {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            kept[byte as usize] = VALUE | PATH;
        }
        byte += 1;
    }
    kept[b'/' as usize] = PATH;
    kept
};

/// `%00%01…%FF`: the escape of byte `b` stands at `3 * b`.
const ESCAPES: &str = {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    const BYTES: [u8; 768] = {
        let mut bytes = [b'%'; 768];
        let mut byte = 0;
        while byte < 256 {
            bytes[3 * byte + 1] = DIGITS[byte >> 4];
            bytes[3 * byte + 2] = DIGITS[byte & 15];
            byte += 1;
        }
        bytes
    };
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("digits and percent signs are ASCII"),
    }
};

fn encoded(text: &str, class: u8) -> Cow<'_, str> {
    if stays(text, class) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    push(&mut out, text, class);
    Cow::Owned(out)
}

/// Most texts stay as they are, which is seen quicker without a way out of the loop.
fn stays(text: &str, class: u8) -> bool {
    text.bytes().fold(class, |kept, byte| kept & KEPT[usize::from(byte)]) != 0
}

/// Copies runs that stay in one piece: a token is mostly letters, and it is 1,000 bytes long.
fn push(out: &mut String, text: &str, class: u8) {
    if stays(text, class) {
        return out.push_str(text);
    }
    let mut run = 0;
    for (at, byte) in text.bytes().enumerate() {
        if KEPT[usize::from(byte)] & class != 0 {
            continue;
        }
        if run < at {
            out.push_str(&text[run..at]);
        }
        let escape = 3 * usize::from(byte);
        out.push_str(&ESCAPES[escape..escape + 3]);
        run = at + 1;
    }
    out.push_str(&text[run..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(text: &str) -> String {
        let pair = format!("name={text}");
        url::form_urlencoded::parse(pair.as_bytes()).next().expect("one pair").1.into_owned()
    }

    #[test]
    fn only_the_unreserved_stay() {
        let ascii: String = (0..0x80).map(char::from).collect();
        let kept: String = value(&ascii).split('%').map(|part| part.get(2..).unwrap_or_default()).collect();
        assert_eq!(kept, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
    }

    #[test]
    fn escapes_are_upper_case_and_byte_by_byte() {
        assert_eq!(value("a b+c%d*'()!é测😀"), "a%20b%2Bc%25d%2A%27%28%29%21%C3%A9%E6%B5%8B%F0%9F%98%80");
        assert_eq!(value("/"), "%2F");
    }

    #[test]
    fn a_path_keeps_its_slashes_and_escapes_the_rest_alike() {
        assert_eq!(path("a/b c/+"), "a/b%20c/%2B");
    }

    #[test]
    fn what_needs_no_escape_is_not_copied() {
        assert!(matches!(value("plain-text_1.0~"), Cow::Borrowed(_)));
        assert!(matches!(value(""), Cow::Borrowed("")));
    }

    proptest! {
        #[test]
        fn decoding_gives_the_text_back(text in any::<String>()) {
            prop_assert_eq!(decoded(&value(&text)), text.as_str());
            prop_assert_eq!(decoded(&path(&text)), text.as_str());
        }
    }
}
