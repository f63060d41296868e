//! The account that `docs/ram.md` has people make, as an emulated cloud: its policies are enough for its configuration, and
//! for no more.

use chrono::{DateTime, Utc};
use oss_vend::clock::{Clock, SystemClock};
use oss_vend::emulator::{BucketOptions, Emulator, Options, Readings, Role, User};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::signing::Request;
use oss_vend::signing::presign::{self, Presign};
use oss_vend::signing::v4::{PRODUCT, Signer};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Child;

use super::pages::block;
use super::support::{http, shell};

const ACCOUNT: &str = "1234567890123456";
const BUCKET: &str = "examplebucket";
const REGION: &str = "cn-hangzhou";
/// A key of the caller's, since nobody has the one to the README's digest.
const API_KEY: &str = "test";
const API_KEYS: &str = r#"OSS_VEND__AUTH__API_KEYS=[{"id": "app", "hash": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]"#;

/// The cloud behind two addresses.
struct Cloud {
    oss: String,
    sts: String,
}

/// `oss-vend serve` as the README starts it.
struct Served {
    url: String,
    _folder: TempDir,
    _process: Child,
}

#[tokio::test]
async fn the_policy_of_the_session_is_enough_and_allows_no_more() {
    the_bounds_hold("generated").await;
}

#[tokio::test]
async fn the_policy_of_the_role_alone_is_enough_and_allows_no_more() {
    the_bounds_hold("role").await;
}

async fn the_bounds_hold(policy: &str) {
    let cloud = Cloud::start().await;
    let oss = format!("OSS_VEND__GRANTS__DEFAULT__ENDPOINT={}", cloud.oss);
    let policy = format!("OSS_VEND__GRANTS__DEFAULT__POLICY={policy}");
    let served = Served::start(&cloud, &block("serve", "file"), &[&oss, &policy, API_KEYS]).await;
    assert_eq!(served.ask("/sts", "").await.0, StatusCode::UNAUTHORIZED);
    served.upload_and_read().await;

    let credentials = served.ask("/sts", API_KEY).await.1;
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let session = AccessKey {
        id: text("AccessKeyId"),
        secret: Secret::new(text("AccessKeySecret")),
        token: Some(Secret::new(text("SecurityToken"))),
    };
    let list = |prefix| vec![("list-type", "2"), ("prefix", prefix)];
    for (method, key, query, status) in [
        (Method::GET, None, list("uploads/"), StatusCode::OK),
        (Method::PUT, Some("uploads/b.txt"), Vec::new(), StatusCode::OK),
        (Method::GET, None, list(""), StatusCode::FORBIDDEN),
        (Method::PUT, Some("elsewhere/b.txt"), Vec::new(), StatusCode::FORBIDDEN),
        (Method::DELETE, Some("uploads/b.txt"), Vec::new(), StatusCode::FORBIDDEN),
    ] {
        let url = cloud.signed(&method, key, &query, &session);
        let answer = http().request(method, url).header("content-length", 0).send().await.unwrap();
        assert_eq!(answer.status(), status, "{key:?} {query:?}: {}", answer.text().await.unwrap());
    }
}

