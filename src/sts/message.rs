//! What STS said in words: for the log alone.

use std::fmt::{self, Debug, Formatter};

/// STS's own words, made safe for a log line. Only [`Message::as_str`] shows them: they are no part of an answer to a caller.
#[derive(Clone)]
pub struct Message(String);

/// Enough for any sentence of STS; what is longer is an echo of the request.
const MAX_CHARACTERS: usize = 500;

/// Keys and signatures are at least this long; the words of a sentence are shorter.
const KEY_LENGTH: usize = 20;

/// Where a signature error goes on to repeat what was signed, token included; compared in lower case.
const ECHOES: [&str; 5] = ["string to sign", "stringtosign", "canonical", "&%2f&", "acs3-hmac-sha256"];

impl Message {
    /// Takes `said` without what it repeats of the request, without what may be a key, on one line of at most 500 characters.
    #[must_use]
    pub fn new(said: &str) -> Self {
        let lower = said.to_ascii_lowercase();
        let end = ECHOES.iter().filter_map(|echo| lower.find(echo)).min().unwrap_or(said.len());
        Self(without_keys(&said[..end]).chars().take(MAX_CHARACTERS).collect())
    }

    /// The words, for the log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Debug for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Message(…)")
    }
}

/// Writes `…` for every run of Base64 characters that is long enough for a key, and a space for every control character.
fn without_keys(said: &str) -> String {
    let mut clean = String::with_capacity(said.len());
    let mut rest = said;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c: char| !is_base64(c)).unwrap_or(rest.len());
        match run {
            0 => clean.push(if first.is_control() { ' ' } else { first }),
            1..KEY_LENGTH => clean.push_str(&rest[..run]),
            _ => clean.push('…'),
        }
        rest = &rest[run.max(first.len_utf8())..];
    }
    clean
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sts_repeats_of_the_request_is_cut_off() {
        for said in [
            "Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3Dx",
            "Specified signature is not matched with our calculation. StringToSign: POST",
            "Specified signature is not matched with our calculation. CanonicalRequest: POST",
            "Specified signature is not matched with our calculation. ACS3-HMAC-SHA256\nabc",
        ] {
            let message = Message::new(said);
            assert!(message.as_str().starts_with("Specified signature is not matched with our calculation."), "{said}");
            for echo in ["POST", "abc", "AccessKeyId"] {
                assert!(!message.as_str().contains(echo), "{said}");
            }
        }
    }

    #[test]
    fn what_may_be_a_key_is_left_out() {
        for (said, kept) in [
            ("The role not exists: acs:ram::1234567890123456:role/oss-upload.", None),
            ("Key STS.NUabcdefghij0123456789ABC is gone", Some("Key STS.… is gone")),
            ("token CAIS+/abcdefghij0123456789==, expired", Some("token …, expired")),
            ("id 6894B13B-6D71-4EF5-88FA-F32781734A7F", None),
            ("角色不存在\r\nforged line", Some("角色不存在  forged line")),
        ] {
            assert_eq!(Message::new(said).as_str(), kept.unwrap_or(said));
        }
    }

    #[test]
    fn a_long_message_is_cut_at_500_characters() {
        assert_eq!(Message::new(&"角 ".repeat(400)).as_str().chars().count(), 500);
    }

    #[test]
    fn debug_does_not_show_the_words() {
        assert_eq!(format!("{:?}", Message::new("words")), "Message(…)");
    }
}
