//! The vault over hours of moved time: the budget, the bound, the clock, an outage.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_vend::access_key::AccessKeys;
use oss_vend::clock::{Clock, CorrectedClock, ManualClock};
use oss_vend::emulator::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_ROLE_ARN, Emulator, Failure, Options};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::policy::Session;
use oss_vend::sts::{Client, ClientOptions, SignatureScheme};
use oss_vend::vault::{self, RequestTime, Vault};
use reqwest::Url;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Answer, TestServer};

/// A vault before an emulated STS, on one clock.
pub(crate) struct Bank {
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) emulator: Emulator,
    /// Where STS is, as `http://…`.
    pub(crate) address: String,
}

impl Bank {
    pub(crate) async fn open(calls_per_second: u32, max_sessions: usize, first: Option<String>) -> Self {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let time = Arc::clone(&clock);
        let emulator = Emulator::new(Options::dev(), move || time.now()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, emulator.sts()).into_future());
        let (sts, second_sts) = match first {
            Some(first) => (client(&first), Some(client(&address))),
            None => (client(&address), None),
        };
        let opener =
            AccessKey { id: DEV_ACCESS_KEY_ID.into(), secret: Secret::new(DEV_ACCESS_KEY_SECRET), token: None };
        let access_keys = Arc::new(AccessKeys::fixed(opener));
        let options = vault::Options { sts, second_sts, access_keys, calls_per_second, max_sessions, replicas: None };
        Self { vault: Vault::new(options, Arc::new(CorrectedClock::new(clock.clone()))), clock, emulator, address }
    }

    pub(crate) async fn key(&self, name: &str) -> Result<String, String> {
        let key = self.vault.session_key(&session(name), TimeDelta::zero(), &self.request()).await;
        key.map(|live| live.key.access_key.id.clone()).map_err(|unopened| unopened.error.to_string())
    }

    /// A request that comes now.
    pub(crate) fn request(&self) -> RequestTime {
        RequestTime::of(self.clock.reading())
    }

    /// The outcome of `work` while time passes, a step at a time.
    pub(crate) async fn while_time_passes<T>(&self, step: TimeDelta, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                () = tokio::time::sleep(Duration::from_millis(2)) => self.clock.advance(step),
            }
        }
    }

    /// Until each refresh that was begun has come to STS: it then belongs to the second in which it was begun.
    pub(crate) async fn settle(&self) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        for _ in 0..10 {
            tokio::task::yield_now().await; // the loads that were started begin to run
        }
        while self.calls() < self.vault.counts().refreshes {
            assert!(tokio::time::Instant::now() < patience, "a refresh never arrived");
            tokio::task::yield_now().await;
        }
    }

    /// Waits for what another task is about to do.
    pub(crate) async fn until(&self, done: impl Fn() -> bool) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(tokio::time::Instant::now() < patience, "it never happened");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.emulator.knobs().count("AssumeRole")
    }

    /// The most calls that STS received within any second of the moved time.
    pub(crate) fn most_in_a_second(&self) -> usize {
        let times: Vec<_> = self.emulator.knobs().calls().iter().map(|call| call.at).collect();
        let within =
            |start: usize| times[start..].iter().take_while(|at| **at - times[start] < TimeDelta::seconds(1)).count();
        (0..times.len()).map(within).max().unwrap_or(0)
    }
}

fn client(address: &str) -> Client {
    let (connect_timeout, timeout) = (Duration::from_secs(5), Duration::from_secs(5));
    let endpoint = Url::parse(address).unwrap();
    Client::new(ClientOptions { endpoint, scheme: SignatureScheme::Acs3, connect_timeout, timeout }).unwrap()
}

pub(crate) fn session(name: &str) -> Session {
    Session::new(DEV_ROLE_ARN.into(), name, 3600)
}

pub(crate) fn unavailable() -> Failure {
    Failure::Status { status: 503, code: "ServiceUnavailable".into(), message: "later".into() }
}

#[tokio::test(start_paused = true)] // a step of time is taken when nobody has anything left to do
async fn first_loads_keep_to_the_budget_and_those_beyond_patience_are_told_so() {
    let bank = Bank::open(80, 10_000, None).await;
    let names: Vec<_> = (0..600).map(|number| format!("caller-{number}")).collect();
    let loads = join_all(names.iter().map(|name| bank.key(name)));
    let outcomes = bank.while_time_passes(TimeDelta::milliseconds(10), loads).await;
    let turned_away = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!(bank.calls(), (600 - turned_away) as u64);
    assert!((130..=275).contains(&turned_away), "{turned_away} were turned away");
    assert!(
        outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(|error| error.contains("too many sessions"))
    );
    assert!(bank.most_in_a_second() <= 100, "{} calls in a second", bank.most_in_a_second());
    let counts = bank.vault.counts();
    assert_eq!((counts.turned_away, counts.loads), (turned_away as u64, 600));
    assert!(counts.waits > 250 && counts.waited > Duration::from_mins(5), "{counts:?}");
}

