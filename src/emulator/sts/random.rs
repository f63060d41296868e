//! Ids and secrets that nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

/// `STS.` and 25 letters or digits.
pub(super) fn key_id() -> String {
    format!("STS.N{}", letters(24))
}

/// 44 letters or digits.
pub(super) fn secret() -> String {
    letters(44)
}

/// 500 to 800 characters of Base64, with `+`, `/` and `=` always among them: what does not encode a token shall fail.
pub(super) fn token() -> String {
    let more = usize::from(bytes(1)[0]) % 64 * 3;
    format!("CAIS+/8/{}", STANDARD.encode(bytes(371 + more)))
}

/// An upper-case UUID, as every answer of STS carries one.
pub(super) fn request_id() -> String {
    Uuid::new_v4().hyphenated().to_string().to_uppercase()
}

fn letters(count: usize) -> String {
    let letters = bytes(count * 2).into_iter().filter(u8::is_ascii_alphanumeric).map(char::from);
    let mut text: String = letters.take(count).collect();
    while text.len() < count {
        text.extend(bytes(16).into_iter().filter(u8::is_ascii_alphanumeric).map(char::from).take(count - text.len()));
    }
    text
}

/// Random bytes; six bits of each sixteen are fixed by the form of a UUID.
fn bytes(count: usize) -> Vec<u8> {
    std::iter::repeat_with(|| Uuid::new_v4().into_bytes()).flatten().take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_every_awkward_character_and_a_fitting_length() {
        for _ in 0..100 {
            let token = token();
            assert!((500..=800).contains(&token.len()), "{}", token.len());
            assert!(['+', '/', '='].iter().all(|awkward| token.contains(*awkward)));
        }
    }

    #[test]
    fn ids_and_secrets_have_their_lengths_and_differ() {
        assert_eq!((key_id().len(), secret().len()), (29, 44));
        assert_ne!(secret(), secret());
    }
}
