//! `/presigned-url`.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, TestServer, time};

/// Sends what an answer describes.
async fn send(server: &TestServer, answer: &Value, body: &[u8]) -> Answer {
    let method = Method::from_bytes(answer["method"].as_str().unwrap().as_bytes()).unwrap();
    let mut request = server.http.request(method, answer["url"].as_str().unwrap()).body(body.to_vec());
    for (name, value) in answer["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    Answer::of(request).await
}

#[tokio::test]
async fn any_honest_key_is_written_read_and_deleted() {
    let server = TestServer::start().await;
    let names = [
        "a.txt",
        "a b.txt",
        "a+b%20c%d",
        "\"quo'tes\"",
        "a&b=c;d",
        "测试.png",
        "😀",
        "~!@#$^()[]{}|",
        "x/y/z",
        "a\\b",
        "é e\u{301}",
        "what?*.txt",
        "?",
        "*",
        "a.txt?acl",
    ];
    for name in names {
        let key = format!("uploads/{name}");
        let put = server
            .post("/presigned-url", json!({ "key": key, "contentType": "text/plain; charset=utf-8" }))
            .await
            .json();
        assert_eq!(put["key"], key);
        assert_eq!(send(&server, &put, name.as_bytes()).await.status, 200, "{key}");
        let get = server.post("/presigned-url", json!({ "key": key, "method": "GET" })).await.json();
        assert_eq!(send(&server, &get, b"").await.text, name, "{key}");
        let head = server.post("/presigned-url", json!({ "key": key, "method": "HEAD" })).await.json();
        assert_eq!(send(&server, &head, b"").await.header("content-length"), name.len().to_string());
        let ask = json!({ "key": key, "method": "DELETE" }).to_string();
        let request =
            server.request(Method::POST, "/presigned-url").header("content-type", "application/json").body(ask);
        let delete = Answer::of(request.bearer_auth("ovk_dev_alice")).await.json();
        assert_eq!(send(&server, &delete, b"").await.status, 204);
        assert_eq!(send(&server, &get, b"").await.oss_code(), "NoSuchKey");
    }
}

#[tokio::test]
async fn a_signed_size_is_the_only_size() {
    let server = TestServer::start().await;
    let put = server.get("/presigned-url?key=uploads/a&size=5&contentType=text/plain").await.json();
    for body in [&b"1234"[..], b"123456", b""] {
        assert!(send(&server, &put, body).await.status.is_client_error(), "{} bytes", body.len());
    }
    assert_eq!(send(&server, &put, b"12345").await.status, 200);
}

#[tokio::test]
async fn the_headers_that_are_named_have_to_be_sent_as_they_are() {
    let server = TestServer::start().await;
    let ask = json!({ "key": "uploads/a", "contentType": "image/png", "contentMd5": "CY9rzUYh03PK3k6DJie09g==",
        "storageClass": "IA", "forbidOverwrite": true, "trafficLimit": 819_200 });
    let put = server.post("/presigned-url", ask).await.json();
    let names: Vec<_> = put["headers"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["Content-MD5", "Content-Type", "x-oss-forbid-overwrite", "x-oss-storage-class"]);
    for name in &names {
        let mut without = put.clone();
        without["headers"].as_object_mut().unwrap().remove(name);
        assert_eq!(send(&server, &without, b"test").await.oss_code(), "SignatureDoesNotMatch", "{name}");
    }
    assert_eq!(send(&server, &put, b"tset").await.oss_code(), "InvalidDigest");
    assert_eq!(send(&server, &put, b"test").await.status, 200);
    assert_eq!(send(&server, &put, b"test").await.oss_code(), "FileAlreadyExists");
}

#[tokio::test]
async fn one_byte_changed_anywhere_in_the_url_is_refused() {
    let server = TestServer::start().await;
    server.post("/presigned-url", json!({ "key": "uploads/a" })).await;
    let put = server.get("/presigned-url?key=uploads/a&contentType=text/plain&size=1").await.json();
    assert_eq!(send(&server, &put, b"a").await.status, 200);
    let get = server.get("/presigned-url?key=uploads/a&method=GET&responseContentType=text/plain").await.json();
    let url = get["url"].as_str().unwrap();
    let start = url.find("uploads").unwrap();
    for at in start..url.len() {
        let old = url.as_bytes()[at];
        let new = if old == b'A' || old == b'a' { 'b' } else { 'a' };
        if !old.is_ascii_alphanumeric() || url.as_bytes()[at - 1] == b'%' || url.as_bytes()[at - 2] == b'%' {
            continue;
        }
        let mut changed = get.clone();
        changed["url"] = format!("{}{new}{}", &url[..at], &url[at + 1..]).into();
        let answer = send(&server, &changed, b"").await;
        assert!((400..500).contains(&answer.status.as_u16()), "{at}: {old} {}", answer.text);
        assert!(answer.text.is_empty() || !answer.oss_code().is_empty(), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_a_get_may_say_is_signed() {
    let server = TestServer::start().await;
    let put = server.get("/presigned-url?key=uploads/a.png&contentType=image/png").await.json();
    send(&server, &put, b"png").await;
    let ask = json!({ "key": "uploads/a.png", "method": "GET", "process": "image/resize,w_100",
        "responseContentType": "application/octet-stream", "responseContentDisposition": "attachment; filename=\"a b.png\"" });
    let get = server.post("/presigned-url", ask).await.json();
    let answer = send(&server, &get, b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/octet-stream"));
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"a b.png\"");
    let mut changed = get.clone();
    changed["url"] = get["url"].as_str().unwrap().replace("w_100", "w_999").into();
    assert_eq!(send(&server, &changed, b"").await.oss_code(), "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_url_dies_when_its_answer_says() {
    let server = TestServer::start().await;
    let put = server.get("/presigned-url?key=uploads/a&contentType=text/plain&expires=100").await.json();
    assert_eq!((time(&put["expiration"]) - server.now()).num_seconds(), 100);
    server.advance(99);
    assert_eq!(send(&server, &put, b"a").await.status, 200);
    server.advance(2);
    assert!(send(&server, &put, b"a").await.status.is_client_error());
}

#[tokio::test]
async fn a_url_that_would_outlive_its_session_is_clamped_while_the_session_is_young() {
    let server = TestServer::start().await;
    server.get("/sts").await;
    server.advance(600);
    let put = server.get("/presigned-url?key=uploads/a&contentType=text/plain&expires=3600").await.json();
    assert_eq!(put["clampedBy"], "session");
    assert_eq!((time(&put["expiration"]) - server.now()).num_seconds(), 3000);
    assert_eq!(server.knobs().count("AssumeRole"), 1);
    server.advance(2999);
    assert_eq!(send(&server, &put, b"a").await.status, 200);
    server.advance(1);
    assert!(send(&server, &put, b"a").await.status.is_client_error());
}

#[tokio::test]
async fn a_url_that_would_outlive_its_session_renews_it_past_its_half() {
    let server = TestServer::start().await;
    server.get("/sts").await;
    server.advance(2400);
    let put = server.get("/presigned-url?key=uploads/a&contentType=text/plain&expires=3600").await.json();
    assert_eq!(put.get("clampedBy"), None);
    assert_eq!((time(&put["expiration"]) - server.now()).num_seconds(), 3600);
    assert_eq!(server.knobs().count("AssumeRole"), 2);
    server.advance(3599);
    assert_eq!(send(&server, &put, b"a").await.status, 200);
}

#[tokio::test]
async fn a_url_is_clamped_by_the_grant_too() {
    let server = TestServer::start().await;
    let put = server.get("/presigned-url?key=uploads/a&expires=7200").await.json();
    assert_eq!(put["clampedBy"], "grant");
}

#[tokio::test]
async fn the_old_signature_works_where_it_is_granted() {
    let server = TestServer::start().await;
    let put = server.get("/presigned-url?key=uploads/a%20b&contentType=text/plain&signatureVersion=v1").await.json();
    assert!(put["url"].as_str().unwrap().contains("OSSAccessKeyId=STS."));
    assert_eq!(send(&server, &put, b"v1").await.status, 200);
    assert_eq!(server.read("uploads/a b").await.text, "v1");
}

#[tokio::test]
async fn the_url_alone_is_given_as_text() {
    let server = TestServer::start().await;
    let request = server.request(Method::GET, "/presigned-url?key=uploads/a.txt").header("accept", "text/plain");
    let answer = Answer::of(request).await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(answer.text.starts_with("http://127.0.0.1:") && !answer.text.contains('\n'), "{}", answer.text);
    assert_eq!(answer.header("x-oss-vend-expiration"), "2026-01-01T00:15:00Z");
}

#[tokio::test]
async fn a_batch_answers_each_item_by_itself() {
    let server = TestServer::start().await;
    let items = json!({ "items": [{ "filename": "a.png" }, { "key": "secret/a" }, { "key": "uploads/b", "method": "GET" }, { "nme": "c" }] });
    let answer = server.post("/presigned-url", items).await.json();
    let codes: Vec<_> =
        answer["items"].as_array().unwrap().iter().map(|item| item["problem"]["code"].as_str()).collect();
    assert_eq!(codes, [None, Some("key_outside_directory"), None, Some("unknown_parameter")]);
    assert_eq!(send(&server, &answer["items"][0], b"png").await.status, 200);
    let many = json!({ "items": vec![json!({ "filename": "a" }); 101] });
    assert_eq!(server.post("/presigned-url", many).await.problem(), (400, "invalid_parameter".into()));
    let twice = "{\"items\":[{\"key\":\"uploads/a\",\"key\":\"uploads/b\"}]}";
    let answer = server.post("/presigned-url", twice).await.json();
    assert_eq!(answer["items"][0]["problem"]["code"], "duplicate_parameter");
}

#[tokio::test]
async fn signatures_for_all_callers_cost_one_call() {
    let server = TestServer::start().await;
    for key in ["ovk_dev_alice", "ovk_dev_bob"] {
        let answer = server.get_as(key, "/presigned-url?grant=avatars&filename=me.png&size=3").await.json();
        assert!(answer["key"].as_str().unwrap().starts_with(&format!("avatars/{}/", &key[8..])));
        assert_eq!(send(&server, &answer, b"png").await.status, 200);
    }
    assert_eq!(server.knobs().count("AssumeRole"), 1);
}

#[tokio::test]
async fn confined_reads_cost_one_call_for_each_directory_and_shared_ones_one_for_all() {
    let server = TestServer::start().await;
    for key in ["ovk_dev_alice", "ovk_dev_bob"] {
        for name in ["a.png", "b.png"] {
            for method in ["GET", "HEAD"] {
                let path = format!("/presigned-url?grant=avatars&method={method}&key=avatars/{}/{name}", &key[8..]);
                server.get_as(key, &path).await.json();
            }
        }
    }
    assert_eq!(server.knobs().count("AssumeRole"), 2);
    for key in ["ovk_dev_alice", "ovk_dev_bob"] {
        server.get_as(key, "/presigned-url?method=GET&key=uploads/a.png").await.json();
        server.get_as(key, "/presigned-url?key=uploads/a.png").await.json();
    }
    assert_eq!(server.knobs().count("AssumeRole"), 3);
}
