//! Forward-auth: the application is asked who the caller is, with the cookies and headers that it knows its callers by.
//!
//! 200 with an id is a caller, 401 and 403 are a refusal; whatever else it answers, or no answer, is the application's
//! failure, and never makes anyone anonymous.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{ACCEPT, AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use url::Url;

use super::outbound::{NoAnswer, Outbound, Reply};
use super::proof::{Proof, is_repeated_by_browsers};
use super::remembered::{Digest, Remembered};
use super::{Caller, ClaimNames, IdNamespace, Unauthenticated};
use crate::trace;

/// The most callers that are remembered.
const MAX_REMEMBERED: usize = 20_000;

/// What is asked, and with what.
#[derive(Clone, Debug)]
pub struct ForwardSpec {
    /// The address that is asked by GET.
    pub url: Url,
    /// The headers that are passed on.
    pub headers: Vec<HeaderName>,
    /// The cookies that are passed on.
    pub cookies: Vec<String>,
    /// The header of the answer that carries the id; without it, the answer is JSON: `{"id": …, "claims": {…}}`.
    pub id_header: Option<HeaderName>,
    /// Headers of the answer that carry claims, by the names of the claims; only with `id_header`.
    pub claim_headers: Vec<(String, HeaderName)>,
    /// The ids that it may give.
    pub ids: IdNamespace,
    /// How long an answer is remembered.
    pub remember: TimeDelta,
    /// The longest time for an answer.
    pub timeout: Duration,
}

/// Asks the application.
#[derive(Debug)]
pub struct Forward {
    pub(super) spec: ForwardSpec,
    pub(super) outbound: Outbound,
    /// The claims that are kept of an answer; all, unless it is said which.
    kept: Option<Arc<ClaimNames>>,
    remembered: Remembered,
}

/// What is passed on: it says who the caller is, to the application at least.
pub(super) struct Passed {
    headers: HeaderMap,
    digest: Digest,
}

/// What is wrong with the application's answer.
#[derive(Debug, Error)]
pub(super) enum BadAnswer {
    #[error(transparent)]
    None(#[from] NoAnswer),
    #[error("its answer has the status {0}; 200, 401 and 403 have a meaning here")]
    Status(StatusCode),
    #[error("its answer is not JSON of the form {{\"id\": \"…\", \"claims\": {{…}}}}")]
    NotJson,
    #[error("its answer names nobody in {0:?}")]
    NoId(&'static str),
}

/// Who the caller is, as the application says.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Told {
    id: String,
    #[serde(default)]
    claims: Map<String, Value>,
}

impl Forward {
    /// Sets up; nothing is asked yet.
    #[must_use]
    pub fn new(spec: ForwardSpec, outbound: Outbound) -> Self {
        Self { spec, outbound, kept: None, remembered: Remembered::new(MAX_REMEMBERED) }
    }

    /// The same that keeps no other claims of an answer than these.
    #[must_use]
    pub fn keeping(self, names: Arc<ClaimNames>) -> Self {
        Self { kept: Some(names), ..self }
    }

    /// Whether the header `name` is passed on.
    pub(super) fn passes(&self, name: &HeaderName) -> bool {
        self.spec.headers.contains(name)
    }

    /// What of `proof` is passed on; `None` if nothing of it is there. Cookies count only for trusted pages, and a login of
    /// HTTP itself, such as `Basic`, for no foreign page.
    pub(super) fn passed(&self, proof: &Proof<'_>, origins: &[String]) -> Result<Option<Passed>, Unauthenticated> {
        let mut headers = HeaderMap::new();
        for name in &self.spec.headers {
            if let Some(value) = proof.header(name)? {
                headers.insert(name, secret(value)?);
            }
        }
        if headers.get(AUTHORIZATION).is_some_and(is_repeated_by_browsers) && !proof.is_of_no_foreign_page(origins)? {
            return Err(Unauthenticated::Origin);
        }
        let mut cookies = Vec::new();
        for name in &self.spec.cookies {
            if let Some(value) = proof.cookie(name)? {
                cookies.push(format!("{name}={value}"));
            }
        }
        if !cookies.is_empty() {
            if !proof.is_of_trusted_page(origins)? {
                return Err(Unauthenticated::Origin);
            }
            headers.insert(COOKIE, secret(&cookies.join("; "))?);
        }
        Ok((!headers.is_empty()).then(|| Passed::new(headers, &self.spec).traced(proof)))
    }

