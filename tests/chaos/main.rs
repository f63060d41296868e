//! One simulated day of a thousand sessions before an STS that fails in every way, with a clock that is put wrong.
//!
//! Time is tokio's paused time over real sockets: nothing waits, and nothing depends on how fast the machine is. The
//! weather, the askers and the hands of the clock go by a seed, which is printed; the vault's own jitter does not.
//! `CHAOS_SEED=7 CHAOS_HOURS=240 cargo test --test chaos -- --nocapture` repeats one or runs longer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod cloud;
mod dice;
mod ledger;
mod time;
mod weather;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oss_vend::access_key::AccessKeys;
use oss_vend::clock::{Clock, CorrectedClock};
use oss_vend::config::{Environment, Settings};
use oss_vend::emulator::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_ROLE_ARN};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::policy::Session;
use oss_vend::server::Server;
use oss_vend::sts::{Client, ClientOptions, SignatureScheme};
use oss_vend::vault::{self, RequestTime, Vault};
use tokio::net::TcpListener;
use tokio::time::Instant;

use self::cloud::Cloud;
use self::dice::Dice;
use self::ledger::{Answer, Ledger};
use self::time::Hands;

const SESSIONS: usize = 1_000;
const CALLS_PER_SECOND: u32 = 80;
/// What an account may call in a second, all its programs together.
const ACCOUNT: usize = 100;
/// What memory may grow between the second hour and the last: what the emulator remembers of dead sessions, and the
/// allocator's moods. A thousand bytes kept of each call would be more.
const SLACK: u64 = 24 << 20;

/// A day under way.
struct Day {
    hands: Arc<Hands>,
    cloud: Arc<Cloud>,
    vault: Arc<Vault>,
    clock: Arc<CorrectedClock>,
    dice: Dice,
    sessions: Vec<Session>,
    ledger: Arc<Ledger>,
    /// What is asked over HTTP is held apart: its session is another vault's.
    over_http: Arc<Ledger>,
    http: reqwest::Client,
    server: String,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    Ask(usize),
    AskOverHttp,
    PutHands,
    Hour,
}

impl Day {
    async fn begin(seed: u64) -> Self {
        let hands = Arc::new(Hands::new());
        let cloud = Cloud::open(seed, &hands).await;
        let clock = Arc::new(CorrectedClock::new(hands.clone()));
        let options = vault::Options {
            sts: client(&cloud.address),
            second_sts: None,
            access_keys: AccessKeys::fixed(AccessKey {
                id: DEV_ACCESS_KEY_ID.into(),
                secret: Secret::new(DEV_ACCESS_KEY_SECRET),
                token: None,
            })
            .into(),
            calls_per_second: CALLS_PER_SECOND,
            max_sessions: 10 * SESSIONS,
            replicas: None,
        };
        let server = serve(&cloud.address, &hands).await;
        let dice = Dice::new(!seed);
        Self {
            vault: Vault::new(options, Arc::clone(&clock)),
            sessions: (0..SESSIONS).map(|number| session(number, &dice)).collect(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            ledger: Arc::default(),
            over_http: Arc::default(),
            hands,
            cloud,
            clock,
            dice,
            server,
        }
    }

    /// Lets the events happen until `end`; the resident set at each full hour.
    async fn run(&self, end: Duration) -> Vec<u64> {
        let mut resident = Vec::new();
        // All come within the first two seconds: a cold start, beyond what the budget can give in time.
        let mut events: BinaryHeap<_> =
            (0..SESSIONS).map(|number| Reverse((self.millis(0..2_000), Event::Ask(number)))).collect();
        events.push(Reverse((Duration::from_secs(30), Event::AskOverHttp)));
        events.push(Reverse((Duration::from_mins(15), Event::PutHands)));
        events.push(Reverse((Duration::from_hours(1), Event::Hour)));
        while let Some(Reverse((at, event))) = events.pop().filter(|Reverse((at, _))| *at <= end) {
            self.until(at).await;
            let next = match event {
                Event::Ask(number) => self.ask(number),
                Event::AskOverHttp => self.ask_over_http(),
                Event::PutHands => self.put_hands(),
                Event::Hour => {
                    resident.push(resident_set());
                    Duration::from_hours(1)
                }
            };
            events.push(Reverse((at + next, event)));
        }
        resident
    }

    /// Time passes only when each call of STS has come to where it is held back, or its answer to where it is awaited.
    async fn until(&self, at: Duration) {
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        while self.hands.calls.load(Ordering::Relaxed) > self.cloud.inside.load(Ordering::Relaxed)
            && std::time::Instant::now() < patience
        {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(at.saturating_sub(self.hands.elapsed())).await;
    }

    fn ask(&self, number: usize) -> Duration {
        let (vault, session) = (Arc::clone(&self.vault), self.sessions[number].clone());
        let request = RequestTime::of(self.clock.reading());
        let life = TimeDelta::minutes(if self.dice.percent(20) { 10 } else { 0 });
        let clock = Arc::clone(&self.clock);
        let judge = self.judge(number, &self.ledger, move || clock.cloud_time());
        tokio::spawn(async move {
            let key = vault.session_key(&session, life, &request).await;
            judge(key.map(|live| live.key.expiration).map_err(|unopened| unopened.error.to_string()));
        });
        Duration::from_millis(self.dice.within(60_000..840_000))
    }

    fn ask_over_http(&self) -> Duration {
        let request = self.http.get(format!("{}/sts", self.server));
        let hands = Arc::clone(&self.hands);
        let judge = self.judge(0, &self.over_http, move || hands.now());
        tokio::spawn(async move {
            let text = request.send().await.unwrap().text().await.unwrap();
            let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
            let expiration = answer["Expiration"].as_str().map(|time| time.parse().unwrap());
            judge(expiration.ok_or_else(|| answer["code"].to_string()));
        });
        Duration::from_millis(self.dice.within(30_000..90_000))
    }

    fn judge(
        &self,
        session: usize,
        ledger: &Arc<Ledger>,
        believed: impl Fn() -> DateTime<Utc> + Send + 'static,
    ) -> impl FnOnce(Result<DateTime<Utc>, String>) + Send + 'static {
        let (hands, cloud, ledger) = (Arc::clone(&self.hands), Arc::clone(&self.cloud), Arc::clone(ledger));
        let asked = hands.elapsed();
        move |expiration| {
            let (truth, believed) = (hands.truth(), believed());
            let healthy = cloud.weather.is_healthy(hands.elapsed());
            let waited = hands.elapsed().saturating_sub(asked);
            ledger.note(&Answer { session, expiration, truth, believed, healthy, waited });
        }
    }

    fn put_hands(&self) -> Duration {
        let (ahead, length) = self.cloud.weather.hands();
        self.hands.put(ahead);
        length
    }

    fn millis(&self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.dice.within(range))
    }
}

