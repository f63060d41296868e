//! An emulated STS that many replicas call, and which knows for whom each key was made; and the replicas.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::ready;
use futures_util::stream::once;
use oss_vend::access_key::AccessKeys;
use oss_vend::clock::{Clock, CorrectedClock};
use oss_vend::emulator::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_ROLE_ARN, Emulator, Knobs, Options};
use oss_vend::keys::{AccessKey, Secret, SessionKey};
use oss_vend::policy::Session;
use oss_vend::replicas::{self, Mode, Replicas, SealingKey};
use oss_vend::sts::{Client, ClientOptions, SignatureScheme};
use oss_vend::vault::{self, RequestTime, Unopened, Vault};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::server::{PATIENCE, Redis};

pub(crate) const SEALING_KEY: &str = "one:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
pub(crate) const OTHER_KEY: &str = "two:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// The emulator, and what it gave to whom.
pub(crate) struct Cloud {
    emulator: Emulator,
    pub(crate) address: String,
    clock: Arc<dyn Clock>,
    given: Arc<Mutex<Given>>,
}

#[derive(Default)]
struct Given {
    /// The session of each key.
    owners: HashMap<String, String>,
    arrivals: Vec<Instant>,
    /// So many calls are never answered.
    swallowed: usize,
}

/// A vault before the cloud, which shares what it opens.
pub(crate) struct Replica {
    pub(crate) vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    given: Arc<Mutex<Given>>,
}

impl Cloud {
    pub(crate) async fn open(clock: Arc<dyn Clock>) -> Self {
        let time = Arc::clone(&clock);
        let emulator = Emulator::new(Options::dev(), move || time.now()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let given = Arc::<Mutex<Given>>::default();
        let noted = Arc::clone(&given);
        let routes = emulator.sts().layer(from_fn(move |request, next| note(Arc::clone(&noted), request, next)));
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self { emulator, address, clock, given }
    }

    pub(crate) fn knobs(&self) -> &Knobs {
        self.emulator.knobs()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.knobs().count("AssumeRole")
    }

    /// The next call is never answered.
    pub(crate) fn swallow_next(&self) {
        self.given.lock().unwrap().swallowed += 1;
    }

    /// When each call came.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        self.given.lock().unwrap().arrivals.clone()
    }

    /// Replicas that share through `redis`, once all of them know of one another.
    pub(crate) async fn replicas(&self, count: usize, redis: &Redis) -> Vec<Replica> {
        let options = shared_through(redis);
        let replicas: Vec<_> = (0..count).map(|_| self.replica(&options, 10_000)).collect();
        for replica in &replicas {
            replica.until(|counts| counts.state == replicas::State::Up).await;
        }
        replicas
    }

    pub(crate) fn replica(&self, options: &replicas::Options, calls_per_second: u32) -> Replica {
        let (connect_timeout, timeout) = (PATIENCE, PATIENCE);
        let endpoint = Url::parse(&self.address).unwrap();
        let sts = ClientOptions { endpoint, scheme: SignatureScheme::Acs3, connect_timeout, timeout };
        let opener =
            AccessKey { id: DEV_ACCESS_KEY_ID.into(), secret: Secret::new(DEV_ACCESS_KEY_SECRET), token: None };
        let options = vault::Options {
            sts: Client::new(sts).unwrap(),
            second_sts: None,
            access_keys: Arc::new(AccessKeys::fixed(opener)),
            calls_per_second,
            max_sessions: 100_000,
            replicas: Some(Replicas::open(options, calls_per_second).unwrap()),
        };
        let vault = Vault::new(options, Arc::new(CorrectedClock::new(Arc::clone(&self.clock))));
        Replica { vault, clock: Arc::clone(&self.clock), given: Arc::clone(&self.given) }
    }
}

impl Replica {
    pub(crate) async fn session_key(&self, name: &str) -> Result<Arc<SessionKey>, Unopened> {
        self.session_key_for(name, TimeDelta::zero()).await
    }

