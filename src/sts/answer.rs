//! What STS granted, parsed strictly: a session key that is not whole is no session key.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::error::{Flaw, StsError};
use super::reply::Reply;
use crate::keys::{AccessKey, Secret, SessionKey};

/// What STS granted.
#[derive(Debug)]
pub struct Assumed {
    /// The temporary key and its life.
    pub session_key: SessionKey,
    /// STS's id of the request, to be quoted to Alibaba Cloud's support.
    pub request_id: String,
    /// STS's time when it answered, to correct the clock by.
    pub server_date: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Granted {
    request_id: Option<String>,
    credentials: Option<Credentials>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_key_secret: Option<Secret>,
    #[serde(default, deserialize_with = "secret")]
    security_token: Option<Secret>,
    expiration: Option<String>,
}

impl Assumed {
    /// Sorts the answer to a request that was made at `issued`.
    pub(super) fn read(reply: &Reply, issued: DateTime<Utc>) -> Result<Self, StsError> {
        if reply.status.is_redirection() {
            return Err(reply.invalid(Flaw::Redirect));
        }
        if !reply.status.is_success() {
            return Err(reply.refusal());
        }
        Self::parse(reply, issued).map_err(|flaw| reply.invalid(flaw))
    }

    fn parse(reply: &Reply, issued: DateTime<Utc>) -> Result<Self, Flaw> {
        let granted: Granted = reply.json()?;
        let credentials = granted.credentials.ok_or(Flaw::Missing("Credentials"))?;
        Ok(Self {
            request_id: visible("RequestId", granted.request_id, String::as_str)?,
            session_key: credentials.session_key(issued)?,
            server_date: reply.notes.date,
        })
    }
}

impl Credentials {
    fn session_key(self, issued: DateTime<Utc>) -> Result<SessionKey, Flaw> {
        let access_key = AccessKey {
            id: visible("AccessKeyId", self.access_key_id, String::as_str)?,
            secret: visible("AccessKeySecret", self.access_key_secret, Secret::expose)?,
            token: Some(visible("SecurityToken", self.security_token, Secret::expose)?),
        };
        let expiration = visible("Expiration", self.expiration, String::as_str)?;
        let expiration = utc(&expiration).ok_or(Flaw::Malformed("Expiration"))?;
        Ok(SessionKey::new(access_key, issued, expiration))
    }
}

/// The value of a field that must be there, and that goes into headers and URLs: visible ASCII, and some of it.
fn visible<T>(field: &'static str, value: Option<T>, text: impl Fn(&T) -> &str) -> Result<T, Flaw> {
    let value = value.filter(|value| !text(value).is_empty()).ok_or(Flaw::Missing(field))?;
    if text(&value).bytes().all(|byte| byte.is_ascii_graphic()) { Ok(value) } else { Err(Flaw::Malformed(field)) }
}

/// RFC 3339 in UTC; the official SDKs insist on the `Z` too.
fn utc(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(text).ok()?;
    text.ends_with('Z').then(|| moment.to_utc())
}

fn secret<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(value)?.map(Secret::new))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    fn documented() -> Value {
        json!({
            "RequestId": "6894B13B-6D71-4EF5-88FA-F32781734A7F",
            "AssumedRoleUser": {"Arn": "acs:ram::1:role/r/s", "AssumedRoleId": "3:s"},
            "Credentials": {"AccessKeyId": "STS.id", "AccessKeySecret": "hush", "SecurityToken": "CAIS+/=",
                            "Expiration": "2026-01-01T01:00:00Z"}
        })
    }

    fn read(body: &impl ToString) -> Result<Assumed, StsError> {
        let reply = Reply::new(StatusCode::OK, "", body.to_string());
        Assumed::read(&reply, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn flaw(body: &impl ToString) -> Flaw {
        match read(body).unwrap_err() {
            StsError::InvalidAnswer { status: 200, flaw } => flaw,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_documented_answer_is_a_session_key() {
        let assumed = read(&documented()).unwrap();
        let key = &assumed.session_key;
        assert_eq!(assumed.request_id, "6894B13B-6D71-4EF5-88FA-F32781734A7F");
        assert_eq!((key.access_key.id.as_str(), key.access_key.secret.expose()), ("STS.id", "hush"));
        assert_eq!(key.token().expose(), "CAIS+/=");
        assert_eq!(key.issued.to_rfc3339(), "2026-01-01T00:00:00+00:00");
        assert_eq!(key.expiration.to_rfc3339(), "2026-01-01T01:00:00+00:00");
    }

    #[test]
    fn a_field_that_is_absent_null_or_empty_is_missing() {
        for field in ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"] {
            for lack in [None, Some(Value::Null), Some(json!(""))] {
                let mut answer = documented();
                let credentials = answer["Credentials"].as_object_mut().unwrap();
                match lack {
                    Some(value) => credentials.insert(field.into(), value),
                    None => credentials.remove(field),
                };
                assert_eq!(flaw(&answer), Flaw::Missing(field));
            }
        }
        assert_eq!(flaw(&"{}"), Flaw::Missing("Credentials"));
        assert_eq!(flaw(&r#"{"Credentials":{}}"#), Flaw::Missing("RequestId"));
    }

    #[test]
    fn an_expiration_is_rfc_3339_with_a_z() {
        for text in
            ["tomorrow", "2026-01-01T01:00:00+08:00", "2026-01-01T01:00:00+00:00", "2026-01-01T01:00:00", "1767225600"]
        {
            let mut answer = documented();
            answer["Credentials"]["Expiration"] = json!(text);
            assert_eq!(flaw(&answer), Flaw::Malformed("Expiration"), "{text}");
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        for (field, text) in [("SecurityToken", "a\r\nb"), ("AccessKeyId", "STS id"), ("AccessKeySecret", "钥")] {
            let mut answer = documented();
            answer["Credentials"][field] = json!(text);
            assert_eq!(flaw(&answer), Flaw::Malformed(field));
        }
    }

    #[test]
    fn what_is_not_the_documented_json_is_refused_without_repeating_it() {
        for body in [
            "",
            "<html>",
            "[]",
            r#"{"Credentials":"hush"}"#,
            r#"{"Credentials":{"SecurityToken":7}}"#,
            r#"{"RequestId":"a","RequestId":"b"}"#,
        ] {
            assert_eq!(flaw(&body), Flaw::NotJson, "{body}");
            assert!(!format!("{:?}", read(&body)).contains("hush"));
        }
    }

    #[test]
    fn debug_shows_neither_secret_nor_token() {
        let shown = format!("{:?}", read(&documented()).unwrap());
        assert!(!shown.contains("hush") && !shown.contains("CAIS"), "{shown}");
    }
}
