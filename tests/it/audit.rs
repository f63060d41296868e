//! The audit trail: one event on every exit of a vending route.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use oss_vend::dev::{CONFIG, Options};
use oss_vend::emulator::Failure;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Answer, TestServer};

/// A server that keeps a trail in a file.
struct Audited {
    server: TestServer,
    folder: TempDir,
}

impl Audited {
    async fn with(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let to = format!("to = '{}'", folder.path().join("audit.log").display());
        let server = TestServer::with(&config.replace("to = \"off\"", &to)).await;
        Self { server, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// The events, once there are as many as `expected`.
    async fn events(&self, expected: usize) -> Vec<Value> {
        let lines = || fs::read_to_string(self.file()).unwrap();
        self.server.until(|| lines().lines().count() >= expected).await;
        let events: Vec<Value> = lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), expected, "{events:#?}");
        events
    }
}

fn without_time(event: &Value) -> Value {
    let mut event = event.clone();
    assert!(event["micros"].is_u64());
    event.as_object_mut().unwrap().retain(|name, _| name != "micros");
    event
}

#[tokio::test]
async fn credentials_leave_who_what_and_by_which_key() {
    let audited = Audited::with(CONFIG).await;
    let answer = audited.server.get_as("ovk_dev_alice", "/sts?grant=avatars&duration=900").await;
    let event = without_time(&audited.events(1).await[0]);
    let body = answer.json();
    let token = body["SecurityToken"].as_str().unwrap();
    let expected = json!({
        "time": "2026-01-01T00:00:00.000Z", "requestId": answer.header("x-request-id"), "caller": "alice",
        "peer": "127.0.0.1", "route": "/sts", "method": "GET", "grant": "avatars", "outcome": "vended", "status": 200,
        "allows": "sts", "dir": "avatars/alice/", "accessKeyId": body["AccessKeyId"],
        "tokenSha256": const_hex::encode(Sha256::digest(token)), "expiration": body["Expiration"],
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn forms_and_urls_leave_the_key_or_the_directory() {
    let audited = Audited::with(CONFIG).await;
    let server = &audited.server;
    server.get("/post-signature").await.json();
    server.post("/post-signature", json!({ "key": "uploads/a.png" })).await.json();
    server.get("/presigned-url?key=uploads/a.png&expires=7200").await.json();
    server.get("/presigned-url?key=uploads/a.png&method=GET").await.json();
    server.get("/get_sts_token_for_oss_upload?x=1").await.json();
    server.get("/credentials-uri").await.json();
    let classic = server.get("/get_post_signature_for_oss_upload").await.json();
    assert_eq!(server.get("/get_presigned_url_for_oss_upload").await.status, 200);
    let events = audited.events(8).await;
    let told = |event: &Value| {
        let of = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
        assert_eq!((&event["caller"], event["outcome"].as_str()), (&Value::Null, Some("vended")), "{event}");
        [of("allows"), of("key"), of("dir"), of("clampedBy")].join(" ")
    };
    let told: Vec<_> = events.iter().map(told).collect();
    assert_eq!(
        told[..7],
        [
            "POST - uploads/ -",
            "POST uploads/a.png - -",
            "PUT uploads/a.png - grant",
            "GET uploads/a.png - -",
            "sts - uploads/ -",
            "sts - uploads/ -",
            "POST - uploads/ -"
        ]
    );
    assert!(told[7].starts_with("PUT uploads/"));
    assert_eq!(events[6]["accessKeyId"], classic["ossAccessKeyId"], "the classic form is signed by the long-lived key");
    assert_eq!(events[6].get("tokenSha256"), None);
}

#[tokio::test]
async fn refusals_and_failures_leave_their_code_and_what_was_asked() {
    let audited = Audited::with(CONFIG).await;
    let server = &audited.server;
    let long = format!("/presigned-url?key={}", "x".repeat(2000));
    let cases = [
        ("/sts?grant=nope", 404, "unknown_grant"),
        ("/sts?grnt=default", 400, "unknown_parameter"),
        ("/presigned-url?key=secret/a", 403, "key_outside_directory"),
        (&long, 400, "invalid_key"),
        ("/sts?grant=avatars", 401, "authentication_required"),
    ];
    for (path, ..) in cases {
        server.get(path).await.problem();
    }
    server.get_as("ovk_wrong", "/sts").await.problem();
    Answer::of(server.request(Method::PUT, "/sts")).await.problem();
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "no".into() };
    server.knobs().fail_next("AssumeRole", 1, refusal);
    server.get("/sts").await.problem();
    let events = audited.events(8).await;
    for (event, (path, status, code)) in events.iter().zip(cases) {
        assert_eq!((event["status"].as_u64(), event["outcome"].as_str()), (Some(status), Some(code)), "{path}");
        assert_eq!(event.get("caller"), Some(&Value::Null), "{path}");
        assert_eq!(event.get("accessKeyId"), None);
    }
    assert_eq!((&events[0]["grant"], &events[2]["key"]), (&json!("nope"), &json!("secret/a")));
    assert_eq!(events[3]["key"].as_str().unwrap().len(), 1023);
    let told = |index: usize| (events[index].get("caller"), events[index]["outcome"].as_str().unwrap());
    assert_eq!(told(5), (None, "invalid_proof"), "no caller was established");
    assert_eq!(told(6), (None, "method_not_allowed"));
    assert_eq!(told(7), (Some(&Value::Null), "sts_refused"));
}

#[tokio::test]
async fn each_item_of_a_batch_leaves_an_event_of_its_own() {
    let audited = Audited::with(CONFIG).await;
    let items = json!({ "items": [{ "key": "uploads/a" }, { "key": "secret/a" }, { "grant": "nope", "key": "b" }] });
    let answer = audited.server.post("/presigned-url", items).await;
    let events = audited.events(3).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (event["item"].as_u64(), event["outcome"].as_str(), event["status"].as_u64(), event["key"].as_str())
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some(0), Some("vended"), Some(200), Some("uploads/a")),
            (Some(1), Some("key_outside_directory"), Some(403), Some("secret/a")),
            (Some(2), Some("unknown_grant"), Some(404), Some("b")),
        ]
    );
    assert!(events.iter().all(|event| event["requestId"] == answer.header("x-request-id")));
}

