//! `AssumeRoleWithOIDC`: an unsigned call with a token of an identity provider, whose only key is the emulator's own.

mod token;

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::State;
use super::super::account::{Identity, RamRole};
use super::super::error::StsError;
use super::super::options::OidcProvider;
use super::assume_role::{Wanted, answer, check_duration, session};
use super::call::Call;

pub use self::token::IdentityClaims;

/// Opens a session for whoever the token names, and answers with its key.
pub(super) fn assume_role_with_oidc(state: &State, call: &Call, now: DateTime<Utc>) -> Result<Value, StsError> {
    let wanted = Wanted::read(call)?;
    let demanded = |name| call.parameter(name)?.ok_or_else(|| StsError::missing(name));
    let (arn, token) = (demanded("OIDCProviderArn")?, demanded("OIDCToken")?);
    if !(4..=20_000).contains(&token.len()) {
        return Err(StsError::bad_request("InvalidParameter.OIDCToken", "The parameter OIDCToken is wrongly formed."));
    }
    let provider = state.oidc_providers.iter().find(|provider| provider.arn() == arn).ok_or_else(unknown_provider)?;
    let role = state.accounts.role(wanted.role_arn).ok_or_else(|| no_role(wanted.role_arn))?;
    check_duration(&wanted, role)?;
    let claims = token::check(&state.key, provider, token, now)?;
    if !trusts(role, provider) {
        return Err(refused("NoPermission", "There is no permission."));
    }
    let session = state.accounts.open(session(&Identity::Anonymous, role, wanted, now), now);
    let mut answer = answer(&session);
    answer["OIDCTokenInfo"] = json!({
        "Subject": claims.subject,
        "Issuer": provider.issuer,
        "ClientIds": claims.audience,
        "ExpirationTime": claims.expires,
        "IssuanceTime": claims.issued,
    });
    Ok(answer)
}