    /// The caller that the application knows by what is `passed`.
    pub(super) async fn ask(&self, passed: Passed, now: DateTime<Utc>) -> Result<Caller, Unauthenticated> {
        if let Some(caller) = self.remembered.get(&passed.digest, 0, now) {
            return Ok(caller);
        }
        let mut headers = passed.headers;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let reply = self.outbound.get(&self.spec.url, headers, self.spec.timeout).await;
        match reply.map_err(BadAnswer::from).and_then(|reply| self.read(&reply)) {
            Ok(Some(Told { id, claims })) => {
                let caller = Caller::known(self.spec.ids.id(&id)?, claims);
                let caller = self.kept.as_ref().map_or(caller.clone(), |names| caller.with_only(names));
                self.remembered.put(passed.digest, caller.clone(), now + self.spec.remember, 0, now);
                Ok(caller)
            }
            Ok(None) => Err(Unauthenticated::Refused),
            Err(error) => {
                tracing::warn!(url = %self.spec.url, %error, "the application does not say who the caller is");
                Err(Unauthenticated::ForwardUnavailable)
            }
        }
    }

    pub(super) fn read(&self, reply: &Reply) -> Result<Option<Told>, BadAnswer> {
        match reply.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(None),
            other => return Err(BadAnswer::Status(other)),
        }
        match &self.spec.id_header {
            Some(name) => self.of_headers(name, &reply.headers).map(Some),
            None => of_json(&reply.body).map(Some),
        }
    }

    fn of_headers(&self, id: &HeaderName, headers: &HeaderMap) -> Result<Told, BadAnswer> {
        let only = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
        };
        let id = only(id).filter(|id| !id.is_empty()).ok_or(BadAnswer::NoId("auth.forward.id_header"))?;
        let claim = |(name, header): &(String, HeaderName)| Some((name.clone(), Value::from(only(header)?)));
        Ok(Told { id: id.to_owned(), claims: self.spec.claim_headers.iter().filter_map(claim).collect() })
    }
}

impl Passed {
    /// Two sets of values never have one digest: each value is preceded by its name and length.
    fn new(headers: HeaderMap, spec: &ForwardSpec) -> Self {
        let mut hash = Sha256::new();
        for name in spec.headers.iter().chain([&COOKIE]) {
            if let Some(value) = headers.get(name) {
                hash.update(format!("{name} {} ", value.len()));
                hash.update(value);
            }
        }
        Self { digest: hash.finalize().into(), headers }
    }

    /// The same as part of the trace that the request is part of; that says nothing of who the caller is.
    fn traced(mut self, proof: &Proof<'_>) -> Self {
        for (name, value) in trace::passed_on(proof.unverified_headers) {
            self.headers.entry(name).or_insert(value);
        }
        self
    }
}

fn of_json(body: &[u8]) -> Result<Told, BadAnswer> {
    let told: Told = serde_json::from_slice(body).map_err(|_| BadAnswer::NotJson)?;
    if told.id.is_empty() { Err(BadAnswer::NoId("id")) } else { Ok(told) }
}