/// As it is printed, but for the port and for the digest, which no key fits.
#[tokio::test]
async fn served_from_the_environment_alone_all_three_routes_vend_to_the_key_and_to_nobody_else() {
    let cloud = Cloud::start().await;
    let script = block("serve", "environment");
    let [printed, ours] = [sample_hash(&script), digest(API_KEYS)];
    assert!(script.contains("OSS_VEND__LISTEN=0.0.0.0:8000"), "{script}");
    let script = script.replace(&printed, &ours).replace("0.0.0.0:8000", "0.0.0.0:0");
    let served = Served::start(&cloud, &script, &[&format!("OSS_ENDPOINT={}", cloud.oss)]).await;
    assert!(served.url.starts_with("http://0.0.0.0:"), "{}", served.url);
    let put = "/presigned-url?key=uploads/a.txt";
    for path in ["/sts", "/post-signature?filename=a.txt", put] {
        let (status, answer) = served.ask(path, API_KEY).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        assert_eq!(served.ask(path, "").await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    let answer = served.ask(put, API_KEY).await.1;
    let request = http().put(answer["url"].as_str().unwrap());
    let request = request.header("content-type", answer["headers"]["Content-Type"].as_str().unwrap());
    assert_eq!(request.body("hello").send().await.unwrap().status(), StatusCode::OK);
    let read = served.ask("/presigned-url?key=uploads/a.txt&method=GET", API_KEY).await.0;
    assert_eq!(read, StatusCode::FORBIDDEN, "uploads alone are granted");
}

/// The digest that a script has as `API_KEY_HASH`.
fn sample_hash(script: &str) -> String {
    script.split_once("API_KEY_HASH=").unwrap().1.lines().next().unwrap().to_owned()
}

/// The first digest in `text`.
fn digest(text: &str) -> String {
    text[text.find("sha256:").unwrap()..].chars().take("sha256:".len() + 64).collect()
}

#[tokio::test]
async fn the_bucket_s_cors_rule_lets_the_page_in_and_no_other() {
    let cloud = Cloud::start().await;
    let url = cloud.signed(&Method::PUT, None, &[("cors", "")], &key("root"));
    let answer = http().put(url).body(block("bucket-cors", "")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
    for (origin, status) in
        [("https://app.example.com", StatusCode::OK), ("https://evil.example.com", StatusCode::FORBIDDEN)]
    {
        for method in ["PUT", "POST", "GET", "HEAD", "DELETE"] {
            let preflight = http()
                .request(Method::OPTIONS, format!("{}/{BUCKET}/uploads/a.txt", cloud.oss))
                .header("origin", origin)
                .header("access-control-request-method", method)
                .header("access-control-request-headers", "authorization,content-type,x-oss-date");
            assert_eq!(preflight.send().await.unwrap().status(), status, "{origin} {method}");
        }
    }
}

#[tokio::test]
async fn the_policies_of_role_and_user_keep_uploads_private() {
    let mut account = account();
    account.users[0].policies = vec![policy("classic-policy")];
    let cloud = Cloud::of(account).await;
    let oss = format!("OSS_VEND__GRANTS__DEFAULT__ENDPOINT={}", cloud.oss);
    let variables = [&oss, "OSS_VEND__GRANTS__DEFAULT__POLICY=role", API_KEYS];
    let served = Served::start(&cloud, &block("serve", "file"), &variables).await;
    let credentials = served.ask("/sts", API_KEY).await.1;
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let (secret, token) = (Secret::new(text("AccessKeySecret")), Some(Secret::new(text("SecurityToken"))));
    let session = AccessKey { id: text("AccessKeyId"), secret, token };
    for signer in [session, key("oss-vend")] {
        for (acl, status) in [
            ("private", StatusCode::OK),
            ("public-read", StatusCode::FORBIDDEN),
            ("public-read-write", StatusCode::FORBIDDEN),
        ] {
            let headers = [("x-oss-object-acl", acl)];
            let url = cloud.signed_with(&Method::PUT, Some("uploads/c.txt"), &[], &headers, &signer);
            let answer = http().put(url).header("x-oss-object-acl", acl).body("c").send().await.unwrap();
            assert_eq!(answer.status(), status, "{} {acl}: {}", signer.id, answer.text().await.unwrap());
        }
    }
}

#[tokio::test]
async fn the_bucket_takes_the_lifecycle_rule() {
    let cloud = Cloud::start().await;
    let url = cloud.signed(&Method::PUT, None, &[("lifecycle", "")], &key("root"));
    let answer = http().put(url).body(block("lifecycle", "")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
}

impl Cloud {
    async fn start() -> Self {
        Self::of(account()).await
    }

    async fn of(account: Options) -> Self {
        let emulator = Emulator::new(account, now).unwrap();
        // So that nothing but the policies keeps an upload from being public.
        emulator.knobs().set_readings(Readings { acl_needs_put_object_acl: false, ..Readings::default() });
        let (oss, sts) = (listener().await, listener().await);
        let cloud = Self { oss: url(&oss), sts: url(&sts) };
        tokio::spawn(axum::serve(oss, emulator.oss()).into_future());
        tokio::spawn(axum::serve(sts, emulator.sts()).into_future());
        cloud
    }

    fn signed(&self, method: &Method, key: Option<&str>, query: &[(&str, &str)], signer: &AccessKey) -> String {
        self.signed_with(method, key, query, &[], signer)
    }

    fn signed_with(
        &self,
        method: &Method,
        key: Option<&str>,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        signer: &AccessKey,
    ) -> String {
        let request =
            Request { method: method.as_str(), bucket: Some(BUCKET), key, query, headers, additional_headers: &[] };
        let presign = Presign { request, base: &format!("{}/{BUCKET}", self.oss), expires_in: 60 };
        presign::v4(&presign, &Signer::new(signer, REGION, PRODUCT, now().date_naive()), now())
    }
}

impl Served {
    /// `variables` stand beside those of the script.
    async fn start(cloud: &Cloud, script: &str, variables: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("oss-vend.toml"), block("config", "served")).unwrap();
        let script = script.replace("oss-vend serve", "exec oss-vend serve");
        let mut process = shell(&script, folder.path())
            .env("OSS_VEND__LISTEN", "127.0.0.1:0")
            .env("OSS_VEND__STS__ENDPOINT", &cloud.sts)
            .envs(variables.iter().filter_map(|variable| variable.split_once('=')))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut heard = String::new();
        let address = loop {
            let line = log.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended:\n{heard}"));
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "listening" {
                break event["address"].as_str().unwrap().to_owned();
            }
            heard.push_str(&line);
        };
        // Else the log would stand still at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { url: format!("http://{address}"), _folder: folder, _process: process }
    }

    async fn ask(&self, path: &str, api_key: &str) -> (StatusCode, Value) {
        let request = http().get(format!("{}{path}", self.url));
        let request = if api_key.is_empty() { request } else { request.bearer_auth(api_key) };
        let answer = request.send().await.unwrap();
        (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    async fn upload_and_read(&self) {
        let put = self.ask("/presigned-url?key=uploads/a.txt&size=5", API_KEY).await.1;
        let content_type = put["headers"]["Content-Type"].as_str().unwrap();
        let request = http().put(put["url"].as_str().unwrap()).header("content-type", content_type);
        assert_eq!(request.body("hello").send().await.unwrap().status(), StatusCode::OK);
        let get = self.ask("/presigned-url?key=uploads/a.txt&method=GET", API_KEY).await.1;
        let read = http().get(get["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(read.text().await.unwrap(), "hello");
    }
}

/// What the five steps make.
fn account() -> Options {
    let trust = policy("trust-policy");
    let trusted = trust["Statement"][0]["Principal"]["RAM"].as_array().unwrap();
    let role = Role {
        account_id: ACCOUNT.into(),
        name: "oss-upload".into(),
        policies: vec![policy("role-policy")],
        trusted: trusted.iter().map(|arn| arn.as_str().unwrap().to_owned()).collect(),
        external_id: None,
        max_session_seconds: 3600,
    };
    let bucket =
        BucketOptions { name: BUCKET.into(), acl: "private".into(), domains: Vec::new(), cors: false, elsewhere: None };
    Options {
        region: REGION.into(),
        buckets: vec![bucket],
        users: vec![user("oss-vend", vec![policy("user-policy")]), user("root", Vec::new())],
        roles: vec![role],
        ..Options::dev()
    }
}

fn user(name: &str, policies: Vec<Value>) -> User {
    let AccessKey { id, secret, token: _ } = key(name);
    User {
        account_id: ACCOUNT.into(),
        name: name.into(),
        access_key_id: id,
        access_key_secret: secret.expose().into(),
        policies,
        active: true,
        root: name == "root",
    }
}

/// The user's is that of the README's commands.
fn key(user: &str) -> AccessKey {
    let script = block("serve", "file");
    let of_script = |name: &str| script.split_once(name).unwrap().1.lines().next().unwrap().to_owned();
    match user {
        "root" => AccessKey { id: "LTAIroot".into(), secret: Secret::new("rootSecret"), token: None },
        _ => AccessKey {
            id: of_script("ACCESS_KEY_ID="),
            secret: Secret::new(of_script("ACCESS_KEY_SECRET=")),
            token: None,
        },
    }
}

fn policy(name: &str) -> Value {
    serde_json::from_str(&block(name, "")).unwrap()
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

fn now() -> DateTime<Utc> {
    SystemClock::new().now()
}
