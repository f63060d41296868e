//! `/post-signature`, as a browser's form uses it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

/// A form with these fields and the file at its end, sent to the address that the answer names.
pub(crate) async fn submit(
    server: &TestServer,
    answer: &Value,
    change: &[(&str, &str)],
    file: (&str, &str, &[u8]),
) -> Answer {
    let mut fields: Vec<(String, String)> = answer["fields"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .filter(|(name, _)| !change.iter().any(|(changed, _)| changed == name))
        .collect();
    fields.extend(change.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    post(server, answer["url"].as_str().unwrap(), &fields, file).await
}

pub(crate) async fn post(
    server: &TestServer,
    url: &str,
    fields: &[(String, String)],
    file: (&str, &str, &[u8]),
) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    let (filename, content_type, bytes) = file;
    let head = format!(
        "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\nContent-Type: {content_type}\r\n\r\n"
    );
    body.extend(head.bytes());
    body.extend(bytes);
    body.extend(b"\r\n--b0undary--\r\n");
    let request = server.http.post(url).header("content-type", "multipart/form-data; boundary=b0undary");
    Answer::of(request.body(body)).await
}

const FILE: (&str, &str, &[u8]) = ("a b 测试.txt", "text/plain", b"hello");

#[tokio::test]
async fn the_fields_are_complete() {
    let server = TestServer::start().await;
    let answer = server.get("/post-signature").await.json();
    for name in ["method", "url", "host", "dir", "policy", "signature", "ossAccessKeyId", "expiration", "serverTime"] {
        assert!(answer[name].is_string(), "{name}");
    }
    assert_eq!(submit(&server, &answer, &[], FILE).await.status, StatusCode::OK);
    assert_eq!(server.read("uploads/a b 测试.txt").await.text, "hello");
}

#[tokio::test]
async fn the_old_signature_works_where_it_is_granted() {
    let server = TestServer::start().await;
    let answer = server.get("/post-signature?signatureVersion=v1&key=uploads/v1.txt").await.json();
    assert!(answer["fields"]["Signature"].is_string());
    assert_eq!(submit(&server, &answer, &[], FILE).await.status, StatusCode::OK);
    assert_eq!(server.read("uploads/v1.txt").await.text, "hello");
}

#[tokio::test]
async fn a_form_writes_only_what_was_agreed() {
    let server = TestServer::start().await;
    let ask = json!({ "key": "uploads/a.txt", "contentType": "text/plain", "size": 5 });
    let answer = server.post("/post-signature", ask).await.json();
    for (name, value) in [
        ("key", "uploads/b.txt"),
        ("Content-Type", "text/html"),
        ("x-oss-content-type", "text/html"),
        ("success_action_status", "204"),
        ("x-oss-credential", "STS.other/20260101/cn-hangzhou/oss/aliyun_v4_request"),
        ("x-oss-date", "20260101T000001Z"),
        ("x-oss-security-token", "other"),
        ("policy", "e30="),
    ] {
        let refused = submit(&server, &answer, &[(name, value)], FILE).await;
        assert!(refused.status.is_client_error(), "{name}: {}", refused.text);
        assert!(!refused.oss_code().is_empty());
    }
    assert_eq!(submit(&server, &answer, &[], ("a", "text/plain", b"hell")).await.oss_code(), "EntityTooSmall");
    assert_eq!(submit(&server, &answer, &[], ("a", "text/plain", b"hello!")).await.oss_code(), "EntityTooLarge");
    assert_eq!(submit(&server, &answer, &[], FILE).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_for_a_directory_stays_in_it() {
    let server = TestServer::start().await;
    let answer = server.get("/post-signature").await.json();
    assert_eq!(submit(&server, &answer, &[("key", "elsewhere/a")], FILE).await.oss_code(), "AccessDenied");
}

#[tokio::test]
async fn a_form_dies_when_its_answer_says() {
    let server = TestServer::start().await;
    let answer = server.get("/post-signature?expires=60").await.json();
    assert_eq!(answer["expiration"], "2026-01-01T00:01:00Z");
    server.advance(59);
    assert_eq!(submit(&server, &answer, &[], FILE).await.status, StatusCode::OK);
    server.advance(2);
    assert_eq!(submit(&server, &answer, &[], FILE).await.oss_code(), "AccessDenied");
}

#[tokio::test]
async fn a_form_for_images_takes_no_page() {
    let server = TestServer::start().await;
    let answer = server.get_as("ovk_dev_alice", "/post-signature?grant=avatars&filename=me.png").await.json();
    assert!(answer["key"].as_str().unwrap().starts_with("avatars/alice/"));
    assert_eq!(answer["fields"]["Content-Type"], "image/png");
    let html = [("Content-Type", "text/html"), ("x-oss-content-type", "text/html")];
    assert_eq!(submit(&server, &answer, &html, FILE).await.oss_code(), "AccessDenied");
    assert_eq!(submit(&server, &answer, &[], ("me.png", "image/png", b"png")).await.status, StatusCode::OK);
}
