//! What stands in `Authorization`: as it is, and as header and claims of a JWT. Nothing that a fuzzer makes is a caller.

#![no_main]

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::DateTime;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use oss_vend::caller::jwt::{Algorithm, Expected, Issuer, KeySet};
use oss_vend::caller::{Authenticator, Proof};
use oss_vend::keys::Secret;

/// The public key of RFC 8037 appendix A.2.
const PUBLIC_KEY: &str =
    r#"{"keys":[{"kty":"OKP","kid":"a","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let expected = |issuer: &str| Expected { issuer: issuer.into(), id_claim: "sub".into(), ..Expected::default() };
    let public = KeySet::parse(PUBLIC_KEY.as_bytes(), &[Algorithm::EdDsa]).unwrap();
    let secret = Secret::new("nobody guesses these many letters");
    let shared = KeySet::of_secret(&secret, &[Algorithm::Hs256]).unwrap();
    let issuers = vec![
        Issuer::with_keys(expected("public"), vec![Algorithm::EdDsa], public),
        Issuer::with_keys(expected("shared"), vec![Algorithm::Hs256], shared),
    ];
    Authenticator { issuers, ..Authenticator::default() }
});

fuzz_target!(|data: &[u8]| {
    refuse(data);
    refuse(&[b"Bearer ", data].concat());
    let (header, claims) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let signature = BASE64_URL_SAFE_NO_PAD.encode([7; 64]);
    refuse(format!("Bearer {header}.{claims}.{signature}").as_bytes());
    let _ = KeySet::parse(data, &Algorithm::ALL);
});

fn refuse(value: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    let proof = Proof { unverified_headers: &headers, authority: None, peer: None, last_token: None };
    let asked = pin!(AUTHENTICATOR.authenticate(&proof, DateTime::UNIX_EPOCH));
    match asked.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(refused) => assert!(refused.is_err(), "{refused:?}"),
        Poll::Pending => panic!("there is nothing to wait for"),
    }
}
