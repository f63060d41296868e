//! The compact form of a JWT (RFC 7515 §3.1), taken apart and not yet believed.

use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::invalid::InvalidToken;

/// The longest token that is looked at, in bytes; more than servers take for a header.
const MAX_TOKEN: usize = 16 * 1024;

/// A token whose signature nobody has checked.
pub struct UnverifiedToken<'t> {
    pub(super) header: Header,
    pub(super) claims: Map<String, Value>,
    pub(super) signed: &'t str,
    pub(super) signature: Vec<u8>,
}

/// The members of the JOSE header that matter here; those that would bring a key along (`jwk`, `jku`, `x5c`, `x5u`) do
/// not. serde refuses a member that comes twice.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// A JSON object in which no name occurs twice: two readers could take different ones.
struct Object(Map<String, Value>);

impl<'t> UnverifiedToken<'t> {
    /// Takes `text` apart.
    pub fn parse(text: &'t str) -> Result<Self, InvalidToken> {
        if text.len() > MAX_TOKEN {
            return Err(InvalidToken::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(InvalidToken::Malformed)?;
        let header: Header = json(header)?;
        header.check()?;
        let Object(claims) = json(claims)?;
        Ok(Self { header, claims, signed, signature: decoded(signature)? })
    }

    /// Whether `text` has the three parts of a signed token.
    #[must_use]
    pub fn is_like(text: &str) -> bool {
        text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Who says that they issued it.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedToken(…)")
    }
}

impl Header {
    /// Extensions that must be understood are not (RFC 7515 §4.1.11), and a token of another type, such as one for a
    /// logout, proves nothing here (RFC 8725 §3.11).
    fn check(&self) -> Result<(), InvalidToken> {
        let short = |typ: &str| typ.to_ascii_lowercase().trim_start_matches("application/").to_owned();
        match &self.typ {
            _ if self.crit.is_some() => Err(InvalidToken::Critical),
            Some(typ) if !["jwt", "at+jwt"].contains(&short(typ).as_str()) => Err(InvalidToken::Type),
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name occurs twice"));
                    }
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, InvalidToken> {
    serde_json::from_slice(&decoded(part)?).map_err(|_| InvalidToken::Malformed)
}

/// Exactly one text stands for given bytes: no padding, no stray bits.
fn decoded(part: &str) -> Result<Vec<u8>, InvalidToken> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{claims}.AAAA")
    }

    #[test]
    fn three_parts_of_json_and_a_signature_are_a_token() {
        let text = token(r#"{"alg":"RS256","kid":"a","typ":"at+JWT","jku":"https://x"}"#, r#"{"iss":"i"}"#);
        let parsed = UnverifiedToken::parse(&text).unwrap();
        assert_eq!((parsed.header.kid.as_deref(), parsed.issuer()), (Some("a"), Some("i")));
        assert_eq!(parsed.signed, text.rsplit_once('.').unwrap().0);
        assert_eq!(format!("{parsed:?}"), "UnverifiedToken(…)");
    }

    #[test]
    fn anything_else_is_none() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        let cases = [
            (String::new(), InvalidToken::Malformed),
            ("..".into(), InvalidToken::Malformed),
            ("a.b".into(), InvalidToken::Malformed),
            (format!("{good}="), InvalidToken::Malformed),
            (format!("{good}.AAAA"), InvalidToken::Malformed),
            (good.replace("AAAA", "AAB"), InvalidToken::Malformed),
            (token(r#"{"alg":"RS256","alg":"HS256"}"#, "{}"), InvalidToken::Malformed),
            (token(r#"{"alg":1}"#, "{}"), InvalidToken::Malformed),
            (token("{}", "{}"), InvalidToken::Malformed),
            (token(r#"{"alg":"RS256"}"#, "[]"), InvalidToken::Malformed),
            (token(r#"{"alg":"RS256"}"#, r#"{"sub":"a","sub":"b"}"#), InvalidToken::Malformed),
            (token(r#"{"alg":"RS256","crit":["b64"]}"#, "{}"), InvalidToken::Critical),
            (token(r#"{"alg":"RS256","typ":"logout+jwt"}"#, "{}"), InvalidToken::Type),
            ("a".repeat(MAX_TOKEN + 1), InvalidToken::TooLong),
        ];
        for (text, expected) in cases {
            assert_eq!(UnverifiedToken::parse(&text).err(), Some(expected), "{text}");
        }
        assert!(UnverifiedToken::parse(&good).is_ok());
    }
}
