//! Tokens that are good, and what they are asked for.

use serde_json::{Value, json};

use super::keys::{Key, PUBLIC};
use super::provider::Provider;
use super::{claims, claims_of, config_with, dir, invalid_token, refusal, server_of, server_with, with};
use crate::support::TestServer;

#[tokio::test]
async fn every_algorithm_with_a_public_key_is_verified() {
    let keys: Vec<_> = PUBLIC.into_iter().map(Key::new).collect();
    let provider = Provider::start(&keys.iter().collect::<Vec<_>>()).await;
    let server = server_of(&provider, "").await;
    for key in &keys {
        let token = key.token(&claims(&provider, &server));
        assert_eq!(dir(&server, &token).await, "avatars/u42/", "{}", key.alg);
        let (rest, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = base64_of(signature);
        bytes[5] ^= 1;
        let changed = format!("{rest}.{}", super::keys::encoded(bytes));
        assert_eq!(refusal(&server, &changed).await, invalid_token(), "{}", key.alg);
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn a_shared_secret_verifies_by_the_algorithms_that_are_listed() {
    let secret = "s".repeat(64);
    let issuers: String = ["HS256", "HS384", "HS512"]
        .map(|alg| format!("[[auth.jwt]]\nissuer = \"{alg}\"\nid_prefix = \"{alg}.\"\naudiences = [\"uploads\"]\nsecret = {secret:?}\nalgorithms = [{alg:?}]\n"))
        .concat();
    let server = server_with(&issuers).await;
    for alg in ["HS256", "HS384", "HS512"] {
        let key = Key::secret(alg, secret.as_bytes());
        assert_eq!(dir(&server, &key.token(&claims_of(alg, &server))).await, format!("avatars/{alg}.u42/"));
        let other = Key::secret(alg, "t".repeat(64).as_bytes());
        assert_eq!(refusal(&server, &other.token(&claims_of(alg, &server))).await, invalid_token());
    }
    let unlisted = Key::secret("HS512", secret.as_bytes()).token(&claims_of("HS256", &server));
    assert_eq!(refusal(&server, &unlisted).await, invalid_token());
}

#[tokio::test]
async fn keys_come_from_a_url_or_a_file_too() {
    let key = Key::new("ES256");
    let provider = Provider::start(&[&key]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, json!({ "keys": [key.jwk()] }).to_string()).unwrap();
    let issuers = format!(
        "[[auth.jwt]]\nissuer = \"by-url\"\nid_prefix = \"by-url.\"\naudiences = [\"uploads\"]\njwks_url = \"{}/keys\"\n\
         [[auth.jwt]]\nissuer = \"by-file\"\nid_prefix = \"by-file.\"\naudiences = [\"uploads\"]\njwks_file = {file:?}\n",
        provider.url()
    );
    let server = server_with(&issuers).await;
    for issuer in ["by-url", "by-file"] {
        assert_eq!(dir(&server, &key.token(&claims_of(issuer, &server))).await, format!("avatars/{issuer}.u42/"));
    }
}

#[tokio::test]
async fn each_claim_is_compared_and_a_wrong_one_told_with_its_key_of_the_configuration() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "required_claims = { verified = true, level = 3 }").await;
    let good = with(claims(&provider, &server), &json!({ "verified": true, "level": 3 }));
    assert_eq!(dir(&server, &key.token(&good)).await, "avatars/u42/");
    let now = server.now().timestamp();
    for (changes, hint) in [
        (json!({ "iss": "https://evil.example" }), "auth.jwt.issuer"),
        (json!({ "iss": [provider.url()] }), "auth.jwt.issuer"),
        (json!({ "aud": "other" }), "auth.jwt.audiences"),
        (json!({ "aud": ["other"] }), "auth.jwt.audiences"),
        (json!({ "aud": 7 }), "auth.jwt"),
        (json!({ "exp": now }), "auth.jwt.leeway"),
        (json!({ "exp": now - 1 }), "auth.jwt.leeway"),
        (json!({ "exp": (now + 60).to_string() }), "auth.jwt"),
        (json!({ "exp": null }), "auth.jwt"),
        (json!({ "nbf": now + 1 }), "auth.jwt.leeway"),
        (json!({ "nbf": "0" }), "auth.jwt"),
        (json!({ "verified": "true" }), "auth.jwt.required_claims"),
        (json!({ "level": "3" }), "auth.jwt.required_claims"),
        (json!({ "level": 4 }), "auth.jwt.required_claims"),
        (json!({ "sub": 42 }), "auth.jwt.id_claim"),
        (json!({ "sub": "" }), "auth.jwt.id_claim"),
    ] {
        let answer = server.get_as(&key.token(&with(good.clone(), &changes)), "/sts?grant=avatars").await;
        assert_eq!(answer.problem(), invalid_token(), "{changes}");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"oss-vend\", error=\"invalid_token\"");
        let problem: Value = serde_json::from_str(&answer.text).unwrap();
        assert!(problem["hint"].as_str().unwrap().contains(hint), "{changes}: {problem}");
    }
}

