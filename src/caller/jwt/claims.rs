//! What a verified token has to say (RFC 7519 §4.1). Types are strict: a number in quotes is no number.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::super::{Caller, IdNamespace};
use super::invalid::InvalidToken;

/// The seconds that are taken for a time: up to the year 9999, beyond which nobody means one.
const TIMES: std::ops::Range<i64> = 0..253_402_300_800;

/// What an issuer's tokens have to say to prove a caller.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// `iss`, compared whole.
    pub issuer: String,
    /// `aud` has to name one of these; with none listed it is not looked at.
    pub audiences: Vec<String>,
    /// The claim that is the caller's id, a text.
    pub id_claim: String,
    /// The ids that its tokens may give.
    pub ids: IdNamespace,
    /// Claims that have to be there with exactly these values.
    pub required: Map<String, Value>,
    /// How far the issuer's clock may be from ours.
    pub leeway: TimeDelta,
}

/// A caller, and until when the token speaks for it.
pub(super) struct Proven {
    pub(super) caller: Caller,
    pub(super) until: DateTime<Utc>,
}

impl Expected {
    /// Judges the claims of a token whose signature holds.
    pub(super) fn check(&self, claims: Map<String, Value>, now: DateTime<Utc>) -> Result<Proven, InvalidToken> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(InvalidToken::Issuer);
        }
        self.audience(claims.get("aud"))?;
        let until = moment(&claims, "exp")?.ok_or_else(|| missing("exp", "a time"))? + self.leeway;
        if now >= until {
            return Err(InvalidToken::Expired);
        }
        if moment(&claims, "nbf")?.is_some_and(|start| now < start - self.leeway) {
            return Err(InvalidToken::NotYet);
        }
        if let Some((name, _)) = self.required.iter().find(|(name, value)| claims.get(*name) != Some(*value)) {
            return Err(InvalidToken::Required(name.clone()));
        }
        let id = claims.get(&self.id_claim).and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = self.ids.id(id.ok_or_else(|| missing(&self.id_claim, "a text"))?)?;
        Ok(Proven { caller: Caller::known(id, claims), until })
    }

    /// `aud` is one text or a list of texts.
    fn audience(&self, named: Option<&Value>) -> Result<(), InvalidToken> {
        let expected = "a text or a list of texts";
        let ours = |name: &Value| name.as_str().map(|name| self.audiences.iter().any(|ours| ours == name));
        let found = match named {
            None => self.audiences.is_empty().then_some(true),
            Some(Value::Array(list)) => {
                list.iter().map(ours).collect::<Option<Vec<_>>>().map(|found| found.contains(&true))
            }
            Some(name) => ours(name),
        };
        match found {
            None => Err(missing("aud", expected)),
            Some(found) if found || self.audiences.is_empty() => Ok(()),
            Some(_) => Err(InvalidToken::Audience),
        }
    }
}

/// A `NumericDate` (RFC 7519 §2); a fraction of a second is cut off.
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, InvalidToken> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is to be cut off, and the range is checked")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    let moment = seconds.filter(|seconds| TIMES.contains(seconds));
    let moment = moment.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    moment.map(Some).ok_or_else(|| missing(name, "a time in seconds"))
}

