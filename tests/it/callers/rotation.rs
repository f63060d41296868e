//! Keys that change, and issuers that do not answer.

use futures_util::future::join_all;
use serde_json::json;

use super::keys::Key;
use super::provider::Provider;
use super::{claims, config_with, dir, invalid_token, refusal, server_of, with};
use crate::metrics::observed;

#[tokio::test]
async fn a_flood_of_unknown_key_ids_makes_one_fetch_in_half_a_minute() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let says = claims(&provider, &server);
    let made_up = |index: i32| key.token_with(&json!({ "alg": "EdDSA", "kid": format!("made-up-{index}") }), &says);
    for (round, fetches) in [(0, 1), (1, 2), (2, 3)] {
        let tokens: Vec<_> = (0..100).map(|index| made_up(round * 100 + index)).collect();
        for refused in join_all(tokens.iter().map(|token| refusal(&server, token))).await {
            assert_eq!(refused, invalid_token());
        }
        assert_eq!(provider.fetches(), fetches, "round {round}");
        assert_eq!(dir(&server, &key.token(&says)).await, "avatars/u42/");
        server.advance(30);
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_ends_with_its_remembered_tokens() {
    let (old, new) = (Key::named("old", "ES256"), Key::named("new", "RS256"));
    let provider = Provider::start(&[&old]).await;
    let server = server_of(&provider, "").await;
    let of_old = old.token(&claims(&provider, &server));
    assert_eq!(dir(&server, &of_old).await, "avatars/u42/");
    provider.publish(&[&new]);
    let of_new = new.token(&claims(&provider, &server));
    // The keys were fetched this very moment.
    assert_eq!(refusal(&server, &of_new).await, invalid_token());
    assert_eq!(dir(&server, &of_old).await, "avatars/u42/");
    server.advance(30);
    assert_eq!(dir(&server, &of_new).await, "avatars/u42/");
    assert_eq!(refusal(&server, &of_old).await, invalid_token());
}

#[tokio::test]
async fn a_withdrawn_key_ends_without_any_new_one() {
    let (old, kept) = (Key::named("old", "ES256"), Key::named("kept", "EdDSA"));
    let provider = Provider::start(&[&old, &kept]).await;
    let server = server_of(&provider, "").await;
    let of_old = old.token(&claims(&provider, &server));
    assert_eq!(dir(&server, &of_old).await, "avatars/u42/");
    provider.publish(&[&kept]);
    server.advance(15 * 60);
    // This answer still stands on the old keys; the new ones are fetched behind it.
    dir(&server, &of_old).await;
    server.until_async(async || refusal_or_dir(&server, &of_old).await == 401).await;
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_makes_nobody_anonymous_and_is_asked_again() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let token = key.token(&claims(&provider, &server));
    provider.broken(true);
    for _ in 0..3 {
        let answer = server.get_as(&token, "/sts").await;
        assert_eq!(answer.problem(), (503, "auth_unavailable".into()));
        assert_eq!(answer.header("retry-after"), "5");
    }
    provider.broken(false);
    assert_eq!(refusal(&server, &token).await, (503, "auth_unavailable".into()));
    server.advance(5);
    assert_eq!(dir(&server, &token).await, "avatars/u42/");
    // Once there are keys, they outlast the issuer for a day.
    provider.broken(true);
    let says = with(claims(&provider, &server), &json!({ "exp": server.now().timestamp() + 100 * 3600 }));
    server.advance(23 * 3600);
    assert_eq!(dir(&server, &key.token(&says)).await, "avatars/u42/");
    server.advance(3600);
    let later = with(says, &json!({ "jti": "another" }));
    assert_eq!(refusal(&server, &key.token(&later)).await, (503, "auth_unavailable".into()));
}

#[tokio::test]
async fn metadata_of_another_issuer_are_not_believed() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let token = key.token(&claims(&provider, &server));
    let keys = format!("{}/keys", provider.url());
    for metadata in [
        json!({ "issuer": "https://evil.example", "jwks_uri": keys }),
        json!({ "issuer": format!("{}/", provider.url()), "jwks_uri": keys }),
        json!({ "issuer": provider.url(), "jwks_uri": "http://192.0.2.1/keys" }),
        json!({ "issuer": provider.url() }),
        json!("nothing"),
    ] {
        provider.describe(metadata);
        server.advance(5);
        assert_eq!(refusal(&server, &token).await, (503, "auth_unavailable".into()));
    }
    assert_eq!(provider.fetches(), 0);
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_no_fetch() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let token = key.token(&claims(&provider, &server));
    provider.hold_back();
    let request = server.request(reqwest::Method::GET, "/sts?grant=avatars").bearer_auth(&token);
    let impatient = tokio::spawn(request.send());
    server.until(|| provider.fetches() == 1).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    provider.release();
    server.until_async(async || refusal_or_dir(&server, &token).await == 200).await;
    assert_eq!(provider.fetches(), 1);
}

async fn refusal_or_dir(server: &crate::support::TestServer, token: &str) -> u16 {
    server.get_as(token, "/sts?grant=avatars").await.status.as_u16()
}

#[tokio::test]
async fn the_operator_alone_learns_of_an_issuer_that_cannot_be_reached() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    provider.broken(true);
    let issuer = format!("[[auth.jwt]]\nissuer = {:?}\naudiences = [\"uploads\"]\n", provider.url());
    let server = observed(&config_with(&issuer)).await;
    let told = server.admin("/readyz").await.json();
    assert_eq!((&told["ready"], &told["reasons"][0]["code"]), (&json!(true), &json!("issuer_unreachable")));
    assert!(told["reasons"][0]["detail"].as_str().unwrap().contains(provider.url()), "{told}");
    assert_eq!((&told["issuers"][0]["issuer"], told["issuers"][0].get("keys")), (&json!(provider.url()), None));
    let public = server.get("/readyz").await;
    assert!(!public.text.contains("issuer") && !public.text.contains(provider.url()), "{}", public.text);
    // It is back, and no caller has come.
    provider.broken(false);
    server.advance(6);
    server.until_async(async || server.admin("/readyz").await.json()["issuers"][0]["keys"] == 1).await;
    let told = server.admin("/readyz").await.json();
    assert_eq!((&told["reasons"], told["issuers"][0].get("error")), (&json!([]), None));
    let fetches = provider.fetches();
    for _ in 0..3 {
        server.admin("/readyz").await.json();
    }
    assert_eq!(provider.fetches(), fetches, "keys that are there are not fetched by being looked at");
}