#[tokio::test]
async fn a_caller_that_hangs_up_and_one_that_waited_too_long_leave_an_event() {
    let config = CONFIG.replace("[limits]", "[limits]\nrequest_timeout = \"1s\"");
    let audited = Audited::with(&config).await;
    audited.server.knobs().delay("AssumeRole", Duration::from_secs(5));
    let mut caller = TcpStream::connect(audited.server.addresses.server).await.unwrap();
    caller.write_all(b"GET /sts HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    // One thread serves both connections, in their order: once this one is answered, the other waits for STS.
    audited.server.get("/healthz").await;
    drop(caller);
    let event = audited.events(1).await.remove(0);
    assert_eq!(
        (event["outcome"].as_str(), event.get("status"), event["grant"].as_str()),
        (Some("abandoned"), None, Some("default"))
    );
    assert_eq!(audited.server.get("/sts").await.problem().0, 504);
    let event = audited.events(2).await.remove(1);
    assert_eq!((event["outcome"].as_str(), event["status"].as_u64()), (Some("too_slow"), Some(504)));
    assert_eq!(event.get("accessKeyId"), None);
}

#[tokio::test]
async fn what_vends_nothing_leaves_nothing() {
    let audited = Audited::with(CONFIG).await;
    for path in ["/healthz", "/readyz", "/grants", "/nothing", "/"] {
        audited.server.get(path).await;
    }
    Answer::of(audited.server.request(Method::OPTIONS, "/sts")).await;
    audited.server.get("/sts").await.json();
    assert_eq!(audited.events(1).await[0]["route"], "/sts");
}

#[tokio::test]
async fn a_trail_that_cannot_be_kept_keeps_the_server_from_starting() {
    let folder = TempDir::new().unwrap();
    let config = CONFIG.replace("to = \"off\"", &format!("to = '{}'", folder.path().join("none/audit.log").display()));
    let error = TestServer::bind(Options { config, ..Options::default() }).await.err().unwrap();
    assert!(error.to_string().starts_with("audit.to: "), "{error}");
}

#[tokio::test]
async fn an_event_names_the_trace_that_its_request_is_part_of() {
    let audited = Audited::with(CONFIG).await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for value in [traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"] {
        Answer::of(audited.server.request(Method::GET, "/sts").header("traceparent", value)).await.json();
    }
    let events = audited.events(2).await;
    let traces: Vec<_> = events.iter().map(|event| event.get("traceId").and_then(Value::as_str)).collect();
    assert_eq!(traces, [Some("4bf92f3577b34da6a3ce929d0e0e4736"), None]);
}
