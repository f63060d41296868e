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
    assert_eq!(refusal(&server, &of_old).await, invalid_token());
    assert_eq!(provider.fetches(), 2);
}

/// The server was idle: nothing has fetched the keys meanwhile, and the token was not seen either.
#[tokio::test]
async fn a_withdrawn_key_verifies_nothing_on_a_server_that_was_idle() {
    let (old, kept) = (Key::named("old", "ES256"), Key::named("kept", "EdDSA"));
    for idle in [15 * 60, 3600, 23 * 3600] {
        let provider = Provider::start(&[&old, &kept]).await;
        let server = server_of(&provider, "").await;
        dir(&server, &kept.token(&claims(&provider, &server))).await;
        provider.publish(&[&kept]);
        server.advance(idle);
        assert_eq!(refusal(&server, &old.token(&claims(&provider, &server))).await, invalid_token(), "{idle}");
        dir(&server, &kept.token(&claims(&provider, &server))).await;
        assert_eq!(provider.fetches(), 2);
    }
}

#[tokio::test]
async fn a_token_that_is_remembered_ends_with_its_key_at_the_age_of_refresh() {
    let (old, kept) = (Key::named("old", "ES256"), Key::named("kept", "EdDSA"));
    let provider = Provider::start(&[&old, &kept]).await;
    let server = server_of(&provider, "").await;
    dir(&server, &kept.token(&claims(&provider, &server))).await;
    server.advance(9 * 60 + 59);
    let of_old = old.token(&claims(&provider, &server));
    provider.publish(&[&kept]);
    // Verified, and remembered for five minutes, by keys that are fetched anew before these are over.
    dir(&server, &of_old).await;
    server.advance(4 * 60);
    dir(&server, &of_old).await;
    server.advance(61);
    assert_eq!(refusal(&server, &of_old).await, invalid_token());
}

#[tokio::test]
async fn a_burst_at_the_age_of_refresh_waits_for_one_fetch() {
    let (old, kept) = (Key::named("old", "ES256"), Key::named("kept", "EdDSA"));
    let provider = Provider::start(&[&old, &kept]).await;
    let server = server_of(&provider, "").await;
    dir(&server, &kept.token(&claims(&provider, &server))).await;
    provider.publish(&[&kept]);
    server.advance(20 * 60);
    provider.hold_back();
    let says = claims(&provider, &server);
    let tokens: Vec<_> =
        (0..200).map(|index| [&old, &kept][index % 2].token(&with(says.clone(), &json!({ "jti": index })))).collect();
    let burst = join_all(tokens.iter().map(|token| server.get_as(token, "/sts?grant=avatars")));
    let release = async {
        server.until(|| provider.fetches() == 2).await;
        provider.release();
    };
    let (answers, ()) = futures_util::future::join(burst, release).await;
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status.as_u16(), if index % 2 == 0 { 401 } else { 200 });
    }
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test]
async fn a_busy_server_fetches_ahead_and_nobody_waits() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let token = |index: u32| key.token(&with(claims(&provider, &server), &json!({ "jti": index })));
    dir(&server, &token(0)).await;
    server.advance(10 * 60);
    provider.hold_back();
    dir(&server, &token(1)).await;
    server.until(|| provider.fetches() == 2).await;
    provider.release();
    // What was fetched counts from then on.
    server.advance(6 * 60);
    server.until_async(async || refusal_or_dir(&server, &token(2)).await == 200).await;
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test]
async fn a_key_that_takes_the_id_of_another_takes_its_place_too() {
    let (old, new) = (Key::named("one", "EdDSA"), Key::named("one", "EdDSA"));
    let provider = Provider::start(&[&old]).await;
    let server = server_of(&provider, "").await;
    let of_old = old.token(&claims(&provider, &server));
    dir(&server, &of_old).await;
    provider.publish(&[&new]);
    server.advance(15 * 60);
    assert_eq!(refusal(&server, &of_old).await, invalid_token());
    assert_eq!(dir(&server, &new.token(&claims(&provider, &server))).await, "avatars/u42/");
}

