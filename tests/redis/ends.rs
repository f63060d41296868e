//! What Redis holds past its end, or with an end that nothing has: a backup that was restored, a time to live that was
//! taken off, numbers that nobody wrote.

use std::sync::Arc;

use chrono::TimeDelta;
use oss_vend::clock::{ManualClock, SystemClock};
use oss_vend::emulator::Failure;

use crate::cloud::{Cloud, shared_through, start_of_time, until};
use crate::server::Redis;

async fn only(redis: &Redis, what: &str) -> String {
    loop {
        let names = redis.names(what).await;
        if let [name] = &names[..] {
            return name.clone();
        }
        tokio::task::yield_now().await;
    }
}

/// The name that a lease beside `name` has.
fn lease_beside(name: &str) -> String {
    format!("{}lease", name.strip_suffix("key").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_with_ended_sessions_serves_nobody() {
    let Some(redis) = Redis::start().await else { return };
    let clock = Arc::new(ManualClock::new(start_of_time()));
    let cloud = Cloud::open(clock.clone()).await;
    let first = cloud.replicas(1, &redis).await.remove(0);
    let old = first.key("alice").await.unwrap();
    let name = only(&redis, "key").await;
    let _: u64 = redis.command(&["PERSIST", &name]).await;
    for (minutes, calls) in [(60, 2), (600, 3)] {
        let backup: Vec<u8> = redis.command(&["GET", &name]).await;
        clock.set(start_of_time() + TimeDelta::minutes(minutes));
        let mut command = redis::cmd("SET");
        command.arg(&name).arg(backup).exec_async(&mut redis.connection().await).await.unwrap();
        let replica = cloud.replica(&shared_through(&redis), 1000);
        assert_ne!(replica.key("alice").await.as_ref(), Ok(&old));
        assert_eq!(cloud.calls(), calls, "{minutes}");
        until(|| replica.counts().leased == 1, || "lease".into()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_later_than_any_can_is_not_taken() {
    let Some(redis) = Redis::start().await else { return };
    let now = Arc::new(ManualClock::new(start_of_time()));
    let ahead = Arc::new(ManualClock::new(start_of_time() + TimeDelta::hours(15)));
    // A replica and an STS that are both ahead by more than the longest session.
    let stray = Cloud::open(ahead).await;
    stray.replicas(1, &redis).await.remove(0).key("alice").await.unwrap();
    only(&redis, "key").await;
    let cloud = Cloud::open(now).await;
    let replica = cloud.replicas(1, &redis).await.remove(0);
    replica.key("alice").await.unwrap();
    assert_eq!((cloud.calls(), replica.counts().found, replica.counts().rejected), (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_over_or_never_ends_blocks_nobody() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let replicas = cloud.replicas(1, &redis).await;
    replicas[0].key("alice").await.unwrap();
    let name = only(&redis, "key").await;
    let lease = lease_beside(&name);
    let past = (chrono::DateTime::UNIX_EPOCH.timestamp_millis() + 1).to_string();
    for left in
        ["an-owner-without-an-end", &format!("{past}:dead"), "9999999999999:never", "99999999999999999999:x", ":", ""]
    {
        let _: u64 = redis.command(&["DEL", &name]).await;
        let _: String = redis.command(&["SET", &lease, left]).await;
        let calls = cloud.calls();
        let replica = cloud.replica(&shared_through(&redis), 1000);
        let began = tokio::time::Instant::now();
        replica.key("alice").await.unwrap();
        assert!(began.elapsed() < std::time::Duration::from_secs(3), "{left:?} blocked for {:?}", began.elapsed());
        assert_eq!((cloud.calls(), replica.counts().waited), (calls + 1, 0), "{left:?}");
        until(|| replica.counts().leased == 1, || format!("{left:?}: {:?}", replica.counts())).await;
        only(&redis, "key").await;
        while !redis.names("lease").await.is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_failure_keeps_nobody_from_asking() {
    let Some(redis) = Redis::start().await else { return };
    let clock = Arc::new(ManualClock::new(start_of_time()));
    let cloud = Cloud::open(clock.clone()).await;
    let replicas = cloud.replicas(1, &redis).await;
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "no".into() };
    cloud.knobs().fail_next("AssumeRole", 1, refusal);
    replicas[0].key("alice").await.unwrap_err();
    let name = only(&redis, "failure").await;
    let _: u64 = redis.command(&["PERSIST", &name]).await;
    // By a clock that was put back by an hour it would last for an hour.
    clock.jump(TimeDelta::hours(-1));
    let replica = cloud.replica(&shared_through(&redis), 1000);
    replica.key("alice").await.unwrap();
    assert_eq!((cloud.calls(), replica.counts().failures_found), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_in_the_budget_stops_no_call() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let replicas = cloud.replicas(1, &redis).await;
    for rubbish in ["99999999999999999999", "-1", "soon", "1e300", "inf", "nan", ""] {
        let _: String = redis.command(&["SET", "{oss-vend}:budget", rubbish]).await;
        replicas[0].key(&format!("caller-{}", rubbish.len())).await.unwrap();
    }
    let mut ghosts = redis::cmd("ZADD");
    ghosts.arg("{oss-vend}:replicas");
    for member in 0..5000 {
        ghosts.arg("9999999999999").arg(format!("ghost-{member}"));
    }
    ghosts.exec_async(&mut redis.connection().await).await.unwrap();
    replicas[0].key("last").await.unwrap();
    assert!(replicas[0].counts().replicas <= 1000, "{:?}", replicas[0].counts());
}
