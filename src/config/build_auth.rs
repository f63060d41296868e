//! From checked settings to the authenticator.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderName;
use chrono::TimeDelta;
use url::Url;

use super::format::network;
use super::problem::step;
use super::settings::{ApiKeySettings, AuthSettings, CorsSettings, ForwardSettings, JwtSettings, ProxySettings};
use crate::caller::jwt::{Algorithm, Expected, Family, Issuer, KeySet, Place};
use crate::caller::{
    Authenticator, ClaimNames, Forward, ForwardSpec, IdNamespace, KnownApiKey, NoTls, Outbound, TrustedProxy,
};

/// The authenticator that the settings describe, for grants that read the claims `read`. What was refused when they were
/// checked is left out here.
pub(super) fn authenticator(
    auth: &AuthSettings,
    cors: &CorsSettings,
    read: ClaimNames,
) -> Result<Authenticator, NoTls> {
    let asks = auth.forward.is_some() || auth.jwt.iter().any(|jwt| jwt.secret.is_none() && jwt.jwks.is_none());
    let outbound = if asks { Some(Outbound::new()?) } else { None };
    let known =
        |key: &ApiKeySettings| KnownApiKey::new(format!("{}{}", auth.api_key_id_prefix, key.id), &key.hash).ok();
    let kept = Arc::new(read);
    let issuer = |(index, jwt): (usize, &JwtSettings)| {
        let ids = namespace(auth, &["auth", "jwt", &step(index), "id_prefix"], &jwt.id_prefix);
        Some(issuer(jwt, ids, outbound.as_ref())?.keeping(Arc::clone(&kept)))
    };
    let forward = |(forward, outbound): (&ForwardSettings, &Outbound)| {
        let ids = namespace(auth, &["auth", "forward", "id_prefix"], &forward.id_prefix);
        Some(Forward::new(spec(forward, ids)?, outbound.clone()).keeping(Arc::clone(&kept)))
    };
    let proxy = |settings: &ProxySettings| {
        proxy(settings, namespace(auth, &["auth", "proxy", "id_prefix"], &settings.id_prefix))
    };
    Ok(Authenticator {
        anonymous: auth.serves_anonymous(),
        api_keys: auth.api_keys.iter().filter_map(known).collect(),
        issuers: auth.jwt.iter().enumerate().filter_map(issuer).collect(),
        forward: auth.forward.as_ref().zip(outbound.as_ref()).and_then(forward),
        proxy: auth.proxy.as_ref().and_then(proxy),
        origins: cors.origins.clone(),
        kept,
    })
}

/// The algorithms that are accepted.
pub(super) fn algorithms(jwt: &JwtSettings) -> Vec<Algorithm> {
    match (jwt.algorithms.is_empty(), jwt.secret.is_some()) {
        (false, _) => jwt.algorithms.clone(),
        (true, true) => vec![Algorithm::Hs256],
        (true, false) => Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family() != Family::Shared).collect(),
    }
}

/// The ids of the source whose prefix is at `path`.
fn namespace(auth: &AuthSettings, path: &[&str], prefix: &str) -> IdNamespace {
    let reserved = if prefix.is_empty() { auth.other_prefixes(path) } else { Vec::new() };
    IdNamespace { prefix: prefix.to_owned(), reserved }
}

fn issuer(jwt: &JwtSettings, ids: IdNamespace, outbound: Option<&Outbound>) -> Option<Issuer> {
    let expected = Expected {
        issuer: jwt.issuer.clone(),
        audiences: jwt.audiences.clone(),
        id_claim: jwt.id_claim.clone(),
        ids,
        required: jwt.required_claims.clone(),
        leeway: delta(jwt.leeway),
    };
    let accepted = algorithms(jwt);
    let issuer = match (&jwt.secret, &jwt.jwks, &jwt.jwks_url) {
        (Some(secret), _, _) => {
            let keys = KeySet::of_secret(secret, &accepted)?;
            Issuer::with_keys(expected, accepted, keys)
        }
        (None, Some(text), _) => {
            let keys = KeySet::parse(text.as_bytes(), &accepted).ok()?;
            Issuer::with_keys(expected, accepted, keys)
        }
        (None, None, Some(url)) => {
            Issuer::publishing(expected, accepted, Place::KeySet(Url::parse(url).ok()?), outbound?.clone())
        }
        (None, None, None) => {
            Issuer::publishing(expected, accepted, Place::Issuer(jwt.issuer.clone()), outbound?.clone())
        }
    };
    Some(issuer.in_cookie(jwt.cookie.clone()))
}

fn spec(forward: &ForwardSettings, ids: IdNamespace) -> Option<ForwardSpec> {
    Some(ForwardSpec {
        url: Url::parse(&forward.url).ok()?,
        headers: forward.headers.iter().map(|name| header(name)).collect::<Option<_>>()?,
        cookies: forward.cookies.clone(),
        id_header: forward.id_header.as_deref().and_then(header),
        claim_headers: claim_headers(&forward.claim_headers)?,
        ids,
        remember: delta(forward.remember),
        timeout: forward.timeout,
    })
}

fn proxy(proxy: &ProxySettings, ids: IdNamespace) -> Option<TrustedProxy> {
    Some(TrustedProxy {
        id: header(&proxy.id_header)?,
        claims: claim_headers(&proxy.claim_headers)?,
        ids,
        from: proxy.from.iter().map(|text| network(text)).collect::<Option<_>>()?,
    })
}

fn claim_headers(headers: &std::collections::BTreeMap<String, String>) -> Option<Vec<(String, HeaderName)>> {
    headers.iter().map(|(claim, name)| Some((claim.clone(), header(name)?))).collect()
}

fn header(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).ok()
}

fn delta(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX)
}
