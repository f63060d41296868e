//! `/sts` and `/credentials-uri`.

use serde_json::json;

use crate::support::{TestServer, time};

#[tokio::test]
async fn the_answer_has_the_names_that_clients_read() {
    let server = TestServer::start().await;
    let answer = server.get("/sts").await;
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("x-request-id").is_empty());
    let body = answer.json();
    assert!(body["AccessKeyId"].as_str().unwrap().starts_with("STS."));
    assert!(body["AccessKeySecret"].is_string() && body["SecurityToken"].is_string());
    assert_eq!(body["Expiration"], "2026-01-01T01:00:00Z");
    assert_eq!(body["serverTime"], "2026-01-01T00:00:00Z");
    assert_eq!(body["refreshAfter"], "2026-01-01T00:55:00Z");
    assert_eq!((body["bucket"].as_str(), body["region"].as_str()), (Some("examplebucket"), Some("cn-hangzhou")));
    assert_eq!((body["dir"].as_str(), body.get("clampedBy")), (Some("uploads/"), None));
    assert_eq!(server.post("/sts", json!({ "grant": "default" })).await.json(), body);
}

#[tokio::test]
async fn the_same_credentials_are_given_until_sixty_seconds_before_their_end() {
    let server = TestServer::start().await;
    let first = server.get("/sts").await.json();
    server.advance(3600 - 301 - 60);
    assert_eq!(server.get("/sts").await.json()["AccessKeyId"], first["AccessKeyId"]);
    // The refresh ahead is made to fail, so that only the margin decides.
    server.knobs().fail_next("AssumeRole", 1, unavailable());
    server.advance(301 - 1);
    assert_eq!((time(&first["Expiration"]) - server.now()).num_seconds(), 61);
    assert_eq!(server.get("/sts").await.json()["AccessKeyId"], first["AccessKeyId"]);
    server.until_async(async || server.admin("/readyz").await.json()["lastStsCall"]["ok"] == false).await;
    server.advance(2);
    let second = server.get("/sts").await.json();
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!((time(&second["Expiration"]) - server.now()).num_seconds(), 3600);
}

#[tokio::test]
async fn in_the_last_minutes_the_next_request_renews_behind_its_answer() {
    let server = TestServer::start().await;
    let first = server.get("/sts").await.json();
    server.advance(3600 - 300);
    assert_eq!(server.get("/sts").await.json()["AccessKeyId"], first["AccessKeyId"]);
    server.until(|| server.knobs().count("AssumeRole") == 2).await;
    server.until_async(async || server.get("/sts").await.json()["AccessKeyId"] != first["AccessKeyId"]).await;
    assert_eq!(server.knobs().count("AssumeRole"), 2);
}

#[tokio::test]
async fn a_caller_says_how_long_and_how_much_must_be_left() {
    let server = TestServer::start().await;
    let short = server.get("/sts?duration=900").await.json();
    assert_eq!((time(&short["Expiration"]) - server.now()).num_seconds(), 900);
    let capped = server.get("/sts?duration=7200").await.json();
    assert_eq!(
        ((time(&capped["Expiration"]) - server.now()).num_seconds(), capped["clampedBy"].as_str()),
        (3600, Some("grant"))
    );
    server.advance(2000);
    assert_eq!(server.get("/sts").await.json()["AccessKeyId"], capped["AccessKeyId"]);
    let renewed = server.get("/sts?minRemaining=3000").await.json();
    assert_eq!((time(&renewed["Expiration"]) - server.now()).num_seconds(), 3600);
    let beyond = server.get("/sts?minRemaining=7200").await.json();
    assert_eq!(beyond["clampedBy"], "session");
}

#[tokio::test]
async fn each_caller_has_a_directory_and_credentials_of_its_own() {
    let server = TestServer::start().await;
    let alice = server.get_as("ovk_dev_alice", "/sts?grant=avatars").await.json();
    let bob = server.get_as("ovk_dev_bob", "/sts?grant=avatars").await.json();
    assert_eq!((alice["dir"].as_str(), bob["dir"].as_str()), (Some("avatars/alice/"), Some("avatars/bob/")));
    assert_ne!(alice["AccessKeyId"], bob["AccessKeyId"]);
    assert_eq!(server.get("/sts?grant=avatars").await.problem(), (401, "authentication_required".into()));
}

#[tokio::test]
async fn a_custom_domain_is_told_to_the_sdk() {
    let config = oss_vend::dev::CONFIG.replacen(
        "dir = \"uploads/\"",
        "dir = \"uploads/\"\npublic_host = \"https://static.example.com\"",
        1,
    );
    let body = TestServer::with(&config).await.get("/sts").await.json();
    assert_eq!((body["endpoint"].as_str(), body["cname"].as_bool()), (Some("https://static.example.com"), Some(true)));
}

#[tokio::test]
async fn the_credentials_uri_answers_as_the_sdks_read_it() {
    let server = TestServer::start().await;
    let answer = server.get("/credentials-uri").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["AccessKeyId", "AccessKeySecret", "Code", "Expiration", "SecurityToken"]);
    assert_eq!((body["Code"].as_str(), body["Expiration"].as_str()), (Some("Success"), Some("2026-01-01T01:00:00Z")));
    assert_eq!(server.get("/sts").await.json()["AccessKeyId"], body["AccessKeyId"]);

    // The SDKs would ask anew at each use from 15 minutes before the end.
    server.advance(3600 - 15 * 60);
    let renewed = server.get("/credentials-uri").await.json();
    assert_ne!(renewed["AccessKeyId"], body["AccessKeyId"]);
    assert_eq!(renewed["Expiration"], "2026-01-01T01:45:00Z");
}

#[tokio::test]
async fn the_credentials_uri_takes_the_parameters_and_proofs_of_sts() {
    let server = TestServer::start().await;
    let short = server.get("/credentials-uri?duration=900").await.json();
    assert_eq!(short["Expiration"], "2026-01-01T00:15:00Z");
    let again = server.get("/credentials-uri?duration=900").await.json();
    assert_eq!(again, short, "credentials that cannot live 16 minutes are not renewed at each request");
    server.get_as("ovk_dev_alice", "/credentials-uri?grant=avatars").await.json();
    for (path, status, code) in [
        ("/credentials-uri?grant=avatars", 401, "authentication_required"),
        ("/credentials-uri?grant=nope", 404, "unknown_grant"),
        ("/credentials-uri?key=a", 400, "unknown_parameter"),
    ] {
        assert_eq!(server.get(path).await.problem(), (status, code.to_owned()), "{path}");
    }
}

fn unavailable() -> oss_vend::emulator::Failure {
    oss_vend::emulator::Failure::Status { status: 503, code: "ServiceUnavailable".into(), message: "later".into() }
}
