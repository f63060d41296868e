//! Checks who may ask.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::http::HeaderName;

use super::build_auth;
use super::check::Check;
use super::format;
use super::problem::{Problem, step};
use super::settings::{ApiKeySettings, AuthSettings, ForwardSettings, JwtSettings, ProxySettings};
use crate::caller::jwt::{Family, KeySet};

/// The most that a clock may be off, and that an answer is remembered.
const MAX_TOLERANCE: Duration = Duration::from_mins(5);

const AN_ADDRESS: &str = "an address such as \"https://login.example.com/keys\"; \"http\" only for this machine";

/// Headers that mean something else on their way, or that are passed on by a key of their own.
const NOT_TO_PASS: [&str; 9] =
    ["connection", "content-length", "cookie", "expect", "host", "te", "transfer-encoding", "upgrade", "origin"];

impl Check<'_> {
    pub(super) fn auth(&mut self, auth: &mut AuthSettings) {
        for (index, key) in auth.api_keys.iter().enumerate() {
            self.api_key(&step(index), key);
        }
        for index in 0..auth.jwt.len() {
            let (before, this) = auth.jwt.split_at_mut(index);
            self.jwt(&step(index), &mut this[0], before);
        }
        if let Some(forward) = &auth.forward {
            self.forward(forward);
        }
        if let Some(proxy) = &auth.proxy {
            self.proxy(proxy);
        }
        self.identities(auth);
        if auth.anonymous == Some(false) && !auth.knows_callers() {
            let text = "is false, and no callers are configured, so every request would be refused: add [[auth.api_keys]], \
                        [[auth.jwt]], [auth.forward] or [auth.proxy], or remove this line";
            self.blame(&["auth", "anonymous"], &Problem::Other(text.to_owned()));
        }
    }

    fn api_key(&mut self, index: &str, key: &ApiKeySettings) {
        let table = ["auth", "api_keys", index];
        for (name, text) in [("id", &key.id), ("hash", &key.hash)] {
            if text.is_empty() {
                self.missing(&[table[0], table[1], index, name], "a key is an id and a hash");
            }
        }
        if !key.hash.is_empty() {
            let path = [table[0], table[1], index, "hash"];
            self.text(&path, &key.hash, format::is_sha256, "\"sha256:\" and the 64 hex digits of the key's SHA-256");
        }
    }

    fn jwt(&mut self, index: &str, jwt: &mut JwtSettings, others: &[JwtSettings]) {
        let at = |key| ["auth", "jwt", index, key];
        self.issuer(&at("issuer"), jwt);
        if others.iter().any(|other| other.issuer == jwt.issuer && !jwt.issuer.is_empty()) {
            self.blame(
                &at("issuer"),
                &Problem::Other("is that of another entry too; list its audiences in one".into()),
            );
        }
        if let Some(url) = &jwt.jwks_url {
            self.text(&at("jwks_url"), url, format::is_secure_url, AN_ADDRESS);
        }
        if let Some(file) = &mut jwt.jwks_file {
            self.anchor(&at("jwks_file"), file);
        }
        self.keys(index, jwt);
        if jwt.audiences.is_empty() && jwt.required_claims.is_empty() {
            let advice = "name this service as its tokens do, else those for other services are taken too; where tokens \
                          have no \"aud\", say by required_claims which are meant";
            self.missing(&at("audiences"), advice);
        }
        self.text(&at("id_claim"), &jwt.id_claim, |name| !name.is_empty(), "the name of a claim");
        self.tolerance(&at("leeway"), jwt.leeway);
        if let Some(cookie) = &jwt.cookie {
            self.text(&at("cookie"), cookie, format::is_token, "the name of a cookie");
        }
    }

    fn issuer(&mut self, path: &[&str], jwt: &JwtSettings) {
        let discovered = jwt.jwks_url.is_none() && jwt.jwks_file.is_none() && jwt.secret.is_none();
        if jwt.issuer.is_empty() {
            self.missing(path, "it is the \"iss\" of the tokens");
        } else if discovered || jwt.issuer.contains("://") {
            let holds = |text: &str| format::is_secure_url(text) && !text.contains(['?', '#']);
            let expected = "an address such as \"https://login.example.com\"; \"http\" only for this machine";
            self.text(path, &jwt.issuer, holds, expected);
        }
    }

    /// One source of keys, and algorithms that fit it.
    fn keys(&mut self, index: &str, jwt: &mut JwtSettings) {
        let at = |key| ["auth", "jwt", index, key];
        let given = [
            ("jwks_url", jwt.jwks_url.is_some()),
            ("jwks_file", jwt.jwks_file.is_some()),
            ("secret", jwt.secret.is_some()),
        ];
        let mut given = given.into_iter().filter_map(|(name, given)| given.then_some(name));
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            self.blame(&at(second), &Problem::Other(format!("cannot stand beside {first}: keys have one source")));
            return;
        }
        for (position, algorithm) in jwt.algorithms.iter().enumerate() {
            if (algorithm.family() == Family::Shared) != jwt.secret.is_some() {
                let path = ["auth", "jwt", index, "algorithms", &step(position)];
                let needs = if jwt.secret.is_some() { "has public keys, not a secret" } else { "needs a secret" };
                self.blame(&path, &Problem::Other(format!("cannot be {algorithm}, which {needs}")));
                return;
            }
        }
        let algorithms = build_auth::algorithms(jwt);
        if let Some(secret) = &jwt.secret
            && KeySet::of_secret(secret, &algorithms).is_none()
        {
            self.blame(
                &at("secret"),
                &Problem::expected("as long as the hash: 32 bytes for HS256, 48 for HS384, 64 for HS512"),
            );
        }
        if let Some(file) = &jwt.jwks_file {
            match jwks_file(file, jwt) {
                Ok(text) => jwt.jwks = Some(text),
                Err(problem) => self.blame(&at("jwks_file"), &Problem::Other(problem)),
            }
        }
    }

    fn forward(&mut self, forward: &ForwardSettings) {
        let at = |key| ["auth", "forward", key];
        if forward.url.is_empty() {
            self.missing(&at("url"), "it is the address that knows the callers");
        } else {
            self.text(&at("url"), &forward.url, format::is_secure_url, AN_ADDRESS);
        }
        if forward.headers.is_empty() && forward.cookies.is_empty() {
            self.missing(&at("cookies"), "list the cookies, or the headers, that the application knows its callers by");
        }
        for (index, name) in forward.headers.iter().enumerate() {
            let holds = |name: &str| is_header(name) && !NOT_TO_PASS.contains(&name.to_ascii_lowercase().as_str());
            let path = ["auth", "forward", "headers", &step(index)];
            self.text(&path, name, holds, "the name of a header that can be passed on; cookies have their own list");
        }
        for (index, name) in forward.cookies.iter().enumerate() {
            let path = ["auth", "forward", "cookies", &step(index)];
            self.text(&path, name, format::is_token, "the name of a cookie");
        }
        if let Some(name) = &forward.id_header {
            self.text(&at("id_header"), name, is_header, "the name of a header");
        } else if !forward.claim_headers.is_empty() {
            self.missing(&at("id_header"), "claim_headers are read only beside it");
        }
        self.claim_headers("forward", &forward.claim_headers);
        self.tolerance(&at("remember"), forward.remember);
        self.positive(&at("timeout"), forward.timeout);
    }

    fn proxy(&mut self, proxy: &ProxySettings) {
        let at = |key| ["auth", "proxy", key];
        if proxy.id_header.is_empty() {
            self.missing(&at("id_header"), "it is the header in which the proxy names the caller");
        } else {
            let holds = |name: &str| {
                is_header(name) && !["authorization", "cookie"].contains(&name.to_ascii_lowercase().as_str())
            };
            self.text(&at("id_header"), &proxy.id_header, holds, "the name of a header that only the proxy sets");
        }
        self.claim_headers("proxy", &proxy.claim_headers);
        if proxy.from.is_empty() {
            self.missing(&at("from"), "list the addresses that the proxy connects from");
        }
        for (index, text) in proxy.from.iter().enumerate() {
            let holds = |text: &str| format::network(text).is_some();
            let path = ["auth", "proxy", "from", &step(index)];
            self.text(&path, text, holds, "an address or a network such as \"10.0.0.0/8\", and not that of everybody");
        }
    }

    fn claim_headers(&mut self, section: &str, headers: &BTreeMap<String, String>) {
        for (claim, name) in headers {
            self.text(&["auth", section, "claim_headers", claim], name, is_header, "the name of a header");
        }
    }

    fn tolerance(&mut self, path: &[&str], length: Duration) {
        if length > MAX_TOLERANCE {
            self.blame(path, &Problem::misfit("at most 5 minutes", format!("{length:?}")));
        }
    }
}

fn is_header(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
}

fn jwks_file(file: &Path, jwt: &JwtSettings) -> Result<String, String> {
    let named = |problem: String| format!("must be a file with public keys; {}: {problem}", file.display());
    let text = fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    match KeySet::parse(text.as_bytes(), &build_auth::algorithms(jwt)) {
        Ok(_) => Ok(text),
        Err(error) => Err(named(error.to_string())),
    }
}