fn missing(name: &str, expected: &'static str) -> InvalidToken {
    InvalidToken::Claim { name: name.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::caller::ReservedId;

    const NOW: i64 = 1_767_225_600;

    fn expected() -> Expected {
        Expected {
            issuer: "https://login.example.com".into(),
            audiences: vec!["uploads".into(), "web".into()],
            id_claim: "sub".into(),
            required: json!({ "verified": true }).as_object().unwrap().clone(),
            ..Expected::default()
        }
    }

    fn good() -> Map<String, Value> {
        let claims = json!({
            "iss": "https://login.example.com", "aud": "uploads", "sub": "u42", "exp": NOW + 60, "verified": true,
        });
        claims.as_object().unwrap().clone()
    }

    fn check(expected: &Expected, changes: &Value) -> Result<Caller, InvalidToken> {
        let mut claims = good();
        claims.extend(changes.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        expected.check(claims, DateTime::from_timestamp(NOW, 0).unwrap()).map(|proven| proven.caller)
    }

    fn ids(prefix: &str, reserved: &[&str]) -> IdNamespace {
        IdNamespace { prefix: prefix.into(), reserved: reserved.iter().map(|prefix| (*prefix).into()).collect() }
    }

    #[test]
    fn a_subject_that_begins_with_the_prefix_of_another_source_is_refused() {
        let plain = Expected { ids: ids("", &["u4"]), ..expected() };
        assert_eq!(check(&plain, &json!({})), Err(InvalidToken::ReservedId(ReservedId)));
        assert!(check(&plain, &json!({ "sub": "u" })).is_ok());
    }

    fn claim(name: &str, expected: &'static str) -> InvalidToken {
        missing(name, expected)
    }

    #[test]
    fn what_fits_is_a_caller_with_its_claims() {
        for changes in [
            json!({}),
            json!({ "aud": ["other", "web"] }),
            json!({ "nbf": NOW, "exp": NOW + 1 }),
            json!({ "exp": f64::from(2_000_000_000) + 0.5 }),
            json!({ "level": 3 }),
        ] {
            let caller = check(&expected(), &changes).unwrap_or_else(|error| panic!("{changes}: {error}"));
            assert_eq!((caller.id(), caller.claim("verified")), (Some("u42"), Some(&json!(true))));
        }
    }

    #[test]
    fn what_does_not_is_told_apart() {
        let time = "a time in seconds";
        for (changes, error) in [
            (json!({ "iss": "https://login.example.com/" }), InvalidToken::Issuer),
            (json!({ "iss": 1 }), InvalidToken::Issuer),
            (json!({ "iss": null }), InvalidToken::Issuer),
            (json!({ "aud": "upload" }), InvalidToken::Audience),
            (json!({ "aud": [] }), InvalidToken::Audience),
            (json!({ "aud": 7 }), claim("aud", "a text or a list of texts")),
            (json!({ "aud": ["uploads", 7] }), claim("aud", "a text or a list of texts")),
            (json!({ "aud": null }), claim("aud", "a text or a list of texts")),
            (json!({ "exp": NOW }), InvalidToken::Expired),
            (json!({ "exp": NOW - 1 }), InvalidToken::Expired),
            (json!({ "exp": (NOW + 60).to_string() }), claim("exp", time)),
            (json!({ "exp": true }), claim("exp", time)),
            (json!({ "exp": 1e300 }), claim("exp", time)),
            (json!({ "exp": null }), claim("exp", "a time")),
            (json!({ "nbf": NOW + 1 }), InvalidToken::NotYet),
            (json!({ "nbf": "0" }), claim("nbf", time)),
            (json!({ "verified": "true" }), InvalidToken::Required("verified".into())),
            (json!({ "verified": 1 }), InvalidToken::Required("verified".into())),
            (json!({ "verified": null }), InvalidToken::Required("verified".into())),
            (json!({ "sub": 42 }), claim("sub", "a text")),
            (json!({ "sub": "" }), claim("sub", "a text")),
            (json!({ "sub": ["u42"] }), claim("sub", "a text")),
            (json!({ "sub": null }), claim("sub", "a text")),
        ] {
            assert_eq!(check(&expected(), &changes), Err(error), "{changes}");
        }
    }

    #[test]
    fn leeway_stretches_both_ends() {
        let lenient = Expected { leeway: TimeDelta::seconds(30), ..expected() };
        assert!(check(&lenient, &json!({ "exp": NOW - 29, "nbf": NOW + 30 })).is_ok());
        assert_eq!(check(&lenient, &json!({ "exp": NOW - 30 })), Err(InvalidToken::Expired));
        assert_eq!(check(&lenient, &json!({ "nbf": NOW + 31 })), Err(InvalidToken::NotYet));
    }

    #[test]
    fn a_prefix_and_another_claim_make_the_id() {
        let other = Expected { id_claim: "email".into(), ids: ids("acme.", &[]), audiences: Vec::new(), ..expected() };
        let caller = check(&other, &json!({ "email": "a@b", "aud": "whoever" })).unwrap();
        assert_eq!(caller.id(), Some("acme.a@b"));
        assert!(check(&other, &json!({ "email": "a@b", "aud": null })).is_ok());
    }
}
