//! An STS that is slow, or never answers: a caller waits five seconds, the load goes on, the second endpoint is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::join_all;
use oss_vend::dev::CONFIG;
use oss_vend::emulator::Failure;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::endurance::Bank;
use crate::support::{Answer, TestServer};

/// Stands before STS and holds back whatever comes, until it is opened.
#[derive(Clone)]
pub(crate) struct Barrier {
    address: String,
    came: Arc<AtomicUsize>,
    opened: Arc<Semaphore>,
    behind: Arc<OnceLock<String>>,
}

impl Barrier {
    pub(crate) async fn build() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let barrier = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            came: Arc::default(),
            opened: Arc::new(Semaphore::new(0)),
            behind: Arc::default(),
        };
        let held = barrier.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                held.came.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(held.clone().pass(stream));
            }
        });
        barrier
    }

    async fn pass(self, mut stream: TcpStream) {
        drop(self.opened.acquire().await.unwrap());
        let mut behind = TcpStream::connect(self.behind.get().unwrap()).await.unwrap();
        drop(copy_bidirectional(&mut stream, &mut behind).await);
    }

    /// How many connections came.
    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    fn open(&self) {
        self.opened.add_permits(1);
    }
}

/// A server whose STS is behind a barrier, with more in `[sts]`.
async fn behind_barrier(more: impl FnOnce(&Barrier) -> String) -> (TestServer, Barrier) {
    let barrier = Barrier::build().await;
    // The client's own time limit is by the machine's clock and not looked at here.
    let sts = format!("[sts]\nendpoint = {:?}\ntimeout = \"10m\"\n{}", barrier.address, more(&barrier));
    let server = TestServer::with(&CONFIG.replacen("[sts]", &sts, 1)).await;
    barrier.behind.set(server.addresses.sts.to_string()).unwrap();
    (server, barrier)
}

/// A request that is under way.
fn asked(server: &TestServer, path: &str) -> tokio::task::JoinHandle<Answer> {
    let request = server.request(reqwest::Method::GET, path);
    tokio::spawn(Answer::of(request))
}

/// Lets time pass until all of `requests` are answered; how long that was.
async fn wait_for(server: &TestServer, requests: &[tokio::task::JoinHandle<Answer>]) -> TimeDelta {
    let began = server.now();
    let over = async || requests.iter().all(tokio::task::JoinHandle::is_finished);
    while !over().await {
        server.while_time_passes(tokio::time::sleep(Duration::from_millis(5))).await;
    }
    server.now() - began
}

#[tokio::test]
async fn a_caller_of_an_sts_that_never_answers_waits_five_seconds_and_the_load_goes_on() {
    let (server, barrier) = behind_barrier(|_| String::new()).await;
    let first = asked(&server, "/sts");
    server.until(|| barrier.came() == 1).await;
    server.advance(4);
    assert!(!first.is_finished());
    server.advance(1);
    let answer = first.await.unwrap();
    assert_eq!(answer.problem(), (503, "sts_unavailable".into()));
    assert_eq!(answer.header("retry-after"), "2");
    let problem: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(problem["hint"].as_str().unwrap().contains("sts.second_endpoint"), "{problem}");
    // Nothing of it was lost: what STS answers at last is for who comes then.
    barrier.open();
    server.until_async(async || asked(&server, "/sts").await.unwrap().status == 200).await;
    assert_eq!((server.knobs().count("AssumeRole"), barrier.came()), (1, 1));
}

#[tokio::test]
async fn ten_thousand_who_wait_share_one_load_that_outlives_their_patience() {
    let barrier = Barrier::build().await;
    let bank = Bank::open(80, 100, Some(barrier.address.clone())).await;
    bank.emulator.knobs().fail_next("AssumeRole", 10, Failure::Silence);
    let ten_thousand = || Box::pin(join_all((0..10_000).map(|_| bank.key("one"))));
    let mut first = ten_thousand();
    assert!((&mut first).now_or_never().is_none(), "all of them wait");
    bank.until(|| barrier.came() == 1).await;
    bank.clock.advance(TimeDelta::seconds(2));
    bank.until(|| bank.calls() == 1).await;
    bank.clock.advance(TimeDelta::seconds(3));
    let first = first.await;
    let mut second = ten_thousand();
    assert!((&mut second).now_or_never().is_none(), "they come again, and all of them wait");
    bank.clock.advance(TimeDelta::seconds(5));
    for outcome in first.into_iter().chain(second.await) {
        assert!(outcome.unwrap_err().contains("has not answered within 5 seconds"));
    }
    assert_eq!((barrier.came(), bank.calls()), (1, 1), "one call at each endpoint");
}

