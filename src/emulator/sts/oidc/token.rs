//! Identity tokens: `RS256` by the emulator's key, minted and checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::super::State;
use super::super::super::error::StsError;
use super::super::super::options::OidcProvider;
use super::super::super::rsa_key::RsaKey;
use super::refused;

/// Name of the emulator's only key.
pub(super) const KEY_ID: &str = "emulator";

/// What an identity token that the emulator mints says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IdentityClaims {
    /// Who it is for; a service account if it is not said.
    pub subject: String,
    /// `iss`; that of the first provider if it is not said.
    pub issuer: Option<String>,
    /// `aud`; the first that the first provider takes if it is not said.
    pub audience: Option<String>,
    /// Its life from now, in seconds; one that is not positive makes a token that is dead.
    pub expires_in_seconds: i32,
}

impl Default for IdentityClaims {
    fn default() -> Self {
        let subject = "system:serviceaccount:default:app".to_owned();
        Self { subject, issuer: None, audience: None, expires_in_seconds: 3600 }
    }
}

impl IdentityClaims {
    /// The token.
    pub(in crate::emulator) fn token(&self, state: &State) -> String {
        let (provider, now) = (state.oidc_providers.first(), state.now().timestamp());
        let issuer = self.issuer.clone().or_else(|| provider.map(|provider| provider.issuer.clone()));
        let first = || provider.and_then(|provider| provider.client_ids.first().cloned());
        let claims = json!({
            "iss": issuer,
            "sub": self.subject,
            "aud": [self.audience.clone().or_else(first)],
            "iat": now,
            "exp": now + i64::from(self.expires_in_seconds),
        });
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID});
        let encoded = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = state.key.sign_sha256(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What a token that is right says.
pub(super) struct Claims {
    pub(super) subject: String,
    /// With commas between them.
    pub(super) audience: String,
    pub(super) issued: Option<i64>,
    pub(super) expires: i64,
}

/// Checks a token of `provider`: signature, issuer, audience, time.
pub(super) fn check(
    key: &RsaKey,
    provider: &OidcProvider,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Claims, StsError> {
    let invalid = || refused("OIDCToken.Invalid", "This JsonWebToken is invalid.");
    let claims = verified(key, token).ok_or_else(invalid)?;
    if claims.iss != provider.issuer {
        return Err(refused("OIDCToken.IssuerNotMatch", "Invalid issuer."));
    }
    let audience = claims.aud.into_vec();
    if !audience.iter().any(|one| provider.client_ids.contains(one)) {
        return Err(refused("OIDCToken.AudienceNotMatch", "Invalid audience."));
    }
    if now.timestamp() >= claims.exp {
        return Err(refused("OIDCToken.Expired", "This JsonWebToken is expired."));
    }
    Ok(Claims { subject: claims.sub, audience: audience.join(","), issued: claims.iat, expires: claims.exp })
}

fn verified(key: &RsaKey, token: &str) -> Option<Unchecked> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = read(header)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let right = header.alg == "RS256" && key.verifies_sha256(signed.as_bytes(), &signature);
    right.then(|| read(claims)).flatten()
}

fn read<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// Claims whose signature is right.
#[derive(Deserialize)]
struct Unchecked {
    iss: String,
    sub: String,
    aud: Audience,
    iat: Option<i64>,
    exp: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}