/// `GET /oidc/jwks`: the public half of the key that signs identity tokens.
pub(super) async fn jwks(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    let parts = tokio::task::spawn_blocking(move || state.key.jwk_parts()).await;
    let (n, e) = parts.expect("the task neither panics nor is aborted");
    Json(json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": token::KEY_ID, "n": n, "e": e}]}))
}

/// `GET /oidc/.well-known/openid-configuration`.
pub(super) async fn discovery(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Json<Value> {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let issuer = state.oidc_providers.first().map(|provider| provider.issuer.clone());
    Json(json!({
        "issuer": issuer,
        "jwks_uri": format!("http://{host}/oidc/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

fn trusts(role: &RamRole, provider: &OidcProvider) -> bool {
    role.role.trusted.iter().any(|trusted| trusted.eq_ignore_ascii_case(&provider.arn()))
}

fn unknown_provider() -> StsError {
    refused("NoPermission", "No such OIDC Provider registered.")
}

fn no_role(arn: &str) -> StsError {
    StsError::new(StatusCode::NOT_FOUND, "EntityNotExist.Role", format!("The role not exists: {arn}."))
}

/// The documentation has 401 for the same family of SAML; for OIDC it says nothing.
fn refused(code: &str, message: &str) -> StsError {
    StsError::new(StatusCode::UNAUTHORIZED, format!("AuthenticationFail.{code}"), message)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;

    use super::super::super::{DEV_OIDC_PROVIDER_ARN, DEV_ROLE_ARN};
    use super::super::sample::Caller;
    use super::*;

    fn encoded(pairs: &[(&str, &str)]) -> String {
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", super::super::super::wire::encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    async fn code(caller: &Caller, changes: &[(&str, &str)]) -> String {
        let token = caller.emulator.identity_token(&IdentityClaims::default());
        let mut pairs = vec![
            ("Action", "AssumeRoleWithOIDC"),
            ("Version", "2015-04-01"),
            ("Format", "JSON"),
            ("OIDCProviderArn", DEV_OIDC_PROVIDER_ARN),
            ("RoleArn", DEV_ROLE_ARN),
            ("RoleSessionName", "pod"),
            ("OIDCToken", &token),
        ];
        pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        pairs.extend_from_slice(changes);
        caller.send(&encoded(&pairs), "").await.code()
    }

    #[tokio::test]
    async fn a_token_opens_a_session_in_both_wire_forms() {
        let caller = Caller::new(|_| {});
        let token = caller.emulator.identity_token(&IdentityClaims::default());
        let head = [("Action", "AssumeRoleWithOIDC"), ("Version", "2015-04-01"), ("Format", "JSON")];
        let rest = [
            ("OIDCProviderArn", DEV_OIDC_PROVIDER_ARN),
            ("RoleArn", DEV_ROLE_ARN),
            ("RoleSessionName", "pod"),
            ("OIDCToken", &token),
        ];
        let all = format!("{}&{}&SignatureNonce=n", encoded(&head), encoded(&rest));
        for (query, body) in [(encoded(&head), encoded(&rest)), (all, String::new())] {
            let answer = caller.send(&query, &body).await.json();
            assert_eq!(answer["OIDCTokenInfo"]["Subject"], "system:serviceaccount:default:app", "{answer}");
            let session = caller.assumed(&answer).call(&[("Action", "GetCallerIdentity")]).await.json();
            assert_eq!(session["Arn"], "acs:ram::1234567890123456:assumed-role/oss-vend-dev/pod");
        }
    }

    #[tokio::test]
    async fn each_fault_has_its_own_code() {
        let caller = Caller::new(|_| {});
        let minted = |change: fn(&mut IdentityClaims)| {
            let mut claims = IdentityClaims::default();
            change(&mut claims);
            caller.emulator.identity_token(&claims)
        };
        let good = minted(|_| {});
        let (head, rest) = good.split_once('.').unwrap();
        let bent = format!("{head}.{}", rest.replacen(&rest[5..6], if &rest[5..6] == "A" { "B" } else { "A" }, 1));
        let expired = minted(|claims| claims.expires_in_seconds = 0);
        let (audience, issuer) =
            (minted(|claims| claims.audience = Some("x".into())), minted(|claims| claims.issuer = Some("x".into())));
        for (name, value, expected) in [
            ("OIDCToken", good.as_str(), "ok"),
            ("OIDCToken", &bent, "AuthenticationFail.OIDCToken.Invalid"),
            ("OIDCToken", "a.b.c", "AuthenticationFail.OIDCToken.Invalid"),
            ("OIDCToken", "abcd", "AuthenticationFail.OIDCToken.Invalid"),
            ("OIDCToken", "abc", "InvalidParameter.OIDCToken"),
            ("OIDCToken", &expired, "AuthenticationFail.OIDCToken.Expired"),
            ("OIDCToken", &audience, "AuthenticationFail.OIDCToken.AudienceNotMatch"),
            ("OIDCToken", &issuer, "AuthenticationFail.OIDCToken.IssuerNotMatch"),
            ("OIDCProviderArn", "acs:ram::1:oidc-provider/none", "AuthenticationFail.NoPermission"),
            ("RoleArn", "acs:ram::1234567890123456:role/none", "EntityNotExist.Role"),
            ("DurationSeconds", "899", "InvalidParameter.DurationSeconds"),
            ("DurationSeconds", "43201", "InvalidParameter.DurationSeconds"),
            ("Version", "2014-01-01", "InvalidVersion"),
        ] {
            assert_eq!(code(&caller, &[(name, value)]).await, expected, "{name}={value}");
        }
        let closed = Caller::new(|options| options.roles[0].trusted.truncate(1));
        assert_eq!(code(&closed, &[]).await, "AuthenticationFail.NoPermission");
    }

    #[tokio::test]
    async fn the_key_is_served_for_who_wants_to_verify_a_token() {
        let caller = Caller::new(|_| {});
        let get = |path: &str| caller.request(Request::get(path).header("host", "sts:1").body(Body::empty()).unwrap());
        let configuration = get("/oidc/.well-known/openid-configuration").await.json();
        assert_eq!(configuration["jwks_uri"], "http://sts:1/oidc/jwks");
        let key = &get("/oidc/jwks").await.json()["keys"][0];
        assert_eq!((key["kid"].as_str(), key["e"].as_str()), (Some(token::KEY_ID), Some("AQAB")));
    }
}
