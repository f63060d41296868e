//! Texts as JSON has them, for what is written by hand because it is written with every answer.
//!
//! Tokens, keys and addresses mostly need no escape. To see that takes a look at sixteen bytes at a time, and then they
//! are copied; a general writer looks each byte up in a table.

/// Where a byte has to be escaped.
const ESCAPED: [u8; 256] = {
    let mut escaped = [0; 256];
    let mut byte: u8 = 0;
    while byte < 0x80 {
        escaped[byte as usize] = is_escaped(byte);
        byte += 1;
    }
    escaped
};

const fn is_escaped(byte: u8) -> u8 {
    (byte < 0x20) as u8 | (byte == b'"') as u8 | (byte == b'\\') as u8
}

/// Whether `text` needs no escape.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    // Bytes that are added up, without a way out of the loop, are looked at many at once, if they are many.
    let (many, rest) = text.as_bytes().as_chunks::<32>();
    let found = many.as_flattened().iter().fold(0, |found, byte| found | is_escaped(*byte));
    rest.iter().fold(found, |found, byte| found | ESCAPED[usize::from(*byte)]) == 0
}

/// Appends `text` in quotes.
///
/// # Panics
/// Never: every text is JSON.
pub fn push_text(out: &mut String, text: &str) {
    if !is_plain(text) {
        return out.push_str(&serde_json::to_string(text).expect("every text is JSON"));
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
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
    }
}
