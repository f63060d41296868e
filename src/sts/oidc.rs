//! `AssumeRoleWithOIDC`: a role for whoever holds a token of an identity provider, without any AccessKey.

use chrono::{DateTime, SecondsFormat, Utc};
use http::header::{CONTENT_TYPE, HeaderValue};

use super::wire::{Target, VERSION, Wire, accept_json};
use crate::keys::Secret;
use crate::signing::rpc::{self, Parameters};

/// The input of one `AssumeRoleWithOIDC`; it is not signed, the token is the proof.
///
/// <https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc>
#[derive(Clone, Debug)]
pub struct AssumeRoleWithOidc<'a> {
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub provider_arn: &'a str,
    /// The identity token, 4 to 20,000 characters.
    pub token: &'a Secret,
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: &'a str,
    /// Names the session in the audit trail; 2 to 64 characters of `[A-Za-z0-9.@_-]`.
    pub role_session_name: &'a str,
    /// Seconds to live, from 900 to the role's `MaxSessionDuration`.
    pub duration_seconds: u32,
}

impl Target {
    /// The common parameters in the query and the rest in a form body, as the credentials SDKs send it: the token is in no
    /// URL, and so in nobody's log.
    pub(super) fn unsigned(&self, request: &AssumeRoleWithOidc<'_>, now: DateTime<Utc>) -> Wire {
        let timestamp = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let common = Parameters::from([
            ("Action", "AssumeRoleWithOIDC"),
            ("Version", VERSION),
            ("Format", "JSON"),
            ("Timestamp", &timestamp),
        ]);
        let duration = request.duration_seconds.to_string();
        let form = Parameters::from([
            ("OIDCProviderArn", request.provider_arn),
            ("OIDCToken", request.token.expose()),
            ("RoleArn", request.role_arn),
            ("RoleSessionName", request.role_session_name),
            ("DurationSeconds", &duration),
        ]);
        let mut url = self.endpoint.clone();
        url.set_query(Some(&rpc::canonical_query(&common)));
        let mut headers = accept_json();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Wire { url, headers, body: rpc::canonical_query(&form) }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::super::request::SignatureScheme;
    use super::*;

    #[test]
    fn the_token_stands_in_the_body_alone_and_nothing_is_signed() {
        let endpoint = Url::parse("https://sts.example.com").unwrap();
        let request = AssumeRoleWithOidc {
            provider_arn: "acs:ram::1:oidc-provider/p",
            token: &Secret::new("a.b+c"),
            role_arn: "acs:ram::1:role/r",
            role_session_name: "pod",
            duration_seconds: 3600,
        };
        let target = Target { endpoint, scheme: SignatureScheme::Acs3 };
        let wire = target.unsigned(&request, "2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            wire.url.as_str(),
            "https://sts.example.com/?Action=AssumeRoleWithOIDC&Format=JSON&Timestamp=2026-01-01T00%3A00%3A00Z&Version=2015-04-01"
        );
        assert_eq!(
            wire.body,
            "DurationSeconds=3600&OIDCProviderArn=acs%3Aram%3A%3A1%3Aoidc-provider%2Fp&OIDCToken=a.b%2Bc\
             &RoleArn=acs%3Aram%3A%3A1%3Arole%2Fr&RoleSessionName=pod"
        );
        assert!(!wire.headers.contains_key("authorization") && !wire.body.contains("Signature"));
    }
}
