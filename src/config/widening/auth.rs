//! Who is believed to be a caller.

use super::super::settings::{AuthSettings, ForwardSettings, JwtSettings, ProxySettings};
use super::Widened;

impl Widened {
    pub(super) fn auth(&mut self, before: &AuthSettings, after: &AuthSettings) {
        let AuthSettings { anonymous: _, api_key_id_prefix, api_keys, jwt, forward, proxy } = after;
        self.switched("auth.anonymous", before.serves_anonymous(), after.serves_anonymous());
        if !before.api_keys.is_empty() {
            self.changed("auth.api_key_id_prefix", &before.api_key_id_prefix, api_key_id_prefix);
        }
        for key in api_keys.iter().filter(|key| !before.api_keys.contains(key)) {
            self.add("auth.api_keys", format!("a key of {:?} added", key.id));
        }
        for jwt in jwt {
            match before.jwt.iter().find(|other| other.issuer == jwt.issuer) {
                Some(other) => self.issuer(other, jwt),
                None => self.add("auth.jwt", format!("issuer {:?} added", jwt.issuer)),
            }
        }
        match (&before.forward, forward) {
            (Some(before), Some(after)) => self.forward(before, after),
            (None, Some(_)) => self.add("auth.forward", "added"),
            (_, None) => {}
        }
        match (&before.proxy, proxy) {
            (Some(before), Some(after)) => self.proxy(before, after),
            (None, Some(_)) => self.add("auth.proxy", "added"),
            (_, None) => {}
        }
    }

    fn issuer(&mut self, before: &JwtSettings, after: &JwtSettings) {
        let JwtSettings {
            issuer,
            jwks_url,
            jwks_file: _,
            secret,
            audiences,
            algorithms,
            id_claim,
            id_prefix,
            required_claims,
            leeway,
            cookie,
            jwks,
        } = after;
        let key = |name: &str| format!("auth.jwt.{name} of {issuer:?}");
        let exposed = |jwt: &JwtSettings| jwt.secret.as_ref().map(|secret| secret.expose().to_owned());
        self.changed(key("jwks_url"), &before.jwks_url, jwks_url);
        self.changed(key("jwks_file"), &before.jwks, jwks);
        if secret.is_some() {
            self.changed(key("secret"), &exposed(before), &exposed(after));
        }
        self.loosened(key("audiences"), &before.audiences, audiences);
        self.loosened(key("algorithms"), &before.algorithms, algorithms);
        self.changed(key("id_claim"), &before.id_claim, id_claim);
        self.changed(key("id_prefix"), &before.id_prefix, id_prefix);
        if before.required_claims.iter().any(|(name, value)| required_claims.get(name) != Some(value)) {
            self.add(key("required_claims"), "removed or changed");
        }
        self.raised(key("leeway"), &before.leeway, leeway);
        if cookie.is_some() {
            self.changed(key("cookie"), &before.cookie, cookie);
        }
    }

    fn forward(&mut self, before: &ForwardSettings, after: &ForwardSettings) {
        let ForwardSettings { url, headers, cookies, id_header, claim_headers, id_prefix, remember, timeout: _ } =
            after;
        self.changed("auth.forward.url", &before.url, url);
        self.extended("auth.forward.headers", &before.headers, headers);
        self.extended("auth.forward.cookies", &before.cookies, cookies);
        self.changed("auth.forward.id_header", &before.id_header, id_header);
        self.changed("auth.forward.claim_headers", &before.claim_headers, claim_headers);
        self.changed("auth.forward.id_prefix", &before.id_prefix, id_prefix);
        self.raised("auth.forward.remember", &before.remember, remember);
    }

    fn proxy(&mut self, before: &ProxySettings, after: &ProxySettings) {
        let ProxySettings { id_header, claim_headers, id_prefix, from } = after;
        self.changed("auth.proxy.id_header", &before.id_header, id_header);
        self.changed("auth.proxy.claim_headers", &before.claim_headers, claim_headers);
        self.changed("auth.proxy.id_prefix", &before.id_prefix, id_prefix);
        self.extended("auth.proxy.from", &before.from, from);
    }
}
