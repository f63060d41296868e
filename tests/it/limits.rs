//! Rates: by caller, by address, by grant, on a clock that is moved by hand.

use oss_vend::dev::CONFIG;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

/// The server of `dev`, with these limits and what else is `more`.
async fn server(per_caller: &str, per_address: &str, more: &str) -> TestServer {
    let config = CONFIG.replace("per_caller = \"off\"", &format!("per_caller = \"{per_caller}\""));
    let config = config.replace("per_address = \"off\"", &format!("per_address = \"{per_address}\""));
    TestServer::with(&format!("{config}\n{more}\n")).await
}

/// Through a proxy that appends `chain` to `X-Forwarded-For`.
async fn through(server: &TestServer, chain: &str) -> u16 {
    Answer::of(server.request(Method::GET, "/sts").header("x-forwarded-for", chain)).await.status.as_u16()
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_is_then_served() {
    let server = server("6/m burst 3", "off", "").await;
    for _ in 0..3 {
        server.get_as("ovk_dev_alice", "/sts").await.json();
    }
    let refused = server.get_as("ovk_dev_alice", "/sts").await;
    assert_eq!(refused.problem(), (429, "rate_limited".into()));
    assert_eq!(refused.header("retry-after"), "10");
    assert_eq!(refused.header("ratelimit-policy"), "\"caller\";q=3;w=30");
    assert_eq!(refused.header("ratelimit"), "\"caller\";r=0;t=10");
    assert_eq!(serde_json::from_str::<Value>(&refused.text).unwrap()["retryAfter"], 10);
    server.get_as("ovk_dev_bob", "/sts").await.json();
    server.advance(9);
    assert_eq!(server.get_as("ovk_dev_alice", "/sts").await.header("retry-after"), "1");
    server.advance(1);
    server.get_as("ovk_dev_alice", "/sts").await.json();
    assert_eq!(server.get_as("ovk_dev_alice", "/sts").await.status, 429);
}

#[tokio::test]
async fn every_route_counts_alike() {
    let server = server("1/m burst 8", "off", "").await;
    for path in [
        "/sts",
        "/grants",
        "/credentials-uri",
        "/post-signature?grant=avatars&filename=a.png",
        "/presigned-url?grant=avatars&filename=a.png&size=1",
        "/get_sts_token_for_oss_upload",
        "/get_post_signature_for_oss_upload",
        "/get_presigned_url_for_oss_upload",
    ] {
        assert_eq!(server.get_as("ovk_dev_alice", path).await.status, 200, "{path}");
    }
    assert_eq!(server.get_as("ovk_dev_alice", "/sts").await.status, 429);
    assert_eq!(server.get_as("ovk_dev_alice", "/healthz").await.status, 200, "only vending is limited");
}

#[tokio::test]
async fn callers_without_a_proof_are_limited_by_address_alone() {
    let server = server("1/m", "1/m burst 3", "").await;
    for _ in 0..3 {
        server.get("/sts").await.json();
    }
    let refused = server.get("/sts").await;
    assert_eq!(refused.problem(), (429, "rate_limited".into()));
    assert_eq!(refused.header("ratelimit-policy"), "\"address\";q=3;w=180");
    assert_eq!(server.get_as("ovk_dev_alice", "/sts").await.status, 429, "whoever asks from there");
}

#[tokio::test]
async fn proofs_cannot_be_guessed_at_any_speed() {
    let server = server("off", "1/m burst 3", "").await;
    for _ in 0..3 {
        assert_eq!(server.get_as("ovk_wrong", "/sts").await.problem(), (401, "invalid_proof".into()));
    }
    assert_eq!(server.get_as("ovk_dev_alice", "/sts").await.problem(), (429, "rate_limited".into()));
}

#[tokio::test]
async fn items_of_a_batch_count_each() {
    let server = server("1/s burst 10", "off", "").await;
    let batch = |count: usize| {
        let items: Vec<_> = (0..count).map(|n| json!({ "key": format!("uploads/{n}") })).collect();
        let request = server.request(Method::POST, "/presigned-url").bearer_auth("ovk_dev_alice");
        Answer::of(request.header("content-type", "application/json").body(json!({ "items": items }).to_string()))
    };
    batch(8).await.json();
    assert_eq!(batch(3).await.problem(), (429, "rate_limited".into()));
    assert_eq!(batch(1).await.json()["items"].as_array().unwrap().len(), 1, "what was refused has cost one");
}

/// A batch of so many items, as alice.
async fn batch(server: &TestServer, key: Option<&str>, count: usize) -> Answer {
    let items: Vec<_> = (0..count).map(|n| json!({ "key": format!("uploads/{n}") })).collect();
    let request = server.request(Method::POST, "/presigned-url").header("content-type", "application/json");
    let request = key.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
    Answer::of(request.body(json!({ "items": items }).to_string())).await
}

#[tokio::test]
async fn a_batch_that_no_wait_would_make_possible_says_how_many_fit_and_costs_nothing() {
    for (per_caller, per_address, key, most) in [
        ("1/h burst 10", "off", Some("ovk_dev_alice"), 10),
        ("1/h burst 10", "1/h burst 20", Some("ovk_dev_alice"), 10),
        ("1/h burst 20", "1/h burst 10", Some("ovk_dev_alice"), 10),
        ("1/h burst 2", "1/h burst 10", None, 10),
    ] {
        let server = server(per_caller, per_address, "").await;
        for count in [most + 1, 100] {
            let refused = batch(&server, key, count).await;
            assert_eq!(refused.problem(), (413, "batch_too_large".into()), "{per_caller} {per_address}");
            let problem: Value = serde_json::from_str(&refused.text).unwrap();
            assert!(problem["hint"].as_str().unwrap().contains(&format!("at most {most} items")), "{problem}");
            assert_eq!(refused.header("retry-after"), "");
        }
        let signed = batch(&server, key, most).await.json();
        assert_eq!(signed["items"].as_array().unwrap().len(), most, "nothing was charged before");
        assert_eq!(batch(&server, key, 1).await.problem(), (429, "rate_limited".into()), "and now all of it is");
    }
    let server = server("off", "off", "").await;
    batch(&server, None, 100).await.json();
    assert_eq!(batch(&server, None, 101).await.problem(), (400, "invalid_parameter".into()));
}

#[tokio::test]
async fn items_that_the_callers_rate_refuses_are_not_charged_to_the_address() {
    let server = server("1/h burst 5", "1/h burst 10", "").await;
    batch(&server, Some("ovk_dev_alice"), 3).await.json();
    for _ in 0..4 {
        assert_eq!(batch(&server, Some("ovk_dev_alice"), 5).await.problem(), (429, "rate_limited".into()));
    }
    // The address has paid for three items and four requests, and three are left for others who share it.
    batch(&server, Some("ovk_dev_bob"), 3).await.json();
    assert_eq!(server.get("/sts").await.header("ratelimit"), "\"address\";r=0;t=3600");
}

#[tokio::test]
async fn a_grant_has_a_rate_of_its_own_for_all_together() {
    let avatars = "[grants.avatars]\n";
    let config = CONFIG.replace(avatars, &format!("{avatars}limit = \"1/m burst 2\"\n"));
    let server = TestServer::with(&config).await;
    let ask = "/presigned-url?grant=avatars&filename=a.png&size=1";
    for path in ["/presigned-url?grant=avatars&filename=a.html&size=1", "/presigned-url?grant=avatars&filename=a.png"] {
        assert!(server.get_as("ovk_dev_alice", path).await.status.is_client_error());
    }
    assert_eq!(server.get(ask).await.status, 401);
    server.get_as("ovk_dev_alice", ask).await.json();
    server.get_as("ovk_dev_bob", ask).await.json();
    let refused = server.get_as("ovk_dev_alice", ask).await;
    assert_eq!(refused.problem(), (429, "rate_limited".into()), "who is refused anyway takes nothing from the others");
    assert_eq!(refused.header("ratelimit"), "\"grant\";r=0;t=60");
    server.get_as("ovk_dev_alice", "/sts").await.json();
    server.advance(60);
    let items = json!({ "grant": "avatars", "items": [{ "filename": "a.png", "size": 1 }, { "filename": "b.png", "size": 1 }] });
    let request = server.request(Method::POST, "/presigned-url").bearer_auth("ovk_dev_alice");
    let batch = Answer::of(request.header("content-type", "application/json").body(items.to_string())).await.json();
    assert!(batch["items"][0]["url"].is_string());
    assert_eq!(batch["items"][1]["problem"]["code"], "rate_limited");
    assert_eq!(batch["items"][1]["problem"]["retryAfter"], 60);
}

#[tokio::test]
async fn behind_known_proxies_each_client_has_its_own_share() {
    let server = server("off", "1/m burst 2", "[proxy]\ntrusted = [\"127.0.0.1\", \"10.0.0.0/8\"]").await;
    for chain in ["192.0.2.1", "192.0.2.1, 10.1.2.3"] {
        assert_eq!(through(&server, chain).await, 200, "{chain}");
    }
    for chain in ["192.0.2.1", "203.0.113.9, 192.0.2.1", "10.0.0.1, 192.0.2.1", "127.0.0.1, 192.0.2.1, 10.9.9.9"] {
        assert_eq!(through(&server, chain).await, 429, "what a client writes itself changes nothing: {chain}");
    }
    assert_eq!(through(&server, "192.0.2.2").await, 200);
    for chain in ["2001:db8::1", "2001:db8::2"] {
        assert_eq!(through(&server, chain).await, 200, "{chain}");
    }
    assert_eq!(through(&server, "2001:db8::ffff:3").await, 429, "one customer has 64 bits");
    assert_eq!(through(&server, "2001:db8:0:1::1").await, 200);
}

#[tokio::test]
async fn a_stranger_cannot_say_to_be_another() {
    let server = server("off", "1/m burst 2", "[proxy]\ntrusted = [\"10.0.0.0/8\"]").await;
    assert_eq!(through(&server, "192.0.2.1").await, 200);
    assert_eq!(through(&server, "10.0.0.1").await, 200);
    for chain in ["192.0.2.2", "10.0.0.1", "192.0.2.3, 10.0.0.1"] {
        assert_eq!(through(&server, chain).await, 429, "{chain}");
    }
}