#[tokio::test]
async fn a_batch_waits_five_seconds_for_all_its_sessions_together() {
    let (server, barrier) = behind_barrier(|_| String::new()).await;
    let items: Vec<_> = ["default", "avatars"].into_iter().cycle().take(20).collect();
    let items: Vec<_> = items
        .iter()
        .map(|grant| json!({ "grant": grant, "filename": "a.png", "contentType": "image/png", "size": 9 }))
        .collect();
    let request = server.request(reqwest::Method::POST, "/presigned-url").bearer_auth("ovk_dev_alice");
    let request = request.header("content-type", "application/json").body(json!({ "items": items }).to_string());
    let batch = tokio::spawn(Answer::of(request));
    server.until(|| barrier.came() == 1).await;
    let waited = wait_for(&server, std::slice::from_ref(&batch)).await;
    assert!(waited < TimeDelta::seconds(6), "{waited}");
    let answer = batch.await.unwrap().json();
    let codes: Vec<_> =
        answer["items"].as_array().unwrap().iter().map(|item| item["problem"]["code"].clone()).collect();
    assert_eq!(codes, vec![json!("sts_unavailable"); 20]);
}

#[tokio::test]
async fn a_caller_who_hangs_up_cancels_no_slow_load() {
    let (server, barrier) = behind_barrier(|_| String::new()).await;
    let impatient = asked(&server, "/sts");
    server.until(|| barrier.came() == 1).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    barrier.open();
    server.until_async(async || asked(&server, "/sts").await.unwrap().status == 200).await;
    assert_eq!(server.knobs().count("AssumeRole"), 1);
}

#[tokio::test]
async fn whoever_has_a_live_key_gets_it_when_sts_is_silent() {
    let server = TestServer::start().await;
    let before = server.get("/sts").await.json();
    server.advance(3600 - 50);
    server.knobs().fail_next("AssumeRole", 10, Failure::Silence);
    let waits = asked(&server, "/sts");
    server.until(|| server.knobs().count("AssumeRole") == 2).await;
    server.advance(5);
    assert_eq!(waits.await.unwrap().json()["AccessKeyId"], before["AccessKeyId"]);
}

#[tokio::test]
async fn the_second_endpoint_is_asked_after_two_seconds_and_first_from_then_on() {
    let barrier = Barrier::build().await;
    let bank = Bank::open(80, 100, Some(barrier.address.clone())).await;
    let mut waits = std::pin::pin!(bank.key("one"));
    tokio::select! {
        _ = &mut waits => panic!("nobody has answered"),
        () = bank.until(|| barrier.came() == 1) => {}
    }
    bank.clock.advance(TimeDelta::milliseconds(1_900));
    assert!((&mut waits).now_or_never().is_none());
    assert_eq!(bank.calls(), 0);
    bank.clock.advance(TimeDelta::milliseconds(100));
    waits.await.unwrap();
    assert_eq!((bank.calls(), barrier.came()), (1, 1));
    bank.key("two").await.unwrap();
    assert_eq!((bank.calls(), barrier.came()), (2, 1), "the silent one is left alone for a minute");
}

#[tokio::test]
async fn a_call_of_the_second_endpoint_is_paid_from_the_budget() {
    let barrier = Barrier::build().await;
    let bank = Bank::open(1, 100, Some(barrier.address.clone())).await;
    bank.while_time_passes(TimeDelta::milliseconds(50), bank.key("one")).await.unwrap();
    assert_eq!((bank.calls(), barrier.came()), (1, 1));
    // The call of a moment ago was one of the budget, so the next has to wait.
    let before = bank.vault.counts().waits;
    bank.while_time_passes(TimeDelta::milliseconds(50), bank.key("two")).await.unwrap();
    assert_eq!(bank.vault.counts().waits, before + 1);
}

#[tokio::test]
async fn a_refusal_of_either_endpoint_is_final() {
    let barrier = Barrier::build().await;
    let bank = Bank::open(80, 100, Some(barrier.address.clone())).await;
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "no".into() };
    bank.emulator.knobs().fail_next("AssumeRole", 10, refusal);
    let error = bank.while_time_passes(TimeDelta::milliseconds(50), bank.key("one")).await.unwrap_err();
    assert!(error.contains("NoPermission"), "{error}");
    assert_eq!((bank.calls(), barrier.came()), (1, 1));
}

#[tokio::test]
async fn when_the_second_endpoint_fails_the_first_may_still_answer() {
    let barrier = Barrier::build().await;
    let bank = Bank::open(80, 100, Some(barrier.address.clone())).await;
    barrier.behind.set(bank.address.trim_start_matches("http://").to_owned()).unwrap();
    bank.emulator.knobs().fail_next("AssumeRole", 1, Failure::Close);
    let mut waits = std::pin::pin!(bank.key("one"));
    tokio::select! {
        _ = &mut waits => panic!("nobody has answered"),
        () = bank.until(|| barrier.came() == 1) => {}
    }
    bank.clock.advance(TimeDelta::seconds(2));
    tokio::select! {
        _ = &mut waits => panic!("nobody has answered"),
        () = bank.until(|| bank.calls() == 1) => {}
    }
    barrier.open();
    waits.await.unwrap();
    assert_eq!((bank.calls(), barrier.came()), (2, 1));
}