/// A value that no library's log shows.
fn secret(text: &str) -> Result<HeaderValue, Unauthenticated> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Unauthenticated::UnknownKind)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(id_header: Option<&'static str>) -> Forward {
        let spec = ForwardSpec {
            url: "http://127.0.0.1:1/me".parse().unwrap(),
            headers: vec![HeaderName::from_static("x-session"), AUTHORIZATION],
            cookies: vec!["session".into(), "site".into()],
            id_header: id_header.map(HeaderName::from_static),
            claim_headers: vec![("groups".into(), HeaderName::from_static("remote-groups"))],
            ids: IdNamespace::default(),
            remember: TimeDelta::seconds(10),
            timeout: Duration::from_secs(1),
        };
        Forward::new(spec, Outbound::new().unwrap())
    }

    fn passed(headers: &[(&'static str, &'static str)]) -> Result<Option<Passed>, Unauthenticated> {
        let headers: HeaderMap =
            headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        let proof = Proof { unverified_headers: &headers, authority: Some("vend.example.com"), peer: None };
        forward(None).passed(&proof, &[])
    }

    const OURS: (&str, &str) = ("origin", "https://vend.example.com");

    #[test]
    fn only_what_is_listed_is_passed_on() {
        let all = [("cookie", "a=1; session=x; site=y"), ("x-session", "z"), ("x-other", "t"), OURS];
        let headers = passed(&all).unwrap().unwrap().headers;
        assert_eq!(headers.len(), 2);
        assert_eq!(
            (&headers["cookie"], &headers["x-session"]),
            (&"session=x; site=y".parse().unwrap(), &"z".parse().unwrap())
        );
        assert!(headers.values().all(HeaderValue::is_sensitive));
        assert!(passed(&[("cookie", "a=1"), ("x-other", "t")]).unwrap().is_none());
    }

    #[test]
    fn a_cookie_of_a_foreign_page_counts_for_nothing() {
        assert_eq!(passed(&[("cookie", "session=x")]).err(), Some(Unauthenticated::Origin));
        let foreign = [("cookie", "session=x"), ("origin", "https://evil.example")];
        assert_eq!(passed(&foreign).err(), Some(Unauthenticated::Origin));
        assert!(passed(&[("x-session", "z"), ("origin", "https://evil.example")]).unwrap().is_some());
    }

    #[test]
    fn a_login_that_a_browser_repeats_by_itself_counts_for_no_foreign_page() {
        let from = |origin| passed(&[("authorization", "Basic dXNlcjpwYXNz"), ("origin", origin)]);
        for origin in ["https://evil.example", "null"] {
            assert_eq!(from(origin).err(), Some(Unauthenticated::Origin), "{origin}");
        }
        assert!(from("https://vend.example.com").unwrap().is_some());
        assert!(passed(&[("authorization", "Basic dXNlcjpwYXNz")]).unwrap().is_some(), "a program sends no Origin");
        let own = [("authorization", "Bearer t"), ("origin", "https://evil.example")];
        assert!(passed(&own).unwrap().is_some(), "a page has to know such a token to send it");
    }

    #[test]
    fn two_proofs_have_two_digests() {
        let one = passed(&[("cookie", "session=x"), OURS]).unwrap().unwrap().digest;
        assert_eq!(passed(&[("cookie", "session=x; a=2"), OURS]).unwrap().unwrap().digest, one);
        for other in [
            &[("cookie", "session=y"), OURS][..],
            &[("cookie", "site=x"), OURS],
            &[("x-session", "session=x")],
            &[("cookie", "session=x"), ("x-session", ""), OURS],
        ] {
            assert_ne!(passed(other).unwrap().unwrap().digest, one, "{other:?}");
        }
    }

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Reply { status: StatusCode::from_u16(status).unwrap(), headers: map, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn the_answer_is_read_strictly() {
        let caller = forward(None).read(&reply(200, &[], r#"{"id":"u42","claims":{"admin":true}}"#)).unwrap().unwrap();
        assert_eq!((caller.id.as_str(), caller.claims.get("admin")), ("u42", Some(&Value::Bool(true))));
        for status in [401, 403] {
            assert_eq!(forward(None).read(&reply(status, &[], "")).unwrap(), None);
        }
        for (status, body) in
            [(200, ""), (200, "{}"), (200, r#"{"id":42}"#), (200, r#"{"id":""}"#), (204, ""), (302, ""), (500, "")]
        {
            assert!(forward(None).read(&reply(status, &[], body)).is_err(), "{status} {body}");
        }
    }

    #[test]
    fn headers_may_carry_the_answer() {
        let forward = forward(Some("remote-user"));
        let caller =
            forward.read(&reply(200, &[("remote-user", "u42"), ("remote-groups", "a,b")], "")).unwrap().unwrap();
        assert_eq!((caller.id.as_str(), caller.claims.get("groups")), ("u42", Some(&Value::from("a,b"))));
        for headers in [&[][..], &[("remote-user", "")], &[("remote-user", "a"), ("remote-user", "b")]] {
            assert!(forward.read(&reply(200, headers, r#"{"id":"u42"}"#)).is_err(), "{headers:?}");
        }
    }
}
