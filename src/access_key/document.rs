//! The JSON in which keys are handed on: by a file, a URI, the metadata service, a command.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::error::Fault;
use crate::keys::{AccessKey, Secret};

/// A key and how long it is good.
#[derive(Clone, Debug)]
pub(super) struct Obtained {
    pub(super) key: AccessKey,
    /// When it ends; one that does not say lasts until it is replaced.
    pub(super) expiration: Option<DateTime<Utc>>,
    /// The SHA-256 of the file it comes from, by which a change is seen.
    pub(super) fingerprint: Option<[u8; 32]>,
}

/// Whether the field `Code`, by which a service says that all is well, must be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Code {
    Required,
    Optional,
}

/// `{"AccessKeyId","AccessKeySecret","SecurityToken"?,"Expiration"?,"Code"?}`; other members are left alone.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_key_secret: Option<Secret>,
    #[serde(default, deserialize_with = "secret")]
    security_token: Option<Secret>,
    expiration: Option<String>,
    code: Option<String>,
}

/// Reads `text`. The words of a parse error are dropped: they repeat the text, which may be a secret.
pub(super) fn read(text: &[u8], code: Code) -> Result<Obtained, Fault> {
    let document: Document = serde_json::from_slice(text).map_err(|_| Fault::Shape("the documented JSON"))?;
    match document.code.as_deref() {
        Some("Success") => {}
        None if code == Code::Optional => {}
        None => return Err(Fault::Lacks("Code")),
        Some(other) => return Err(Fault::Unsuccessful(name(other))),
    }
    let key = key(document.access_key_id, document.access_key_secret, document.security_token)?;
    let expiration = document.expiration.filter(|text| !text.is_empty()).as_deref().map(time).transpose()?;
    Ok(Obtained { key, expiration, fingerprint: None })
}

/// The key of these parts, each of which can stand in a header.
pub(super) fn key(id: Option<String>, secret: Option<Secret>, token: Option<Secret>) -> Result<AccessKey, Fault> {
    let id = id.filter(|id| !id.is_empty()).ok_or(Fault::Lacks("AccessKeyId"))?;
    let secret = secret.filter(|secret| !secret.expose().is_empty()).ok_or(Fault::Lacks("AccessKeySecret"))?;
    let token = token.filter(|token| !token.expose().is_empty());
    let parts = [("AccessKeyId", Some(id.as_str())), ("AccessKeySecret", Some(secret.expose()))];
    for (part, text) in parts.into_iter().chain([("SecurityToken", token.as_ref().map(Secret::expose))]) {
        if !text.unwrap_or_default().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::Malformed(part));
        }
    }
    if id.starts_with("STS.") && token.is_none() {
        return Err(Fault::Lacks("SecurityToken, which a temporary key (STS.…) needs"));
    }
    Ok(AccessKey { id, secret, token })
}

fn time(text: &str) -> Result<DateTime<Utc>, Fault> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| Fault::Malformed("Expiration"))
}

/// What a service said in one word, if it is one word.
fn name(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) { text.to_owned() } else { "…".to_owned() }
}

pub(super) fn secret<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(value)?.map(Secret::new))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn full() -> Value {
        json!({"AccessKeyId": "STS.id", "AccessKeySecret": "hush", "SecurityToken": "CAIS+/=",
               "Expiration": "2026-01-01T01:00:00Z", "Code": "Success", "LastUpdated": "x"})
    }

    fn changed(name: &str, value: Value) -> Result<Obtained, Fault> {
        let mut document = full();
        document[name] = value;
        read(document.to_string().as_bytes(), Code::Required)
    }

    #[test]
    fn the_documented_answer_is_a_key() {
        let obtained = changed("Code", json!("Success")).unwrap();
        assert_eq!((obtained.key.id.as_str(), obtained.key.secret.expose()), ("STS.id", "hush"));
        assert_eq!(obtained.key.token.unwrap().expose(), "CAIS+/=");
        assert_eq!(obtained.expiration.unwrap().to_rfc3339(), "2026-01-01T01:00:00+00:00");
        let lasting = read(br#"{"AccessKeyId":"LTAI","AccessKeySecret":"s"}"#, Code::Optional).unwrap();
        assert!(lasting.key.token.is_none() && lasting.expiration.is_none());
    }

    #[test]
    fn what_is_not_whole_is_no_key() {
        for (name, value, told) in [
            ("AccessKeyId", json!(""), "there is no AccessKeyId"),
            ("AccessKeyId", json!(null), "there is no AccessKeyId"),
            ("AccessKeySecret", json!(null), "there is no AccessKeySecret"),
            ("SecurityToken", json!(null), "there is no SecurityToken"),
            ("AccessKeySecret", json!("hush\n"), "AccessKeySecret is malformed"),
            ("SecurityToken", json!("a b"), "SecurityToken is malformed"),
            ("Expiration", json!("tomorrow"), "Expiration is malformed"),
            ("Code", json!("Failed"), "its Code is \"Failed\""),
            ("Code", json!("a\nb"), "its Code is \"…\""),
            ("Code", json!(null), "there is no Code"),
            ("AccessKeySecret", json!(["hush"]), "what was read is not the documented JSON"),
        ] {
            let fault = changed(name, value).unwrap_err();
            assert!(fault.to_string().starts_with(told), "{fault}");
            assert!(!format!("{fault:?}").contains("hush"));
        }
        for text in ["", "<html>", "[]", "{\"AccessKeyId\":\"a\",\"AccessKeySecret\":\"hush"] {
            assert!(matches!(read(text.as_bytes(), Code::Optional), Err(Fault::Shape(_))), "{text}");
        }
    }
}
