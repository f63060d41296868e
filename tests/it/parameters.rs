//! Values that make no sense: none of them is taken for nothing, which could mean more than the client asked for.

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, TestServer};

async fn send(server: &TestServer, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = server.request(Method::POST, path).header("content-type", "application/json");
    Answer::of(request.body(body)).await
}

#[track_caller]
fn names(answer: &Answer, parameter: &str) {
    assert_eq!(answer.problem(), (400, "invalid_parameter".into()), "{}", answer.text);
    let problem: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains(&format!("\"{parameter}\"")), "{problem}");
}

#[tokio::test]
async fn a_name_that_is_no_text_never_becomes_the_whole_directory() {
    let server = TestServer::start().await;
    for value in [
        r#""\ud800""#,
        r#""\udc00a""#,
        r#""uploads/\ud83d""#,
        r#""\ud800\u0041""#,
        "1e999",
        "-1e999",
        "1e400",
        "7",
        "-0",
        "true",
        "[]",
        "{}",
        r#"["uploads/a"]"#,
        r#"{"key":"uploads/a"}"#,
        "null",
    ] {
        for name in ["key", "filename"] {
            let body = format!("{{\"{name}\": {value}}}");
            names(&send(&server, "/post-signature", body.clone()).await, name);
            let url = send(&server, "/presigned-url", body.clone()).await;
            assert_eq!(url.status, 400, "{body}");
            let batch = send(&server, "/presigned-url", format!("{{\"items\": [{body}]}}")).await.json();
            assert_eq!(batch["items"][0]["problem"]["status"], 400, "{body}");
        }
    }
    names(&send(&server, "/post-signature", r#"{"key": null, "filename": null}"#).await, "key");
    let form = send(&server, "/post-signature", "{}").await.json();
    assert_eq!(form["fields"]["key"], "uploads/${filename}", "without any name it is for the directory");
    let form = send(&server, "/post-signature", r#"{"key": null, "filename": "a.png", "size": null}"#).await.json();
    assert!(
        form["key"].as_str().is_some_and(|key| key.len() > "uploads/.png".len()),
        "null is as good as nothing beside a name"
    );
    let form = send(&server, "/post-signature", r#"{"key": "uploads/\ud83d\ude00"}"#).await.json();
    assert_eq!(form["key"], "uploads/\u{1f600}", "a whole pair is a character");
}

#[tokio::test]
async fn every_parameter_is_read_or_refused_by_its_name() {
    let server = TestServer::start().await;
    for (name, path) in [
        ("grant", "/sts"),
        ("duration", "/sts"),
        ("minRemaining", "/sts"),
        ("grant", "/post-signature"),
        ("contentType", "/post-signature"),
        ("size", "/post-signature"),
        ("expires", "/post-signature"),
        ("signatureVersion", "/post-signature"),
        ("method", "/presigned-url"),
        ("contentMd5", "/presigned-url"),
        ("size", "/presigned-url"),
        ("forbidOverwrite", "/presigned-url"),
        ("trafficLimit", "/presigned-url"),
        ("items", "/presigned-url"),
    ] {
        for value in ["1e999", r#""\ud800""#, "{}", "-1", "1.5", "18446744073709551616", "\"\"", "-0"] {
            let key = if path == "/presigned-url" && name != "items" { "\"key\": \"uploads/a\", " } else { "" };
            let answer = send(&server, path, format!("{{{key}\"{name}\": {value}}}")).await;
            // An empty text is one where a text is wanted, and then names no grant.
            assert!(answer.status.is_client_error(), "{path} {name} {value}: {}", answer.text);
            if value != "\"\"" {
                names(&answer, name);
            }
        }
    }
}

#[tokio::test]
async fn null_counts_once_and_only_by_a_known_name() {
    let server = TestServer::start().await;
    for body in [r#"{"key": null, "key": "uploads/a"}"#, r#"{"key": "uploads/a", "key": null}"#] {
        assert_eq!(send(&server, "/post-signature", body).await.problem(), (400, "duplicate_parameter".into()));
    }
    let both = send(&server, "/post-signature?key=uploads/a", r#"{"key": null}"#).await;
    assert_eq!(both.problem(), (400, "duplicate_parameter".into()));
    let misspelt = send(&server, "/post-signature", r#"{"Key": null}"#).await;
    assert_eq!(misspelt.problem(), (400, "unknown_parameter".into()));
    send(&server, "/sts", r#"{"grant": null, "duration": null}"#).await.json();
}

#[tokio::test]
async fn a_body_that_is_no_json_in_utf_8_is_refused() {
    let server = TestServer::start().await;
    let deep = format!("{{\"key\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let unclosed = format!("{{\"key\": {}", "[".repeat(60_000));
    for body in [
        b"\xef\xbb\xbf{\"key\": \"uploads/a\"}".to_vec(),
        b"{\"key\": \"uploads/\xff\"}".to_vec(),
        b"{\"key\": \"uploads/a\"}{}".to_vec(),
        b"{\"key\": \"uploads/a\"} x".to_vec(),
        b"{\"key\": \"uploads/\0\"}".to_vec(),
        b"{\"\\ud800\": 1}".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"NaN".to_vec(),
        b"{\"size\": NaN}".to_vec(),
        b"{\"size\": 01}".to_vec(),
        b"{\"size\": +1}".to_vec(),
        unclosed.into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(send(&server, "/post-signature", body).await.problem(), (400, "invalid_json".into()), "{shown}");
    }
    names(&send(&server, "/post-signature", deep).await, "key");
    let nul = send(&server, "/post-signature", r#"{"key": "uploads/\u0000"}"#).await;
    assert_eq!(nul.problem(), (400, "invalid_key".into()));
}

#[tokio::test]
async fn a_query_is_as_strict_as_a_body() {
    let server = TestServer::start().await;
    for (query, code) in [
        ("key", "invalid_key"),
        ("key=", "invalid_key"),
        ("key=uploads/%ff", "invalid_parameter"),
        ("filename=%c3%28", "invalid_parameter"),
        ("key=uploads/%00", "invalid_key"),
        ("size=%ff", "invalid_parameter"),
        ("size=", "invalid_parameter"),
        ("%ff=1", "unknown_parameter"),
        ("=x", "unknown_parameter"),
        ("=", "unknown_parameter"),
        ("key%00=uploads/a", "unknown_parameter"),
        ("Key=uploads/a", "unknown_parameter"),
        ("key=uploads/a&%6bey=uploads/b", "duplicate_parameter"),
    ] {
        let answer = server.get(&format!("/post-signature?{query}")).await;
        assert_eq!(answer.problem(), (400, code.into()), "{query}");
    }
    let nameless = server.get("/post-signature?filename=").await.json();
    assert!(nameless["key"].is_string(), "an empty name is still a name, of one key: {nameless}");
}

#[tokio::test]
async fn a_long_unknown_name_is_compared_with_nothing() {
    let server = TestServer::start().await;
    let hint = |answer: &Answer| serde_json::from_str::<Value>(&answer.text).unwrap()["hint"].clone();
    let near = server.get("/presigned-url?filenam=a").await;
    assert_eq!((near.problem().1.as_str(), hint(&near)), ("unknown_parameter", "did you mean \"filename\"?".into()));
    let long = "filename".repeat(8000);
    let answer = send(&server, "/presigned-url", format!("{{\"{long}\": 1}}")).await;
    assert_eq!(answer.problem(), (400, "unknown_parameter".into()));
    // It is like "filename" enough to be suggested, if it were compared.
    assert!(hint(&answer).as_str().unwrap().starts_with("this route knows "), "{}", answer.text);
    assert!(answer.text.len() < 1000, "{}", answer.text);
    let many: Vec<_> = (0..5000).map(|number| format!("\"a{number}\":1")).collect();
    let answer = send(&server, "/presigned-url", format!("{{{}}}", many.join(","))).await;
    assert_eq!(answer.problem(), (400, "unknown_parameter".into()), "and the first of many is refused");
}