#[tokio::test]
async fn an_identity_is_no_way_out_of_its_directory() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let issuer = format!("[[auth.jwt]]\nissuer = {:?}\naudiences = [\"uploads\"]\n", provider.url());
    let hashing = config_with(&issuer).replace("dir = \"avatars/", "unsafe_id = \"hash\"\ndir = \"avatars/");
    let hashing = TestServer::with(&hashing).await;
    for id in ["*", "?", "../x", "a/b", "a%2Fb", "${filename}", "..", "ａ", "a\0", "a\r\nb", &"x".repeat(129)] {
        let token = key.token(&with(claims(&provider, &server), &json!({ "sub": id })));
        assert_eq!(refusal(&server, &token).await, (403, "identity_not_allowed".into()), "{id:?}");
        let dir = dir(&hashing, &token).await;
        // Each of them is a session of its own, and calls to STS are rationed by the second.
        hashing.advance(1);
        let hash = dir.as_str().unwrap().trim_start_matches("avatars/").trim_end_matches('/');
        assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id:?}: {dir}");
    }
}

#[tokio::test]
async fn a_token_is_verified_once_and_forgotten_when_it_expires() {
    let key = Key::new("RS256");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let now = server.now().timestamp();
    let token = key.token(&with(claims(&provider, &server), &json!({ "exp": now + 60 })));
    for seconds in [0, 30, 29] {
        server.advance(seconds);
        assert_eq!(dir(&server, &token).await, "avatars/u42/");
    }
    server.advance(1);
    assert_eq!(refusal(&server, &token).await, invalid_token());
}

/// Each request of a connection is judged by its own token, whatever came before it.
#[tokio::test]
async fn over_one_connection_each_token_speaks_for_its_own_caller() {
    let secret = "s".repeat(64);
    let issuer = format!("[[auth.jwt]]\nissuer = \"i\"\naudiences = [\"uploads\"]\nsecret = {secret:?}\n");
    let (server, key) = (server_with(&issuer).await, Key::secret("HS256", secret.as_bytes()));
    let token = |id: &str| key.token(&with(claims_of("i", &server), &json!({ "sub": id })));
    let (alice, bob) = (token("alice"), token("bob"));
    for (token, id) in [(&alice, "alice"), (&bob, "bob")].into_iter().cycle().take(4) {
        for _ in 0..4 {
            assert_eq!(dir(&server, token).await, format!("avatars/{id}/"));
        }
        let (head, last) = token.split_at(token.len() - 1);
        let forged = format!("{head}{}", if last == "A" { "B" } else { "A" });
        assert_eq!(refusal(&server, &forged).await, invalid_token());
        assert_eq!(refusal(&server, head).await, invalid_token());
    }
}

#[tokio::test]
async fn a_claim_that_is_read_after_a_reload_is_known_of_a_token_from_before() {
    let secret = "s".repeat(64);
    let issuer = format!("[[auth.jwt]]\nissuer = \"i\"\naudiences = [\"uploads\"]\nsecret = {secret:?}\n");
    let configured =
        |dir: &str| config_with(&issuer).replace("dir = \"avatars/${caller.id}/\"", &format!("dir = {dir:?}"));
    let server = TestServer::with(&configured("avatars/${caller.id}/")).await;
    let claims = with(claims_of("i", &server), &json!({ "tenant": "t1" }));
    let token = Key::secret("HS256", secret.as_bytes()).token(&claims);
    assert_eq!(dir(&server, &token).await, "avatars/u42/");
    server.reload(&configured("avatars/${caller.claims.tenant}/")).unwrap();
    for _ in 0..2 {
        assert_eq!(dir(&server, &token).await, "avatars/t1/");
    }
}

fn base64_of(text: &str) -> Vec<u8> {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}
