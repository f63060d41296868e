//! The vault's rules where many meet a failing STS: one call, one error, and nobody comes back together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_vend::clock::Clock as _;
use oss_vend::emulator::Failure;

use crate::endurance::{Bank, session, unavailable};
use crate::support::TestServer;

#[tokio::test]
async fn an_sts_that_is_dead_for_fifty_minutes_is_noticed_by_nobody_who_has_a_key() {
    let server = TestServer::start().await;
    let first = server.get("/sts").await.json();
    server.advance(600);
    server.knobs().fail_next("AssumeRole", u32::MAX, unavailable());
    while server.now() < crate::support::time(&first["Expiration"]) - TimeDelta::seconds(30) {
        let answer = server.get_while_time_passes("/sts").await.json();
        assert_eq!(answer["AccessKeyId"], first["AccessKeyId"]);
        server.advance(20);
    }
    server.advance(120);
    let failed = server.get_while_time_passes("/sts").await;
    assert_eq!(failed.problem(), (503, "sts_unavailable".into()));
    let seconds: i64 = failed.header("retry-after").parse().unwrap();
    server.knobs().reset();
    server.advance(seconds);
    assert_ne!(server.get("/sts").await.json()["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(server.knobs().count("AssumeRole"), 1, "whoever comes when told to finds it mended by one call");
}

#[tokio::test(start_paused = true)] // a step of time is taken when nobody has anything left to do
async fn after_an_outage_each_session_is_opened_once_and_not_all_in_one_second() {
    let bank = Bank::open(80, 10_000, None).await;
    let names: Vec<_> = (0..300).map(|number| format!("caller-{number}")).collect();
    let step = TimeDelta::milliseconds(20);
    let all = || join_all(names.iter().map(|name| bank.key(name)));
    assert!(bank.while_time_passes(step, all()).await.iter().all(Result::is_ok));
    bank.clock.advance(TimeDelta::minutes(70)); // all keys are dead
    bank.emulator.knobs().fail_next("AssumeRole", u32::MAX, unavailable());
    assert!(bank.while_time_passes(step, all()).await.iter().all(Result::is_err));
    bank.emulator.knobs().reset();
    // Each asks again and again; the vault lets through what its back-off and its budget let.
    while bank.while_time_passes(step, all()).await.iter().any(Result::is_err) {
        bank.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(bank.calls(), 300);
    let mut seconds = BTreeMap::<_, u32>::new();
    for call in bank.emulator.knobs().calls() {
        *seconds.entry(call.at.timestamp()).or_default() += 1;
    }
    assert!(bank.most_in_a_second() <= 100 && seconds.len() >= 4, "{seconds:?}");
}

#[tokio::test]
async fn ten_thousand_waiters_share_one_failure_and_one_call() {
    let bank = Bank::open(80, 100, None).await;
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "no".into() };
    bank.emulator.knobs().fail_next("AssumeRole", 100, refusal);
    let wanted = session("one");
    let request = bank.request();
    let waiters = (0..10_000).map(|_| bank.vault.session_key(&wanted, TimeDelta::zero(), &request));
    let errors: Vec<_> = join_all(waiters).await.into_iter().map(|outcome| outcome.unwrap_err().error).collect();
    assert_eq!((errors.len(), bank.calls()), (10_000, 1));
    assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_sessions_opened_together_are_not_renewed_together() {
    let bank = Bank::open(2_000, 10_000, None).await;
    let names: Vec<_> = (0..1_000).map(|number| format!("caller-{number}")).collect();
    bank.while_time_passes(TimeDelta::milliseconds(10), join_all(names.iter().map(|name| bank.key(name)))).await;
    bank.emulator.knobs().clear_calls();
    bank.clock.advance(TimeDelta::minutes(53) + TimeDelta::seconds(50));
    let mut renewed = Vec::new();
    for _second in 0..75 {
        let before = bank.vault.counts().refreshes;
        for name in &names {
            bank.key(name).await.unwrap();
        }
        bank.settle().await;
        renewed.push(bank.vault.counts().refreshes - before);
        bank.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(renewed.iter().sum::<u64>(), 1_000, "each once: {renewed:?}");
    assert!(renewed.iter().all(|count| *count < 60), "within a minute, about 17 in each second: {renewed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_sts_asks_for_is_kept() {
    let bank = Bank::open(80, 100, None).await;
    bank.emulator.knobs().fail_next("AssumeRole", 1, Failure::Throttled { retry_after: Duration::from_secs(40) });
    let error = bank.vault.session_key(&session("one"), TimeDelta::zero(), &bank.request()).await.unwrap_err();
    assert!(error.retry_at >= bank.clock.now() + TimeDelta::seconds(40));
    bank.clock.advance(TimeDelta::seconds(39));
    bank.key("one").await.unwrap_err();
    assert_eq!(bank.calls(), 1, "nobody asks before");
    bank.clock.advance(TimeDelta::seconds(1));
    bank.key("one").await.unwrap();

    // A short one is waited for within the load.
    bank.emulator.knobs().fail_next("AssumeRole", 1, Failure::Throttled { retry_after: Duration::from_millis(1_500) });
    let before = bank.clock.now();
    bank.while_time_passes(TimeDelta::milliseconds(50), bank.key("two")).await.unwrap();
    assert!(bank.clock.now() - before >= TimeDelta::milliseconds(1_500));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_or_never_comes_is_tried_again() {
    for failure in [Failure::Cut, Failure::Close, Failure::Silence] {
        let bank = Bank::open(80, 100, None).await;
        bank.emulator.knobs().fail_next("AssumeRole", 1, failure.clone());
        let outcome = bank.while_time_passes(TimeDelta::milliseconds(20), bank.key("one")).await;
        match failure {
            Failure::Silence => assert!(outcome.unwrap_err().contains("has not answered within 5 seconds")),
            _ => _ = outcome.unwrap(),
        }
    }
}