fn client(address: &str) -> Client {
    let endpoint = address.parse().unwrap();
    let timeout = weather::TIMEOUT;
    Client::new(ClientOptions { endpoint, scheme: SignatureScheme::Acs3, connect_timeout: timeout, timeout }).unwrap()
}

/// Some live a quarter of an hour, many an hour, most half a day: each call of STS costs the run a millisecond.
fn session(number: usize, dice: &Dice) -> Session {
    let duration = match dice.within(0..100) {
        0..2 => 900,
        2..24 => 3_600,
        _ => 43_200,
    };
    Session::new(DEV_ROLE_ARN.into(), &format!("caller-{number}"), duration)
}

/// The server of `dev`, which asks the same STS and has the same clock.
async fn serve(sts: &str, hands: &Arc<Hands>) -> String {
    let mut loaded = Settings::of_text("dev.toml", oss_vend::dev::CONFIG, &Environment::default()).unwrap();
    loaded.settings.sts.endpoint = Some(sts.to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::new(loaded, hands.clone()).unwrap();
    tokio::spawn(server.serve(listener, std::future::pending()));
    address
}

/// The bytes of memory that this process has.
fn resident_set() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[expect(clippy::disallowed_methods, reason = "only whoever repeats a run sets it")]
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_day_of_chaos_goes_unnoticed_by_whoever_holds_a_live_key() {
    let started = std::time::Instant::now();
    let seed = given("CHAOS_SEED").unwrap_or(1);
    println!("CHAOS_SEED={seed}");
    let hours = given("CHAOS_HOURS").unwrap_or(24);
    let day = Day::begin(seed).await;
    let resident = day.run(Duration::from_hours(hours) + Duration::from_secs(1)).await;
    // Those who still wait get their answer.
    tokio::time::sleep_until(Instant::now() + Duration::from_secs(20)).await;
    println!("{hours} hours in {:?}, {} spells of bad weather", started.elapsed(), day.cloud.weather.spells());
    let calls = std::mem::take(&mut *day.cloud.calls.lock().unwrap());
    println!("{calls:?}\n{:?}", day.vault.counts());
    let Day { vault, cloud, ledger, over_http, .. } = day;
    let mib: Vec<_> = resident.iter().map(|bytes| bytes >> 20).collect();
    println!("resident set by the hour, in MiB: {mib:?}");
    drop((vault, cloud));
    let figures = Arc::into_inner(ledger).expect("nobody is left who waits").figures();
    let over_http = Arc::into_inner(over_http).expect("nobody is left who waits").figures();
    println!("{figures:#?}\nover HTTP: {over_http:#?}");
    assert!(figures.breaches.is_empty() && over_http.breaches.is_empty(), "CHAOS_SEED={seed} repeats it");
    assert!(calls.most <= ACCOUNT, "{} calls in one second", calls.most);
    assert!(figures.answers > 150_000 * hours / 24 && figures.while_healthy > figures.answers / 10);
    let (early, late) = (resident[1], *resident.last().unwrap());
    assert!(late <= early + SLACK, "memory grew from {early} to {late} bytes");
}
