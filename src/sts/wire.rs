//! One signed request: where each parameter stands, in both signature schemes.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::{Position, Url};

use super::error::StsError;
use super::request::{AssumeRole, SignatureScheme};
use crate::keys::AccessKey;
use crate::signing::rpc::Parameters;
use crate::signing::{Stamp, acs3, rpc};

/// Whom to ask, and in which scheme.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// A bare origin.
    pub(super) endpoint: Url,
    pub(super) scheme: SignatureScheme,
}

/// A request as it goes out, by POST.
pub(super) struct Wire {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

const ACTION: &str = "AssumeRole";
pub(super) const VERSION: &str = "2015-04-01";
const NAMED: [(&str, &str); 2] = [("x-acs-action", ACTION), ("x-acs-version", VERSION)];

impl Target {
    pub(super) fn sign(
        &self,
        request: &AssumeRole<'_>,
        access_key: &AccessKey,
        stamp: Stamp<'_>,
    ) -> Result<Wire, StsError> {
        let duration = request.duration_seconds.to_string();
        let parameters = request.parameters(&duration);
        match self.scheme {
            SignatureScheme::Acs3 => self.by_acs3(&parameters, access_key, stamp),
            SignatureScheme::Rpc => Ok(self.by_rpc(parameters, access_key, stamp)),
        }
    }

    /// Business parameters in the query, all else in headers, an empty body: so the current STS SDKs do it.
    fn by_acs3(&self, parameters: &Parameters<'_>, access_key: &AccessKey, stamp: Stamp<'_>) -> Result<Wire, StsError> {
        let [action, version] = NAMED;
        let request = acs3::Request {
            method: "POST",
            path: self.endpoint.path(),
            query: parameters,
            headers: &[("host", self.host()), action, version],
            body_sha256: &acs3::body_sha256(b""),
        };
        let mut headers = accept_json();
        // The HTTP library is silent about an empty body, and some gateways answer a POST without a length with 411.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        for (name, value) in NAMED {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in acs3::sign(&request, access_key, stamp) {
            headers.insert(name, hidden(&value)?);
        }
        let mut url = self.endpoint.clone();
        url.set_query(Some(&rpc::canonical_query(parameters)));
        Ok(Wire { url, headers, body: String::new() })
    }

    /// Everything in a form body: a token in a query would end up in the logs of what stands between.
    fn by_rpc(&self, mut parameters: Parameters<'_>, access_key: &AccessKey, stamp: Stamp<'_>) -> Wire {
        parameters.extend([("Action", ACTION), ("Version", VERSION), ("Format", "JSON")]);
        let mut headers = accept_json();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Wire { url: self.endpoint.clone(), headers, body: rpc::sign("POST", &parameters, access_key, stamp) }
    }

    /// The `Host` header that the HTTP library makes of the endpoint.
    pub(super) fn host(&self) -> &str {
        &self.endpoint[Position::BeforeHost..Position::AfterPort]
    }
}

pub(super) fn accept_json() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))])
}

