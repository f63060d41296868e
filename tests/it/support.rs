//! A server of one's own for each test, with the embedded cloud behind it and a clock that is moved by hand.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oss_vend::clock::{Clock, ManualClock};
use oss_vend::config::Changes;
use oss_vend::dev::{Addresses, CONFIG, Dev, DevError, DevReload, Options};
use oss_vend::emulator::{Emulator, Knobs};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::sync::oneshot;

/// The server, running until it is dropped.
pub(crate) struct TestServer {
    pub(crate) addresses: Addresses,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) http: Client,
    emulator: Emulator,
    reload: DevReload,
    _stop: oneshot::Sender<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl TestServer {
    /// What `oss-vend dev` runs.
    pub(crate) async fn start() -> Self {
        Self::with(CONFIG).await
    }

    /// The same with another configuration.
    pub(crate) async fn with(config: &str) -> Self {
        Self::of(Options { config: config.into(), ..Options::default() }).await
    }

    /// The same with other options; the addresses are any that are free.
    pub(crate) async fn of(options: Options) -> Self {
        Self::bind(options).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, or why it does not start.
    pub(crate) async fn bind(options: Options) -> Result<Self, DevError> {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let any = || "127.0.0.1:0".to_owned();
        let admin_listen = options.admin_listen.clone().or_else(|| Some(any()));
        let options = Options { listen: any(), oss_listen: any(), sts_listen: any(), admin_listen, ..options };
        let dev = Dev::bind(options, clock.clone()).await?;
        let (addresses, emulator, reload) = (dev.addresses(), dev.emulator().clone(), dev.reload());
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(dev.run(async { drop(stopped.await) }));
        Ok(Self { addresses, clock, http: http(), emulator, reload, _stop: stop })
    }

    /// Gives it another configuration.
    pub(crate) fn reload(&self, config: &str) -> Result<Changes, DevError> {
        self.reload.reload(config)
    }

    pub(crate) fn knobs(&self) -> &Knobs {
        self.emulator.knobs()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Waits for what another task is about to do; it yields to it and looks again.
    pub(crate) async fn until(&self, done: impl Fn() -> bool) {
        self.until_async(async || done()).await;
    }

    /// The same for what takes a request to find out.
    pub(crate) async fn until_async(&self, mut done: impl AsyncFnMut() -> bool) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        while !done().await {
            assert!(tokio::time::Instant::now() < patience, "it never happened");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.addresses.server))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// From the operator's own listener.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        let address = self.addresses.admin.expect("there is such a listener");
        Answer::of(self.http.get(format!("http://{address}{path}"))).await
    }

    /// The outcome of `work` while the clock runs, so that pauses between attempts end.
    pub(crate) async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                () = tokio::time::sleep(Duration::from_millis(5)) => self.clock.advance(TimeDelta::milliseconds(20)),
            }
        }
    }

    pub(crate) async fn get_while_time_passes(&self, path: &str) -> Answer {
        self.while_time_passes(self.get(path)).await
    }

    /// As the caller whose API key this is.
    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).bearer_auth(key)).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl ToString) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        Answer::of(request.body(body.to_string())).await
    }

    /// The bytes of an object, read through a signed URL.
    pub(crate) async fn read(&self, key: &str) -> Answer {
        let signed = self.post("/presigned-url", serde_json::json!({ "key": key, "method": "GET" })).await.json();
        Answer::of(self.http.get(signed["url"].as_str().unwrap())).await
    }
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    /// The JSON of a good answer.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// Status and code of a problem, which has to be a complete one.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["requestId"], self.header("x-request-id"));
        for member in ["type", "title", "detail", "hint"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        (self.status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    }

    /// The code in an error of OSS.
    pub(crate) fn oss_code(&self) -> &str {
        self.text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A client that follows nothing and waits for nothing long.
pub(crate) fn http() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_mins(1))
        .build()
        .unwrap()
}

pub(crate) fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}