    /// The key of `name` for who needs it for `life` yet.
    pub(crate) async fn session_key_for(&self, name: &str, life: TimeDelta) -> Result<Arc<SessionKey>, Unopened> {
        let request = RequestTime::of(self.clock.reading());
        self.vault.session_key(&session(name), life, &request).await.map(|live| live.key)
    }

    /// The id of the key of `name`, which is alive and was made for no other.
    pub(crate) async fn key(&self, name: &str) -> Result<String, String> {
        let key = self.session_key(name).await.map_err(|unopened| unopened.error.to_string())?;
        let id = &key.access_key.id;
        assert_eq!(self.given.lock().unwrap().owners.get(id).map(String::as_str), Some(name), "a wrong key");
        assert!(key.expiration > self.clock.now(), "a dead key");
        Ok(id.clone())
    }

    pub(crate) fn counts(&self) -> replicas::Counts {
        self.vault.counts().replicas.unwrap()
    }

    /// Waits until the counts are as they should be.
    pub(crate) async fn until(&self, done: impl Fn(&replicas::Counts) -> bool) {
        until(|| done(&self.counts()), || format!("{:?}", self.counts())).await;
    }
}

/// Waits for what another task or process is about to do.
pub(crate) async fn until(done: impl Fn() -> bool, what: impl Fn() -> String) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "it never happened: {}", what());
        sleep(Duration::from_millis(2)).await;
    }
}

/// Sharing through `redis`, with a time-out that no pace of the machine reaches.
pub(crate) fn shared_through(redis: &Redis) -> replicas::Options {
    replicas::Options {
        urls: vec![redis.url()],
        mode: Mode::Single,
        user: None,
        password: None,
        authorities: None,
        prefix: "oss-vend".into(),
        connect_timeout: PATIENCE,
        timeout: PATIENCE,
        sealing_keys: vec![SealingKey::parse(SEALING_KEY).unwrap()],
        replicas: None,
    }
}

/// The same with a time-out as it is by default.
pub(crate) fn impatiently_through(redis: &Redis) -> replicas::Options {
    let (connect_timeout, timeout) = (Duration::from_secs(2), Duration::from_millis(250));
    replicas::Options { connect_timeout, timeout, ..shared_through(redis) }
}

pub(crate) fn session(name: &str) -> Session {
    Session::new(DEV_ROLE_ARN.into(), name, 3600)
}

pub(crate) fn start_of_time() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// The most of `moments` within one second of their clock.
pub(crate) fn most_in_a_second(moments: &[DateTime<Utc>]) -> usize {
    let within =
        |start: usize| moments[start..].iter().take_while(|at| **at - moments[start] < TimeDelta::seconds(1)).count();
    (0..moments.len()).map(within).max().unwrap_or(0)
}

/// Notes for which session a key is made.
async fn note(given: Arc<Mutex<Given>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = format!("{}&{}", head.uri.query().unwrap_or_default(), String::from_utf8_lossy(&body));
    let name = text.split('&').find_map(|pair| pair.strip_prefix("RoleSessionName=")).unwrap_or_default().to_owned();
    let swallowed = {
        let mut given = given.lock().unwrap();
        given.arrivals.push(Instant::now());
        given.swallowed.checked_sub(1).map(|left| given.swallowed = left).is_some()
    };
    if swallowed {
        return std::future::pending().await;
    }
    let (head, body) = next.run(Request::from_parts(head, Body::from(body))).await.into_parts();
    // A connection that the knobs drop is dropped here too.
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return Response::from_parts(head, Body::from_stream(once(ready(Err::<Bytes, _>(error))))),
    };
    if let Ok(answer) = serde_json::from_slice::<serde_json::Value>(&body)
        && let Some(id) = answer["Credentials"]["AccessKeyId"].as_str()
    {
        given.lock().unwrap().owners.insert(id.to_owned(), name);
    }
    Response::from_parts(head, Body::from(body))
}
