//! What callers see when STS refuses, fails, is slow or is something else altogether.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oss_vend::emulator::Failure;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::TestServer;

fn status(status: u16, code: &str) -> Failure {
    Failure::Status { status, code: code.into(), message: "a sentence of STS that no client may see".into() }
}

fn body(status: u16, content_type: &str, body: &[u8]) -> Failure {
    Failure::Body { status, content_type: content_type.into(), body: body.to_vec() }
}

#[tokio::test]
async fn each_refusal_of_sts_is_told_by_its_code_and_never_in_its_words() {
    let refusals = [
        (400, "InvalidParameter.RoleArn"),
        (400, "InvalidParameter.RoleSessionName"),
        (400, "InvalidParameter.DurationSeconds"),
        (400, "InvalidParameter.PolicyGrammar"),
        (400, "InvalidParameter.PolicySize"),
        (400, "InvalidParameter.ExternalId"),
        (400, "MissingRoleArn"),
        (403, "NoPermission"),
        (404, "EntityNotExist.Role"),
        (400, "IncompleteSignature"),
        (400, "SignatureDoesNotMatch"),
        (400, "SignatureNonceUsed"),
        (400, "InvalidTimeStamp.Expired"),
        (404, "InvalidAccessKeyId.NotFound"),
        (400, "InvalidAccessKeyId.Inactive"),
        (400, "InvalidSecurityToken.Expired"),
        (404, "InvalidAction.NotFound"),
    ];
    for (http, code) in refusals {
        let server = TestServer::start().await;
        server.knobs().fail_next("AssumeRole", 3, status(http, code));
        let answer = server.get_while_time_passes("/sts").await;
        assert_eq!(answer.problem(), (502, "sts_refused".into()), "{code}");
        let problem: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(
            (problem["upstream"]["service"].as_str(), problem["upstream"]["code"].as_str()),
            (Some("STS"), Some(code))
        );
        assert!(problem["upstream"]["requestId"].is_string());
        assert!(!answer.text.contains("a sentence of STS"), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_passes_by_itself_says_when_to_come_again() {
    for (failure, code) in [
        (status(400, "Throttling.User"), "sts_throttled"),
        (status(500, "InternalError"), "sts_unavailable"),
        (status(503, "ServiceUnavailable"), "sts_unavailable"),
        (Failure::Close, "sts_unavailable"),
    ] {
        let server = TestServer::start().await;
        server.knobs().fail_next("AssumeRole", 3, failure);
        let answer = server.get_while_time_passes("/sts").await;
        assert_eq!(answer.problem(), (503, code.into()));
        assert_eq!(server.knobs().count("AssumeRole"), 3, "three attempts make a load");
        let seconds: i64 = answer.header("retry-after").parse().unwrap();
        server.advance(seconds);
        server.get("/sts").await.json();
    }
}

#[tokio::test]
async fn an_answer_that_is_not_of_sts_is_no_answer() {
    for failure in [
        body(200, "text/html", b"<html>login</html>"),
        body(200, "application/json", b"{}"),
        body(200, "application/json", b"[1"),
        body(302, "text/html", b""),
    ] {
        let server = TestServer::start().await;
        server.knobs().fail_next("AssumeRole", 1, failure);
        assert_eq!(server.get("/sts").await.problem(), (502, "sts_invalid_answer".into()));
    }
}

#[tokio::test]
async fn a_gigabyte_from_sts_is_read_no_further_than_an_answer_goes() {
    let sent = Arc::new(AtomicUsize::new(0));
    let address = endless(Arc::clone(&sent)).await;
    let server = TestServer::with(&pointed_at(&address)).await;
    assert_eq!(server.get("/sts").await.problem(), (502, "sts_invalid_answer".into()));
    assert!(sent.load(Ordering::Relaxed) < 64 << 20, "{} bytes were taken", sent.load(Ordering::Relaxed));
}

#[tokio::test]
async fn an_sts_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config =
        pointed_at(&listener.local_addr().unwrap().to_string()).replacen("[sts]", "[sts]\ntimeout = \"50ms\"", 1);
    let server = TestServer::with(&config).await;
    assert_eq!(server.get_while_time_passes("/sts").await.problem(), (504, "sts_timeout".into()));
}

#[tokio::test]
async fn an_sts_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let server = TestServer::with(&pointed_at(&address)).await;
    let answer = server.get_while_time_passes("/presigned-url?key=uploads/a").await;
    assert_eq!(answer.problem(), (503, "sts_unavailable".into()));
    assert_eq!(server.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn a_real_refusal_names_what_the_operator_has_to_change() {
    for (old, new, code, key) in [
        ("emulatorSecretNotARealOne", "another", "SignatureDoesNotMatch", "access_key"),
        ("LTAIemulatorNotARealKey", "LTAIanother", "InvalidAccessKeyId.NotFound", "access_key"),
        ("role/oss-vend-dev", "role/nobody", "EntityNotExist.Role", "role_arn"),
    ] {
        let server = TestServer::with(&oss_vend::dev::CONFIG.replacen(old, new, 1)).await;
        let answer = server.get("/sts").await;
        assert_eq!(answer.problem(), (502, "sts_refused".into()));
        let problem: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(problem["upstream"]["code"], code);
        assert!(problem["hint"].as_str().unwrap().contains(key), "{problem}");
    }
}

#[tokio::test]
async fn a_key_that_is_alive_is_given_through_an_outage() {
    let server = TestServer::start().await;
    let first = server.get("/sts").await.json();
    server.knobs().fail_next("AssumeRole", 1000, status(503, "ServiceUnavailable"));
    for left in [200, 59, 1] {
        let end: chrono::DateTime<chrono::Utc> = first["Expiration"].as_str().unwrap().parse().unwrap();
        server.clock.set(end - chrono::TimeDelta::seconds(left));
        assert_eq!(server.get("/sts").await.json()["AccessKeyId"], first["AccessKeyId"], "{left} seconds left");
        assert_eq!(server.get("/readyz").await.json()["ready"], true);
    }
    server.advance(1);
    assert_eq!(server.get("/sts").await.status, 503);
}

/// The configuration of `dev`, with STS elsewhere.
fn pointed_at(address: &str) -> String {
    oss_vend::dev::CONFIG.replacen("[sts]", &format!("[sts]\nendpoint = \"http://{address}\""), 1)
}

/// A server whose answer never ends, counting what it could send.
async fn endless(sent: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let _request = stream.read(&mut head).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n")
            .await
            .unwrap();
        let chunk = vec![b' '; 65536];
        while let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(5), stream.write_all(&chunk)).await {
            sent.fetch_add(chunk.len(), Ordering::Relaxed);
        }
    });
    address
}
