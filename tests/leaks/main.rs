//! At the most talkative level of everything, no secret leaves by the log, the audit trail, the metrics, a refusal or a
//! `Debug`.
//!
//! Proofs of every kind have a test of their own, `callers::leaks`; here every route meets every way to succeed and fail.
//! It is a program of its own, since a log that comes and goes beside other tests would miss some of what is logged.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod sources;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "the same support as that of the other tests, which need more of it")]
mod support;

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine};
use oss_vend::config::{Environment, Settings};
use oss_vend::dev::{CONFIG, Options};
use oss_vend::emulator::Failure;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tracing::Level;

use crate::support::{Answer, TestServer};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const ROUTES: [&str; 11] = [
    "/sts",
    "/credentials-uri",
    "/sts?grant=avatars",
    "/post-signature",
    "/post-signature?signatureVersion=v1&key=uploads/a",
    "/presigned-url?key=uploads/a",
    "/presigned-url?key=uploads/a&signatureVersion=v1",
    "/presigned-url?key=uploads/a&method=GET",
    "/get_sts_token_for_oss_upload",
    "/get_post_signature_for_oss_upload",
    "/get_presigned_url_for_oss_upload",
];

/// Every other way to be answered: pages, health, mistakes.
const OTHERS: [&str; 9] = [
    "/",
    "/healthz",
    "/readyz",
    "/grants",
    "/nothing",
    "/sts?grant=nope",
    "/presigned-url?key=hush/a",
    "/presigned-url?key=uploads/a&expires=0",
    "/post-signature?grant=avatars",
];

const PROOFS: [&str; 4] = ["Bearer ovk_dev_alice", "Bearer ovk_hush_wrong", "Basic aHVzaDpodXNo", "hush"];

/// The texts of good answers that nobody else may see.
fn secrets_of(answer: &Answer) -> Vec<String> {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or(Value::String(answer.text.clone()));
    let mut secrets = Vec::new();
    let fields = body.get("fields").into_iter().chain([&body]);
    for name in [
        "AccessKeySecret",
        "SecurityToken",
        "signature",
        "Signature",
        "x-oss-signature",
        "x-oss-security-token",
        "policy",
    ] {
        secrets.extend(fields.clone().filter_map(|object| object[name].as_str()).map(str::to_owned));
    }
    let url = body["url"].as_str().or(body.as_str()).unwrap_or_default();
    for (name, value) in url::Url::parse(url).iter().flat_map(url::Url::query_pairs) {
        if name.to_lowercase().contains("signature") && !value.starts_with("OSS4") || name.contains("token") {
            secrets.push(value.into_owned());
        }
    }
    secrets
}

struct Hunt {
    server: TestServer,
    secrets: Vec<String>,
    /// What was answered to those who got nothing.
    refusals: Vec<String>,
}

impl Hunt {
    async fn ask(&mut self, path: &str, proof: Option<&str>) {
        let request = self.server.request(Method::GET, path);
        let request = proof.into_iter().fold(request, |request, proof| request.header("authorization", proof));
        self.take(&Answer::of(request).await);
    }

    fn take(&mut self, answer: &Answer) {
        if answer.status.is_success() {
            self.secrets.extend(secrets_of(answer));
        } else {
            self.refusals.push(format!("{:?} {}", answer.headers, answer.text));
        }
    }

    async fn ask_all(&mut self) {
        for path in ROUTES.into_iter().chain(OTHERS) {
            for proof in PROOFS.map(Some).into_iter().chain([None]) {
                self.ask(path, proof).await;
            }
        }
        let items = json!({ "items": [{ "key": "uploads/a" }, { "key": "hush" }, { "ovk_dev_alice": 1 }] });
        let answer = self.server.post("/presigned-url", items).await;
        self.take(&answer);
        for item in answer.json()["items"].as_array().unwrap() {
            self.secrets.extend(item["url"].as_str().map(|url| url.rsplit_once("signature=").unwrap().1.to_owned()));
        }
    }

    /// STS refuses and repeats what it was sent, is throttled, is broken, and answers what is none.
    async fn fail_all(&mut self) {
        let echo = "Specified signature is not matched: POST&%2F&SecurityToken%3Dhush-token";
        let refusal = |status, code: &str| Failure::Status { status, code: code.into(), message: echo.into() };
        let nonsense = b"{\"Credentials\":{\"AccessKeySecret\":\"hush-secret\",\"SecurityToken\":7}}".to_vec();
        let nonsense = Failure::Body { status: 200, content_type: "application/json".into(), body: nonsense };
        for failure in [refusal(400, "SignatureDoesNotMatch"), refusal(403, "NoPermission"), nonsense] {
            self.server.advance(4000); // past every session and every pause after a failure
            self.server.knobs().fail_next("AssumeRole", 1, failure);
            self.ask("/sts", None).await;
        }
    }
}

#[tokio::test]
async fn no_secret_is_told_to_anyone_else() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).with_writer(move || writer.clone()).init();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("audit.log");
    let config = CONFIG.replace("to = \"off\"", &format!("to = '{}'", file.display()));
    let options = Options { admin_listen: Some("127.0.0.1:0".into()), config: config.clone(), ..Options::default() };
    let mut hunt = Hunt { server: TestServer::of(options).await, secrets: Vec::new(), refusals: Vec::new() };
    hunt.ask_all().await;
    hunt.fail_all().await;
    let (sources, tokens) = sources::ask_all().await;
    hunt.refusals.push(sources);
    hunt.secrets.extend(tokens);
    let loaded = Settings::of_text("dev.toml", &config, &Environment::default()).unwrap();
    let shown = format!("{loaded:?} {:?}", loaded.clone().build().unwrap());
    let Hunt { server, secrets, refusals } = hunt;
    let refusals = refusals.join("\n");
    let metrics = Answer::of(server.http.get(format!("http://{}/metrics", server.addresses.admin.unwrap()))).await.text;
    let report = server.admin("/readyz").await.text;
    assert!(report.contains("accessKey") && report.contains("lastStsCall"), "{report}");
    assert!(metrics.contains("oss_vend_requests_total") && !metrics.contains("alice") && !metrics.contains("hush"));
    let events = || fs::read_to_string(&file).unwrap();
    server.until(|| events().lines().count() >= ROUTES.len() * 5).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("AssumeRole") && log.contains("path=\"/sts\""), "the log is seen");
    assert!(secrets.len() > 30, "{secrets:?}");
    let own = ["emulatorSecretNotARealOne", "ovk_", "hush-token", "hush-secret", "aHVzaDpodXNo", "Bearer ovk"];
    let own = own.into_iter().map(str::to_owned).chain([BASE64_STANDARD.encode("{\"expiration")[..12].to_owned()]);
    for secret in own.chain(secrets) {
        for (place, text) in [
            ("the log", &log),
            ("the trail", &events()),
            ("the metrics", &metrics),
            ("the report of readiness", &report),
            ("a refusal", &refusals),
            ("Debug", &shown),
        ] {
            assert!(!text.contains(&secret), "{secret} is in {place}:\n{}", around(text, &secret));
        }
    }
}

/// The line of `text` that `found` is in.
fn around<'t>(text: &'t str, found: &str) -> &'t str {
    text.lines().find(|line| line.contains(found)).unwrap_or_default()
}
