//! Replicas open each session once, renew it once, and fail together.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_vend::clock::{ManualClock, SystemClock};
use oss_vend::emulator::Failure;

use crate::cloud::{Cloud, Replica, shared_through, start_of_time, until};
use crate::server::Redis;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(start_of_time()))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_first_opens_for_all() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(clock()).await;
    let replicas = cloud.replicas(3, &redis).await;
    cloud.knobs().delay("AssumeRole", Duration::from_millis(300));
    let asks = (0..3000).map(|number| replicas[number % 3].key("one"));
    let keys = join_all(asks).await;
    assert!(keys.iter().all(|key| key.is_ok() && *key == keys[0]));
    assert_eq!(cloud.calls(), 1);
    let later = cloud.replica(&shared_through(&redis), 100);
    assert_eq!(later.key("one").await, keys[0]);
    assert_eq!((cloud.calls(), later.counts().found), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_another_replica_holds_costs_one_round_trip() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(clock()).await;
    let replicas = cloud.replicas(2, &redis).await;
    for number in 0..100 {
        replicas[0].key(&format!("session-{number}")).await.unwrap();
    }
    while redis.names("key").await.len() < 100 {
        tokio::task::yield_now().await;
    }
    let scripts = async || {
        let text: String = redis.command(&["INFO", "commandstats"]).await;
        let calls = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0,");
            line.split(',').next().unwrap().parse::<u64>().unwrap()
        };
        (calls("cmdstat_evalsha:calls="), calls("cmdstat_get:calls="))
    };
    let presence = redis.commands().await;
    let before = scripts().await;
    for number in 0..100 {
        replicas[1].key(&format!("session-{number}")).await.unwrap();
    }
    let after = scripts().await;
    println!(
        "100 sessions found: {} scripts, {} commands in all",
        after.0 - before.0,
        redis.commands().await - presence
    );
    assert_eq!(after.1 - before.1, 100, "each looks once");
    // Besides, each of the two says every few seconds that it is there.
    assert!((100..160).contains(&(after.0 - before.0)), "{before:?} {after:?}");
    assert_eq!((cloud.calls(), replicas[1].counts().found), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_key_that_is_held_asks_redis_nothing() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(clock()).await;
    let replicas = cloud.replicas(1, &redis).await;
    replicas[0].key("one").await.unwrap();
    replicas[0].until(|counts| counts.leased == 1).await;
    let counts = replicas[0].counts();
    redis.pause();
    for _ in 0..10_000 {
        replicas[0].key("one").await.unwrap();
    }
    redis.resume();
    let after = replicas[0].counts();
    assert_eq!((after.found, after.leased, after.waited, after.alone), (0, counts.leased, counts.waited, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sessions_over_an_hour_are_each_renewed_by_one_replica() {
    let Some(redis) = Redis::start().await else { return };
    let clock = clock();
    let cloud = Cloud::open(clock.clone()).await;
    let replicas = cloud.replicas(3, &redis).await;
    let names: Vec<_> = (0..1000).map(|number| format!("session-{number}")).collect();
    // Some at a time, so that none waits longer for its turn than the vault's patience.
    for some in names.chunks(20) {
        ask_all(&replicas, some).await;
    }
    assert_eq!(cloud.calls(), 1000);
    clock.advance(TimeDelta::minutes(50));
    // Ten minutes in which each replica is asked for each session every few seconds, as pages do.
    for _ in 0..60 {
        clock.advance(TimeDelta::seconds(10));
        ask_all(&replicas, &names).await;
        // What was begun behind the answers ends before time goes on.
        let under_way = || replicas.iter().map(|replica| replica.vault.counts().under_way).sum::<u64>();
        until(|| under_way() == 0, || format!("{} loads do not end", under_way())).await;
    }
    let counts: Vec<_> = replicas.iter().map(Replica::counts).collect();
    let renewed: Vec<_> = replicas.iter().map(|replica| replica.vault.counts().refreshes).collect();
    println!("renewals by replica: {renewed:?}; {counts:?}");
    assert_eq!(cloud.calls(), 2000, "each is renewed once, whoever comes first");
    assert_eq!(renewed.iter().sum::<u64>(), 1000);
}

/// Every session at every replica; nobody waits for a renewal.
async fn ask_all(replicas: &[Replica], names: &[String]) {
    let asks = names.iter().flat_map(|name| replicas.iter().map(|replica| replica.key(name)));
    for key in join_all(asks).await {
        key.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_shared_and_so_is_its_back_off() {
    let Some(redis) = Redis::start().await else { return };
    let clock = clock();
    let cloud = Cloud::open(clock.clone()).await;
    let replicas = cloud.replicas(3, &redis).await;
    cloud.knobs().delay("AssumeRole", Duration::from_millis(200));
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "no".into() };
    cloud.knobs().fail_next("AssumeRole", 100, refusal);
    let failures = join_all((0..300).map(|number| replicas[number % 3].session_key("one"))).await;
    let first = failures[0].as_ref().unwrap_err();
    for failure in &failures {
        let failure = failure.as_ref().unwrap_err();
        assert_eq!(
            (failure.error.sts().unwrap().code(), failure.error.hint()),
            (Some("NoPermission"), first.error.hint())
        );
        assert_eq!(failure.retry_at.timestamp_millis(), first.retry_at.timestamp_millis());
    }
    assert_eq!(cloud.calls(), 1);
    clock.set(first.retry_at - TimeDelta::seconds(1));
    for replica in &replicas {
        replica.key("one").await.unwrap_err();
    }
    assert_eq!(cloud.calls(), 1, "nobody asks before the back-off is over");
    cloud.knobs().clear_failures();
    // Whoever keeps it in Redis for longer keeps nobody from trying again.
    if let Some(failure) = redis.names("failure").await.first() {
        let _: u64 = redis.command(&["PERSIST", failure]).await;
    }
    clock.set(first.retry_at);
    for replica in &replicas {
        replica.key("one").await.unwrap();
    }
    assert_eq!(cloud.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_sts_fails_the_key_of_another_replica_is_given_to_its_last_seconds() {
    let Some(redis) = Redis::start().await else { return };
    let clock = clock();
    let cloud = Cloud::open(clock.clone()).await;
    let first = cloud.replicas(1, &redis).await.remove(0);
    let key = first.key("one").await.unwrap();
    until(|| first.vault.counts().under_way == 0, || "a load".into()).await;
    while redis.names("key").await.is_empty() {
        tokio::task::yield_now().await;
    }
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "no".into() };
    cloud.knobs().fail_next("AssumeRole", 1000, refusal);
    for left in [600, 30, 2] {
        clock.set(start_of_time() + TimeDelta::minutes(60) - TimeDelta::seconds(left));
        let newcomer = cloud.replica(&shared_through(&redis), 100);
        for _ in 0..20 {
            assert_eq!(newcomer.key("one").await.as_ref(), Ok(&key), "{left} seconds before its end");
        }
    }
    assert!(cloud.calls() <= 4, "{} calls", cloud.calls());
    clock.set(start_of_time() + TimeDelta::minutes(61));
    cloud.replica(&shared_through(&redis), 100).key("one").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_sts_cannot_be_reached_every_replica_sees_for_itself() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let replicas = cloud.replicas(2, &redis).await;
    // As many as one load makes attempts.
    cloud.knobs().fail_next("AssumeRole", 3, Failure::Close);
    let (one, two) = tokio::join!(replicas[0].key("one"), replicas[1].key("one"));
    assert!(
        one.is_ok() != two.is_ok(),
        "what breaks one replica's connection is not the other's failure: {one:?} {two:?}"
    );
    assert_eq!(cloud.calls(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_key_of_another_replica_is_renewed_for_who_needs_a_longer_one() {
    let Some(redis) = Redis::start().await else { return };
    let clock = clock();
    let cloud = Cloud::open(clock.clone()).await;
    let replicas = cloud.replicas(2, &redis).await;
    let old = replicas[0].session_key("one").await.unwrap();
    clock.advance(TimeDelta::minutes(40));
    let until = start_of_time() + TimeDelta::minutes(90);
    let longer = replicas[1].session_key_for("one", TimeDelta::minutes(50)).await.unwrap();
    assert!(longer.expiration > until && longer.expiration > old.expiration);
    assert_eq!(cloud.calls(), 2);
}
