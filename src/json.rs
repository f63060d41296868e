//! Texts as JSON has them, for what is written by hand because it is written with every answer.
//!
//! Tokens, keys and addresses mostly need no escape. To see that takes a look at sixteen bytes at a time, and then they
//! are copied; a general writer looks each byte up in a table.

/// Whether `text` needs no escape.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    // Bytes that are added up, without a way out of the loop, are looked at many at once.
    let escape = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    text.bytes().fold(0, |found, byte| found | escape(byte)) == 0
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
