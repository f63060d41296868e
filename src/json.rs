//! Texts as JSON has them, for what is written by hand because it is written with every answer.
//!
//! Tokens, keys and addresses mostly need no escape. To see that takes a look at sixteen bytes at a time, and then they
//! are copied; a general writer looks each byte up in a table.

/// How many bytes the processor looks at in one go.
const WIDE: usize = 16;

/// Which bytes need an escape.
const ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[b'"' as usize] = true;
    escaped[b'\\' as usize] = true;
    escaped
};

/// Whether `text` needs no escape.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.last_chunk::<WIDE>() {
        // What does not fill the last place is looked at twice, rather than byte by byte.
        Some(last) => !any_escaped(bytes.as_chunks::<WIDE>().0.as_flattened()) && !any_escaped(last),
        None => !bytes.iter().fold(false, |found, byte| found | ESCAPED[usize::from(*byte)]),
    }
}

/// Bytes that are added up, without a way out of the loop, are looked at many at once.
#[inline]
fn any_escaped(bytes: &[u8]) -> bool {
    let escape = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    bytes.iter().fold(0, |found, byte| found | escape(*byte)) != 0
}

/// An empty text with room for `bytes`, and for more up to a power of two: of some kilobytes, the allocator has such at hand
/// and has to look for others.
#[must_use]
pub fn with_room(bytes: usize) -> String {
    String::with_capacity(bytes.next_power_of_two())
}

/// Appends `text` in quotes.
///
/// # Panics
/// Never: every text is JSON.
pub fn push_text(out: &mut String, text: &str) {
    if !is_plain(text) {
        return out.push_str(&serde_json::to_string(text).expect("every text is JSON"));
    }
    push_plain(out, text);
}

/// Appends in quotes what [`is_plain`].
pub fn push_plain(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// Appends `number`.
pub fn push_number(out: &mut String, number: u64) {
    out.push_str(itoa::Buffer::new().format(number));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_general_writer_makes_the_same_of_a_text(text in any::<String>()) {
            let mut out = String::new();
            push_text(&mut out, &text);
            prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn and_of_a_number(number in any::<u64>()) {
            let mut out = String::new();
            push_number(&mut out, number);
            prop_assert_eq!(out, number.to_string());
        }
    }
}
