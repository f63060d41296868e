//! One budget of calls for all replicas, with Redis and without.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use futures_util::StreamExt;
use futures_util::future::join_all;
use oss_vend::clock::SystemClock;
use oss_vend::replicas;
use tokio::time::Instant;

use crate::cloud::{Cloud, Replica, most_in_a_second, shared_through, until};
use crate::server::Redis;

/// The calls that all may make in a second, and an eighth of a second's worth of them at once.
const RATE: u32 = 80;
const BURST: usize = 10;

async fn replicas(cloud: &Cloud, redis: &Redis) -> Vec<Replica> {
    let options = shared_through(redis);
    let replicas: Vec<_> = (0..3).map(|_| cloud.replica(&options, RATE)).collect();
    for replica in &replicas {
        replica.until(|counts| counts.state == replicas::State::Up).await;
    }
    replicas
}

/// Opens `count` sessions at each replica, all at once; how many were opened.
async fn open(replicas: &[Replica], run: &str, count: usize) -> usize {
    let one = async |replica: usize, number: usize| {
        replicas[replica].session_key(&format!("{run}-{replica}-{number}")).await.is_ok()
    };
    let asks = (0..count).flat_map(|number| (0..replicas.len()).map(move |replica| (replica, number)));
    join_all(asks.map(|(replica, number)| one(replica, number))).await.into_iter().filter(|opened| *opened).count()
}

/// By the time of a call, no more were made since `start` than the rate allows: a machine that stands still only makes it less.
fn assert_paced(calls: &[Instant], start: Instant, spare: usize) {
    for (index, call) in calls.iter().enumerate() {
        let earned = (*call - start).as_micros() * u128::from(RATE) / 1_000_000;
        let allowed = earned + (BURST + spare) as u128 + 1;
        assert!(index as u128 <= allowed, "{index} calls after {:?}", *call - start);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_under_load_keep_one_budget_at_every_second() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let replicas = replicas(&cloud, &redis).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut lines = client.get_async_monitor().await.unwrap().into_on_message::<String>();
    let start = Instant::now();
    let opened = open(&replicas, "load", 70).await;
    assert_paced(&cloud.arrivals(), start, 0);
    assert_eq!(opened as u64, cloud.calls());
    assert!(opened > 90, "{opened} of 210 were opened: too few to see a second");
    // What Redis gave, by its own clock: each script leaves the moment at which the bucket has caught up with the calls.
    let _: String = redis.command(&["ECHO", "the end"]).await;
    let mut given = Vec::new();
    while let Some(line) = lines.next().await {
        if line.contains("the end") {
            break;
        }
        if let Some((at, stands)) = grant(&line)
            && given.last().is_none_or(|(_, last)| *last != stands)
        {
            given.push((at, stands));
        }
    }
    // Who is told to wait calls when the bucket, less its burst, has come that far.
    let burst = 1_000_000 / i64::from(RATE) * i64::try_from(BURST).unwrap();
    let turn = |(at, stands): &(i64, i64)| DateTime::from_timestamp_micros((*at).max(stands - burst)).unwrap();
    let turns: Vec<_> = given.iter().map(turn).collect();
    let most = most_in_a_second(&turns);
    let each: Vec<_> = replicas.iter().map(|replica| replica.vault.counts().loads).collect();
    println!("{opened} of 210 opened in {:?}, {most} turns in the worst second; loads {each:?}", start.elapsed());
    assert!(turns.len() >= opened && most <= 90 + 1, "{most} turns in one second, {} in all", turns.len());
}

/// The moment and the value of a change of the bucket, from a line such as `1700000000.123456 [0 lua] "SET" "{p}:budget" "1…" …`.
fn grant(line: &str) -> Option<(i64, i64)> {
    let (at, rest) = line.split_once(' ')?;
    let words: Vec<_> = rest.split('"').collect();
    if words.get(1) != Some(&"SET") || words.get(3) != Some(&"{oss-vend}:budget") {
        return None;
    }
    Some((at.replace('.', "").parse().ok()?, words.get(5)?.parse().ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_replica_keeps_to_its_share() {
    let Some(mut redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let replicas = replicas(&cloud, &redis).await;
    open(&replicas, "warm", 1).await;
    for replica in &replicas {
        replica.until(|counts| counts.replicas == 3).await;
    }
    redis.kill();
    for replica in &replicas {
        replica.until(|counts| counts.state == replicas::State::Down).await;
    }
    let (start, before) = (Instant::now(), cloud.arrivals().len());
    let opened = open(&replicas, "alone", 20).await;
    let calls = &cloud.arrivals()[before..];
    println!("{opened} of 60 opened in {:?} with no Redis", start.elapsed());
    assert_paced(calls, start, 0);
    assert!(opened > 20, "{opened} of 60 were opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_outlives_a_flush_and_a_restart_under_load() {
    let Some(mut redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let replicas = replicas(&cloud, &redis).await;
    let start = Instant::now();
    let load = async {
        let mut opened = 0;
        for round in 0..4 {
            opened += open(&replicas, &format!("round-{round}"), 60).await;
        }
        opened
    };
    let trouble = async {
        until(|| cloud.calls() > 40, || "no load".into()).await;
        let _: String = redis.command(&["FLUSHALL"]).await;
        until(|| cloud.calls() > 120, || "no load".into()).await;
        redis.kill();
        until(|| cloud.calls() > 200, || "no load".into()).await;
        redis.restart().await;
    };
    let (opened, ()) = tokio::join!(load, trouble);
    println!("{opened} opened in {:?} through a flush and a restart", start.elapsed());
    // A burst after each of the two, and what each replica was about to do.
    assert_paced(&cloud.arrivals(), start, 2 * BURST + 2 * replicas.len());
    tokio::time::timeout(Duration::from_secs(40), async {
        for replica in &replicas {
            replica.until(|counts| counts.state == replicas::State::Up).await;
        }
    })
    .await
    .unwrap();
}
