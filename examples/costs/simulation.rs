//! The real vault before a small STS, in tokio's paused time: what a population of callers costs in calls of `AssumeRole`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header::DATE;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oss_vend::access_key::AccessKeys;
use oss_vend::clock::{Clock, CorrectedClock, Timestamp};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::policy::Session;
use oss_vend::sts::{Client, ClientOptions, SignatureScheme};
use oss_vend::vault::{Options, RequestTime, Vault};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Each caller comes so often, as one who uploads now and then.
const BETWEEN_ASKS: Duration = Duration::from_mins(4);

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    /// How many there are. They come for the first time evenly spread over four minutes.
    pub(crate) callers: usize,
    /// Whether each has a session of its own.
    pub(crate) own_sessions: bool,
    /// How long their credentials live, in seconds.
    pub(crate) duration: u32,
}

/// The calls of `AssumeRole` that `population` costs in `length` of time at 80 a second.
pub(crate) async fn calls(population: Population, length: Duration) -> u64 {
    let bank = Bank::open().await;
    let first =
        |number: usize| BETWEEN_ASKS * u32::try_from(number).unwrap_or(0) / population.callers.try_into().unwrap_or(1);
    let mut asks: BinaryHeap<_> = (0..population.callers).map(|number| Reverse((first(number), number))).collect();
    while let Some(Reverse((at, number))) = asks.pop() {
        if at >= length {
            break;
        }
        tokio::time::sleep_until(bank.clock.start + at).await;
        let name = if population.own_sessions { number } else { 0 };
        tokio::spawn(bank.ask(name, population.duration));
        bank.settle().await;
        asks.push(Reverse((at + BETWEEN_ASKS, number)));
    }
    bank.calls.load(Ordering::Relaxed)
}

/// How long it takes until each of `callers`, who all come at once for a session of their own, has its credentials;
/// each comes again when it is told to.
pub(crate) async fn cold_start(callers: usize) -> Duration {
    let bank = Arc::new(Bank::open().await);
    let all = (0..callers).map(|number| {
        let bank = Arc::clone(&bank);
        tokio::spawn(async move {
            while let Err(wait) = bank.ask(number, 3_600).await {
                tokio::time::sleep(wait).await;
            }
        })
    });
    futures_util::future::join_all(all.collect::<Vec<_>>()).await;
    bank.clock.elapsed()
}

/// A vault and its STS.
struct Bank {
    vault: Arc<Vault>,
    clock: Arc<PausedClock>,
    calls: Arc<AtomicU64>,
}

impl Bank {
    async fn open() -> Self {
        let clock = Arc::new(PausedClock { start: Instant::now() });
        let calls = Arc::new(AtomicU64::new(0));
        let sts = Router::new().fallback(assume_role).with_state((Arc::clone(&clock), Arc::clone(&calls)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(axum::serve(listener, sts).into_future());
        let options = Options {
            sts: client(&format!("http://{address}")),
            second_sts: None,
            access_keys: AccessKeys::fixed(AccessKey { id: "id".into(), secret: Secret::new("secret"), token: None })
                .into(),
            calls_per_second: 80,
            max_sessions: 1_000_000,
            replicas: None,
        };
        Self { vault: Vault::new(options, Arc::new(CorrectedClock::new(clock.clone()))), clock, calls }
    }

    /// One caller asks; how long it is to wait if it gets nothing.
    fn ask(&self, name: usize, duration: u32) -> impl Future<Output = Result<(), Duration>> + use<> {
        let (vault, clock) = (Arc::clone(&self.vault), Arc::clone(&self.clock));
        async move {
            let request = RequestTime::of(clock.reading());
            let key = vault.session_key(&session(name, duration), TimeDelta::zero(), &request).await;
            key.map(drop).map_err(|unopened| (unopened.retry_at - clock.now()).to_std().unwrap_or_default())
        }
    }

    /// Until each load that was begun has come to STS, so that none is counted late.
    async fn settle(&self) {
        for _ in 0..3 {
            tokio::task::yield_now().await; // what was begun begins to run
        }
        let begun = || {
            let counts = self.vault.counts();
            counts.loads + counts.refreshes
        };
        while self.calls.load(Ordering::Relaxed) < begun() {
            tokio::task::yield_now().await;
        }
    }
}

/// Tokio's time as this machine's.
#[derive(Debug)]
struct PausedClock {
    start: Instant,
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let began = DateTime::from_timestamp(1_767_225_600, 0).expect("it is a time");
        began + TimeDelta::from_std(self.start.elapsed()).expect("it is no age of the world")
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(length).boxed()
    }
}

/// What STS answers; it checks nothing.
async fn assume_role(
    State((clock, calls)): State<(Arc<PausedClock>, Arc<AtomicU64>)>,
    RawQuery(query): RawQuery,
) -> Response {
    calls.fetch_add(1, Ordering::Relaxed);
    let query = query.unwrap_or_default();
    let duration = query.split('&').find_map(|pair| pair.strip_prefix("DurationSeconds=")?.parse().ok());
    let expiration: DateTime<Utc> = clock.now() + TimeDelta::seconds(duration.unwrap_or(3_600));
    let credentials = json!({
        "AccessKeyId": "STS.id", "AccessKeySecret": "secret", "SecurityToken": "token",
        "Expiration": expiration.to_rfc3339_opts(SecondsFormat::Secs, true),
    });
    let date = clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    ([(DATE, date)], Json(json!({ "RequestId": "R", "Credentials": credentials }))).into_response()
}

fn client(address: &str) -> Client {
    let timeout = Duration::from_secs(5);
    let endpoint = address.parse().expect("it is a URL");
    let options = ClientOptions { endpoint, scheme: SignatureScheme::Acs3, connect_timeout: timeout, timeout };
    Client::new(options).expect("it is a loopback origin")
}

fn session(name: usize, duration: u32) -> Session {
    Session::new("acs:ram::1234567890123456:role/uploads".into(), &format!("caller-{name}"), duration)
}