/// A header value that no HTTP library prints; only the AccessKey can hold something that cannot be one.
fn hidden(value: &str) -> Result<HeaderValue, StsError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| StsError::UnsendableAccessKey)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::keys::Secret;

    const REQUEST: AssumeRole<'_> = AssumeRole {
        role_arn: "acs:ram::1:role/r",
        role_session_name: "s",
        duration_seconds: 900,
        policy: None,
        external_id: None,
        source_identity: None,
    };

    fn wire(scheme: SignatureScheme, token: &str) -> Result<Wire, StsError> {
        let target = Target { endpoint: Url::parse("https://sts.example.com:8443").unwrap(), scheme };
        let access_key = AccessKey { id: "id".into(), secret: Secret::new("secret"), token: Some(Secret::new(token)) };
        let stamp = Stamp { nonce: "n", at: "2026-01-01T00:00:00Z".parse().unwrap() };
        target.sign(&REQUEST, &access_key, stamp)
    }

    #[test]
    fn parameters_that_were_not_given_are_not_sent() {
        let wire = wire(SignatureScheme::Acs3, "token").unwrap();
        assert_eq!(wire.url.query(), Some("DurationSeconds=900&RoleArn=acs%3Aram%3A%3A1%3Arole%2Fr&RoleSessionName=s"));
    }

    #[derive(serde::Deserialize)]
    struct Case {
        now: i64,
        nonce: String,
        access_key_id: String,
        access_key_secret: String,
        security_token: Option<String>,
        role: BTreeMap<String, String>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        parameters: BTreeMap<String, String>,
    }

    /// The cases of both languages.
    fn cases(files: [&str; 2]) -> Vec<Case> {
        files.into_iter().flat_map(|file| serde_json::from_str::<Vec<Case>>(file).unwrap()).collect()
    }

    impl Case {
        /// What we send, asked for the same by the same key at the same time.
        fn wire(&self, scheme: SignatureScheme) -> Option<Wire> {
            let asked = |name| self.role.get(name).map(String::as_str);
            let request = AssumeRole {
                role_arn: &self.role["RoleArn"],
                role_session_name: &self.role["RoleSessionName"],
                duration_seconds: asked("DurationSeconds")?.parse().unwrap(), // ours always says how long
                policy: asked("Policy"),
                external_id: asked("ExternalId"),
                source_identity: asked("SourceIdentity"),
            };
            let access_key = AccessKey {
                id: self.access_key_id.clone(),
                secret: Secret::new(&self.access_key_secret),
                token: self.security_token.as_deref().map(Secret::new),
            };
            let stamp = Stamp { nonce: &self.nonce, at: chrono::DateTime::from_timestamp(self.now, 0).unwrap() };
            let target = Target { endpoint: Url::parse("https://sts.example.com").unwrap(), scheme };
            Some(target.sign(&request, &access_key, stamp).unwrap())
        }
    }

    #[test]
    fn an_acs3_call_says_what_the_sdk_says() {
        let cases = cases([
            include_str!("../../tests/vectors/generated_python_acs3.json"),
            include_str!("../../tests/vectors/generated_node_acs3.json"),
        ]);
        for (case, wire) in cases.iter().filter_map(|case| Some((case, case.wire(SignatureScheme::Acs3)?))) {
            assert_eq!(wire.url.query_pairs().into_owned().collect::<BTreeMap<_, _>>(), case.role);
            for (name, value) in wire.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-acs-")) {
                assert_eq!(value.to_str().unwrap(), case.headers[name.as_str()], "{name}");
            }
        }
    }

    #[test]
    fn an_rpc_call_says_what_the_sdks_say() {
        let cases = cases([
            include_str!("../../tests/vectors/generated_python_rpc.json"),
            include_str!("../../tests/vectors/generated_node_rpc.json"),
        ]);
        for (case, wire) in cases.iter().filter_map(|case| Some((case, case.wire(SignatureScheme::Rpc)?))) {
            let mut theirs = case.parameters.clone();
            let mut ours: BTreeMap<_, _> = url::form_urlencoded::parse(wire.body.as_bytes()).into_owned().collect();
            // The SDKs write "json" or "JSON", and one adds two parameters of its own: the signature covers them.
            for name in ["Format", "Signature", "RegionId", "SignatureType"] {
                theirs.remove(name);
                ours.remove(name);
            }
            // One writes milliseconds into the time.
            theirs.entry("Timestamp".into()).and_modify(|time| *time = time.replace(".000Z", "Z"));
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_signs_is_marked_as_sensitive() {
        let wire = wire(SignatureScheme::Acs3, "token").unwrap();
        assert!(["authorization", "x-acs-security-token"].iter().all(|name| wire.headers[*name].is_sensitive()));
    }

    #[test]
    fn a_token_with_a_line_break_cannot_be_sent_in_a_header() {
        assert!(matches!(wire(SignatureScheme::Acs3, "a\nb"), Err(StsError::UnsendableAccessKey)));
        assert!(wire(SignatureScheme::Rpc, "a\nb").unwrap().body.contains("SecurityToken=a%0Ab"));
    }
}
