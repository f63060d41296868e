//! `/healthz` and `/readyz`, and pages.

use chrono::TimeDelta;
use oss_vend::dev::{CONFIG, Options};
use oss_vend::emulator::Failure;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

#[tokio::test]
async fn the_process_is_alive_whatever_sts_does() {
    let server = TestServer::start().await;
    server.knobs().fail_next("AssumeRole", 10, Failure::Close);
    server.get_while_time_passes("/sts").await.problem();
    assert_eq!(server.get("/healthz").await.json()["status"], "ok");
}

#[tokio::test]
async fn readiness_says_why() {
    let server = TestServer::start().await;
    let before = server.admin("/readyz").await.json();
    assert_eq!((before["ready"].as_bool(), before["accessKey"]["available"].as_bool()), (Some(true), Some(true)));
    assert!(before.get("lastStsCall").is_none());
    assert_eq!(before["reasons"], json!([]));
    assert_eq!(before["reads"], json!({ "avatars": "confined", "default": "shared" }));
    server.knobs().fail_next("AssumeRole", 3, Failure::Close);
    server.get_while_time_passes("/sts").await.problem();
    let down = server.admin("/readyz").await;
    assert_eq!(down.status, 503);
    assert!(down.text.contains("STS cannot be reached"), "{}", down.text);
    assert_eq!(reasons(&down), ["sts_failing"]);
    server.advance(60);
    server.get("/sts").await.json();
    let up = server.admin("/readyz").await.json();
    assert_eq!((up["ready"].as_bool(), up["vault"]["sessions"].as_u64()), (Some(true), Some(1)));
    assert_eq!(
        (up["clockOffsetSeconds"].as_i64(), up["vault"]["failures"]["unreachable"].as_u64()),
        (Some(0), Some(3))
    );
}

#[tokio::test]
async fn strangers_learn_whether_it_is_ready_and_a_code_and_no_more() {
    let server = TestServer::start().await;
    server.get("/sts").await.json();
    assert_eq!(server.get("/readyz").await.json(), json!({ "ready": true }));
    server.knobs().clock_offset(TimeDelta::minutes(10));
    server.advance(3600);
    server.knobs().fail_next("AssumeRole", 10, Failure::Close);
    server.get_while_time_passes("/sts").await.problem();
    let down = server.get("/readyz").await;
    assert_eq!((down.status.as_u16(), down.text.as_str()), (503, r#"{"ready":false,"code":"sts_failing"}"#));
    assert!(server.admin("/readyz").await.text.contains("STS cannot be reached"));
}

#[tokio::test]
async fn what_is_wrong_is_told_also_while_all_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.log");
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let config = CONFIG.replace("to = \"off\"", &format!("to = '{}'", file.display()));
    let server = TestServer::with(&config).await;
    server.knobs().clock_offset(TimeDelta::minutes(10));
    server.get_while_time_passes("/sts").await.json();
    server.advance(3570);
    server.knobs().fail_next("AssumeRole", 1, Failure::Close);
    server.get_while_time_passes("/sts").await.json();
    server.until_async(async || reasons(&server.admin("/readyz").await).len() == 3).await;
    let ready = server.admin("/readyz").await;
    assert_eq!((ready.status.as_u16(), ready.json()["ready"].as_bool()), (200, Some(true)));
    assert_eq!(reasons(&ready), ["serving_stale", "clock_off", "audit_failing"]);
    for reason in ready.json()["reasons"].as_array().unwrap() {
        assert!(reason["detail"].as_str().is_some_and(|detail| detail.contains(' ')), "{reason}");
    }
}

fn reasons(answer: &Answer) -> Vec<String> {
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    body["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_demo_page_and_the_module_are_served_with_a_strict_policy() {
    let server = TestServer::start().await;
    for (path, content_type) in [
        ("/", "text/html"),
        ("/demo.css", "text/css"),
        ("/demo.js", "text/javascript"),
        ("/oss-vend.js", "text/javascript"),
    ] {
        let page = server.get(path).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").starts_with(content_type));
        assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
        let again = server.request(reqwest::Method::GET, path).header("if-none-match", page.header("etag"));
        assert_eq!(Answer::of(again).await.status, 304);
    }
}

#[tokio::test]
async fn a_folder_of_pages_is_served_beside_the_routes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hello.html"), "<p>hello</p>").unwrap();
    let server = TestServer::of(Options { static_dir: Some(folder.path().to_owned()), ..Options::default() }).await;
    assert_eq!(server.get("/hello.html").await.text, "<p>hello</p>");
    server.get("/sts").await.json();
    for path in ["/absent.html", "/..%2f..%2fetc/passwd"] {
        assert_eq!(server.get(path).await.problem(), (404, "not_found".into()), "{path}");
    }
}
