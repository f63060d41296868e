//! Every source of the AccessKey before a small stand-in of what it asks, and each way in which that fails.

mod changes;
mod command;
mod files;
mod metadata;
mod roles;
mod search;
mod uri;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use chrono::{DateTime, TimeDelta, Utc};
use oss_vend::access_key::{AccessKeyError, AccessKeys, Metadata, Options, Source};
use oss_vend::clock::{CorrectedClock, ManualClock};
use oss_vend::keys::Secret;
use oss_vend::sts::{ClientOptions, SignatureScheme};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A server that answers as a test says, and notes what it was asked.
struct StandIn {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request: method and path, and one of its headers.
type Asked = (String, Option<String>);

impl StandIn {
    /// One that answers by `answer`; of the requests it notes the header `noted`.
    async fn start(
        noted: &'static str,
        answer: impl Fn(&str) -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let record = Arc::clone(&asked);
        let app = Router::new().fallback(move |request: Request| {
            let line = format!("{} {}", request.method(), request.uri().path());
            let header = request.headers().get(noted).map(|value| value.to_str().unwrap().to_owned());
            record.lock().unwrap().push((line.clone(), header));
            let answer = answer(&line);
            async move { answer }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        Self { address, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// An address that takes connections and never answers.
async fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

#[expect(clippy::needless_pass_by_value, reason = "texts and JSON alike are given, made on the spot")]
fn answer(status: u16, body: impl ToString) -> Response<Body> {
    Response::builder().status(status).body(Body::from(body.to_string())).unwrap()
}

fn redirect() -> Response<Body> {
    Response::builder().status(302).header("location", "/elsewhere").body(Body::empty()).unwrap()
}

fn start() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A temporary key, as services hand it on, that lives for so many minutes from the start.
fn temporary(id: &str, minutes: i64) -> Value {
    let expiration = start() + TimeDelta::minutes(minutes);
    json!({"Code": "Success", "AccessKeyId": format!("STS.{id}"), "AccessKeySecret": "hush-secret",
           "SecurityToken": "hush-token", "Expiration": expiration.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)})
}

fn without(mut document: Value, name: &str) -> Value {
    document.as_object_mut().unwrap().remove(name);
    document
}

fn with(mut document: Value, name: &str, value: &str) -> Value {
    document[name] = value.into();
    document
}

/// A source, and a clock that is moved by hand.
struct Bench {
    keys: AccessKeys,
    manual: Arc<ManualClock>,
    clock: Arc<CorrectedClock>,
}

impl Bench {
    fn new(first: Source) -> Self {
        Self::of(Options { first, second: None, sts: sts("http://127.0.0.1:1"), metadata: Metadata::of_instance(true) })
    }

    fn of(options: Options) -> Self {
        let manual = Arc::new(ManualClock::new(start()));
        let clock = Arc::new(CorrectedClock::new(manual.clone()));
        Self { keys: AccessKeys::new(options).unwrap(), manual, clock }
    }

    /// The id of the key in use.
    async fn id(&self) -> Result<String, AccessKeyError> {
        self.keys.current(&self.clock).await.map(|key| key.id.clone())
    }

    /// Why there is none; nothing of a secret is in it.
    async fn error(&self) -> String {
        let error = self.keys.current(&self.clock).await.unwrap_err();
        assert!(!format!("{error:?} {error} {:?}", self.keys).contains("hush"), "{error:?}");
        error.to_string()
    }

    fn advance(&self, step: TimeDelta) {
        self.manual.advance(step);
    }

    /// The outcome of `work` while hours pass, so that whatever is slow is given up.
    async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                () = tokio::time::sleep(Duration::from_millis(5)) => self.advance(TimeDelta::milliseconds(500)),
            }
        }
    }

    /// Waits for what another task is about to do.
    async fn until(&self, done: impl AsyncFn() -> bool) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        while !done().await {
            assert!(tokio::time::Instant::now() < patience, "it never happened");
            tokio::task::yield_now().await;
        }
    }
}

fn sts(address: &str) -> ClientOptions {
    ClientOptions {
        endpoint: Url::parse(address).unwrap(),
        scheme: SignatureScheme::Acs3,
        connect_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
    }
}

fn given(id: &str) -> Source {
    Source::Given(oss_vend::keys::AccessKey { id: id.into(), secret: Secret::new("hush-secret"), token: None })
}

#[tokio::test]
async fn a_key_of_the_configuration_is_always_the_same_one() {
    let bench = Bench::new(given("LTAIgiven"));
    let first = bench.keys.current(&bench.clock).await.unwrap();
    bench.advance(TimeDelta::hours(30));
    assert!(Arc::ptr_eq(&first, &bench.keys.current(&bench.clock).await.unwrap()));
    let status = bench.keys.status(&bench.clock);
    assert_eq!(
        (bench.keys.source(), status.age, status.expires_in),
        ("configuration", Some(TimeDelta::hours(30)), None)
    );
    assert!(status.failed_over.is_none() && bench.keys.former().is_none());
    assert!(!format!("{:?}", bench.keys).contains("hush"));
}