#[tokio::test]
async fn a_set_without_a_key_withdraws_all_of_them_and_what_was_remembered() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let says = with(claims(&provider, &server), &json!({ "exp": server.now().timestamp() + 7200 }));
    let token = key.token(&says);
    dir(&server, &token).await;
    server.advance(14 * 60);
    dir(&server, &token).await;
    provider.publish(&[]);
    server.advance(61);
    for _ in 0..3 {
        assert_eq!(refusal(&server, &token).await, (503, "auth_unavailable".into()));
        server.advance(31);
    }
    // Other keys come: what was remembered of the first ones is no caller's any more.
    provider.publish(&[&Key::named("another", "EdDSA")]);
    assert_eq!(refusal(&server, &token).await, invalid_token());
}

#[tokio::test]
async fn an_outage_of_the_issuer_stops_nobody_for_an_hour_and_holds_nobody_up() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    let says = with(claims(&provider, &server), &json!({ "exp": server.now().timestamp() + 8 * 3600 }));
    let token = |index: u32| key.token(&with(says.clone(), &json!({ "jti": index })));
    // Of the routes that ask for a proof, one that needs no session: those have outages of their own.
    let asked = async |index: u32| server.get_as(&token(index), "/grants").await;
    asked(0).await.json();
    server.advance(14 * 60);
    provider.broken(true);
    for minute in 1..=105 {
        assert_eq!(asked(minute).await.status, 200, "{minute}");
        server.advance(60);
    }
    // It hangs, and has failed a moment ago: nobody waits for it.
    provider.hold_back();
    server.advance(6);
    asked(201).await.json();
    provider.release();
    server.advance(120);
    assert_eq!(asked(202).await.problem(), (503, "auth_unavailable".into()));
    provider.broken(false);
    server.advance(5);
    asked(203).await.json();
}

#[tokio::test]
async fn a_clock_that_is_put_back_gives_a_withdrawn_key_no_life() {
    let (old, kept) = (Key::named("old", "ES256"), Key::named("kept", "EdDSA"));
    let provider = Provider::start(&[&old, &kept]).await;
    let server = server_of(&provider, "").await;
    dir(&server, &kept.token(&claims(&provider, &server))).await;
    provider.publish(&[&kept]);
    server.advance(31);
    server.clock.jump(chrono::TimeDelta::hours(-10));
    assert_eq!(refusal(&server, &old.token(&claims(&provider, &server))).await, invalid_token());
    // Nor does an issuer that fails meanwhile.
    server.clock.jump(chrono::TimeDelta::hours(-10));
    provider.broken(true);
    let says = with(claims(&provider, &server), &json!({ "exp": server.now().timestamp() + 3 * 3600 }));
    dir(&server, &kept.token(&says)).await;
    server.advance(2 * 3600);
    assert_eq!(refusal(&server, &kept.token(&says)).await, (503, "auth_unavailable".into()));
}

#[tokio::test]
async fn a_key_that_leaves_the_file_ends_with_the_reload() {
    let (old, kept) = (Key::named("old", "ES256"), Key::named("kept", "EdDSA"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let write = |keys: &[&Key]| {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        std::fs::write(&file, json!({ "keys": keys }).to_string()).unwrap();
    };
    write(&[&old, &kept]);
    let issuer =
        format!("[[auth.jwt]]\nissuer = \"i\"\nid_prefix = \"i.\"\naudiences = [\"uploads\"]\njwks_file = {file:?}\n");
    let config = format!("{}\n{issuer}", oss_vend::dev::CONFIG);
    let server = crate::support::TestServer::with(&config).await;
    let of_old = old.token(&super::claims_of("i", &server));
    dir(&server, &of_old).await;
    write(&[&kept]);
    server.reload(&config).unwrap();
    assert_eq!(refusal(&server, &of_old).await, invalid_token());
    dir(&server, &kept.token(&super::claims_of("i", &server))).await;
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
    // Once there are keys, they outlast the issuer for two hours after the last fetch.
    provider.broken(true);
    let says = with(claims(&provider, &server), &json!({ "exp": server.now().timestamp() + 100 * 3600 }));
    server.advance(2 * 3600 - 60);
    assert_eq!(dir(&server, &key.token(&says)).await, "avatars/u42/");
    server.advance(60);
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
