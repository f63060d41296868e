//! Who may ask, as types.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::duration;
use super::secret;
use crate::caller::jwt::Algorithm;
use crate::keys::Secret;

/// `[auth]`: who may ask.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct AuthSettings {
    /// Whether callers without any proof are served. Not written, it is `false`, except that a server on loopback without
    /// any authentication serves them; `false` that is written is always obeyed.
    pub anonymous: Option<bool>,
    /// The prefix of the id of every caller that shows an API key.
    pub api_key_id_prefix: String,
    /// The API keys of known callers.
    pub api_keys: Vec<ApiKeySettings>,
    /// Those whose JWTs are believed.
    pub jwt: Vec<JwtSettings>,
    /// The application that is asked who a caller is.
    pub forward: Option<ForwardSettings>,
    /// The proxy that says who a caller is.
    pub proxy: Option<ProxySettings>,
}

impl AuthSettings {
    /// Whether callers without any proof are served.
    #[must_use]
    pub fn serves_anonymous(&self) -> bool {
        self.anonymous == Some(true)
    }

    /// Whether anybody can prove to be somebody.
    #[must_use]
    pub fn knows_callers(&self) -> bool {
        !self.api_keys.is_empty() || !self.jwt.is_empty() || self.forward.is_some() || self.proxy.is_some()
    }

    /// Whether callers without proof may be served, before the listener is known: where nothing is written and no caller
    /// can prove anything, only callers without proof are.
    #[must_use]
    pub fn may_serve_anonymous(&self) -> bool {
        self.anonymous.unwrap_or(!self.knows_callers())
    }
}

/// `[[auth.api_keys]]`: one caller and the digest of its key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ApiKeySettings {
    /// Who the caller is, 1 to 128 characters of `[A-Za-z0-9_.@=-]`; fills `${caller.id}`.
    pub id: String,
    /// `sha256:` and the 64 hex digits of the key's SHA-256.
    pub hash: String,
}

/// `[[auth.jwt]]`: one who issues JWTs. Without `jwks_url`, `jwks_file` or `secret`, the keys are discovered from `issuer`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct JwtSettings {
    /// The `iss` of the tokens, compared whole; an address is `https`, or `http` on loopback.
    pub issuer: String,
    /// The address of the public keys, a JWK set.
    pub jwks_url: Option<String>,
    /// A file with the public keys.
    pub jwks_file: Option<PathBuf>,
    /// The secret of HS256 (32 bytes or more), HS384 (48) and HS512 (64).
    #[serde(deserialize_with = "secret")]
    pub secret: Option<Secret>,
    /// `aud` has to name one of these. None is possible only where `required_claims` says which tokens are meant.
    pub audiences: Vec<String>,
    /// The algorithms that are accepted; none listed means HS256 with a secret, else all that have a public key.
    pub algorithms: Vec<Algorithm>,
    /// The claim that is the caller's id, a text.
    pub id_claim: String,
    /// What is put before the id.
    pub id_prefix: String,
    /// Claims that have to be there with these values, types included.
    pub required_claims: Map<String, Value>,
    /// How far the issuer's clock may be from ours; at most five minutes.
    #[serde(deserialize_with = "duration::required")]
    pub leeway: Duration,
    /// A cookie that may carry a token too, from pages of our own origin or of `cors.origins`.
    pub cookie: Option<String>,
    /// What `jwks_file` holds, once loaded.
    #[serde(skip)]
    pub jwks: Option<String>,
}

/// `[auth.forward]`: the application that is asked who a caller is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ForwardSettings {
    /// The address that is asked by GET: `https`, or `http` on loopback.
    pub url: String,
    /// The headers that are passed on.
    pub headers: Vec<String>,
    /// The cookies that are passed on, from pages of our own origin or of `cors.origins`.
    pub cookies: Vec<String>,
    /// The header of the answer with the caller's id; without it the answer is JSON, `{"id": …, "claims": {…}}`.
    pub id_header: Option<String>,
    /// Headers of the answer with claims, by the claims' names; only with `id_header`.
    pub claim_headers: BTreeMap<String, String>,
    /// What is put before the id.
    pub id_prefix: String,
    /// How long an answer is remembered; at most five minutes.
    #[serde(deserialize_with = "duration::required")]
    pub remember: Duration,
    /// The longest time for an answer.
    #[serde(deserialize_with = "duration::required")]
    pub timeout: Duration,
}

/// `[auth.proxy]`: the proxy that says who a caller is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ProxySettings {
    /// The header with the caller's id.
    pub id_header: String,
    /// Headers with claims, by the claims' names.
    pub claim_headers: BTreeMap<String, String>,
    /// What is put before the id.
    pub id_prefix: String,
    /// The addresses that the proxy connects from: `10.0.0.1` or `10.0.0.0/8`.
    pub from: Vec<String>,
}

impl Default for JwtSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            jwks_url: None,
            jwks_file: None,
            secret: None,
            audiences: Vec::new(),
            algorithms: Vec::new(),
            id_claim: "sub".to_owned(),
            id_prefix: String::new(),
            required_claims: Map::new(),
            leeway: Duration::from_secs(30),
            cookie: None,
            jwks: None,
        }
    }
}

impl Default for ForwardSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            headers: Vec::new(),
            cookies: Vec::new(),
            id_header: None,
            claim_headers: BTreeMap::new(),
            id_prefix: String::new(),
            // Long enough for the requests of one page, short enough for a logout.
            remember: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
        }
    }
}