#[tokio::test]
async fn refreshes_leave_the_budget_to_first_loads_and_come_spread_out() {
    let bank = Bank::open(20, 10_000, None).await;
    let names: Vec<_> = (0..40).map(|number| format!("caller-{number}")).collect();
    bank.while_time_passes(TimeDelta::milliseconds(50), join_all(names.iter().map(|name| bank.key(name)))).await;
    bank.clock.advance(TimeDelta::minutes(55));
    bank.emulator.knobs().clear_calls();
    for _second in 0..60 {
        for name in &names {
            bank.key(name).await.unwrap();
        }
        bank.settle().await;
        bank.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(bank.calls(), 40, "each is renewed once");
    assert!(bank.most_in_a_second() <= 20);
    assert_eq!(bank.vault.counts().refreshes, 40);
}

#[tokio::test]
async fn when_the_first_endpoint_does_not_answer_the_second_is_asked() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let bank = Bank::open(80, 100, Some(format!("http://{closed}"))).await;
    bank.while_time_passes(TimeDelta::milliseconds(10), bank.key("one")).await.unwrap();
    bank.key("two").await.unwrap();
    let failures = bank.vault.counts().failures;
    assert_eq!((failures.len(), failures["unreachable"]), (1, 1), "for a minute the second one is asked first");
}

#[tokio::test]
async fn the_vault_is_bounded_and_keeps_those_in_use() {
    let bank = Bank::open(10_000, 100, None).await;
    bank.key("in-use").await.unwrap();
    for number in 0..500 {
        bank.key(&format!("caller-{number}")).await.unwrap();
        bank.clock.advance(TimeDelta::seconds(1));
        bank.key("in-use").await.unwrap();
    }
    let held = bank.vault.holdings(bank.clock.now());
    assert!((90..=100).contains(&held.alive), "{held:?}");
    assert_eq!(bank.calls(), 501, "the one in use was never given up");
    assert_eq!(bank.vault.counts().evicted, 501 - held.alive as u64);
}

#[tokio::test]
async fn expired_sessions_go_before_any_that_is_alive() {
    let bank = Bank::open(10_000, 100, None).await;
    for number in 0..60 {
        bank.key(&format!("old-{number}")).await.unwrap();
    }
    bank.clock.advance(TimeDelta::hours(2));
    for number in 0..60 {
        bank.key(&format!("new-{number}")).await.unwrap();
    }
    let held = bank.vault.holdings(bank.clock.now());
    assert_eq!((held.alive, bank.vault.counts().evicted), (60, 60));
}

#[tokio::test]
async fn an_outage_is_not_noticed_while_a_key_lives_and_ends_with_one_call() {
    let bank = Bank::open(80, 100, None).await;
    let first = bank.key("one").await.unwrap();
    bank.clock.advance(TimeDelta::minutes(10));
    bank.emulator.knobs().fail_next("AssumeRole", u32::MAX, unavailable());
    for _ in 0..(49 * 60 + 59) {
        assert_eq!(bank.key("one").await.as_ref(), Ok(&first));
        bank.clock.advance(TimeDelta::seconds(1));
        tokio::task::yield_now().await;
    }
    let during = bank.calls();
    assert!(during < 40, "{during} calls in five minutes of failing");
    bank.clock.advance(TimeDelta::seconds(1));
    bank.while_time_passes(TimeDelta::milliseconds(10), bank.key("one")).await.unwrap_err();
    bank.emulator.knobs().reset();
    bank.clock.advance(TimeDelta::minutes(2));
    let answers = join_all((0..100).map(|_| bank.key("one"))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().is_ok_and(|id| *id == *answers[0].as_ref().unwrap() && *id != first))
    );
    assert_eq!(bank.calls(), 1);
}

#[tokio::test]
async fn a_clock_that_is_twenty_minutes_off_is_set_right_by_sts() {
    for offset in [-20, 20] {
        let server = TestServer::start().await;
        server.knobs().clock_offset(TimeDelta::minutes(offset));
        let put = server.get("/presigned-url?key=uploads/a&contentType=text/plain&expires=60").await.json();
        assert_eq!(server.knobs().count("AssumeRole"), 2, "refused once for its date, then right");
        let sent = server.http.put(put["url"].as_str().unwrap()).header("content-type", "text/plain").body("a");
        assert_eq!(Answer::of(sent).await.status, 200);
        assert_eq!(server.admin("/readyz").await.json()["clockOffsetSeconds"], json!(offset * 60));
    }
}

#[tokio::test]
async fn a_key_that_only_seemed_to_be_over_is_given_when_the_load_that_fails_sets_the_clock_right() {
    let server = TestServer::start().await;
    let before = server.get("/sts").await.json();
    // This machine's clock has run ahead of that of STS, which fails.
    server.advance(65 * 60);
    server.knobs().clock_offset(TimeDelta::minutes(-65));
    let failure = Failure::Status { status: 503, code: "ServiceUnavailable".into(), message: String::new() };
    server.knobs().fail_next("AssumeRole", 10, failure);
    let after = server.get_while_time_passes("/sts").await.json();
    assert_eq!(after["AccessKeyId"], before["AccessKeyId"]);
}
