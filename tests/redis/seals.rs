//! What an attacker in Redis can do: nothing but make us work.

use std::sync::Arc;

use oss_vend::clock::ManualClock;
use oss_vend::replicas::{self, SealingKey};

use crate::cloud::{Cloud, OTHER_KEY, SEALING_KEY, shared_through, start_of_time, until};
use crate::server::Redis;

async fn cloud() -> Cloud {
    Cloud::open(Arc::new(ManualClock::new(start_of_time()))).await
}

async fn entries(redis: &Redis, count: usize) -> Vec<String> {
    loop {
        let names = redis.names("key").await;
        if names.len() == count {
            return names;
        }
        tokio::task::yield_now().await;
    }
}

async fn bytes(redis: &Redis, name: &str) -> Vec<u8> {
    redis.command(&["GET", name]).await
}

async fn set(redis: &Redis, name: &str, value: &[u8]) {
    let mut command = redis::cmd("SET");
    command.arg(name).arg(value).arg("KEEPTTL");
    command.exec_async(&mut redis.connection().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_entries_that_are_swapped_serve_nobody() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = cloud().await;
    let replicas = cloud.replicas(2, &redis).await;
    replicas[0].key("alice").await.unwrap();
    replicas[0].key("bob").await.unwrap();
    let names = entries(&redis, 2).await;
    let (one, two) = (bytes(&redis, &names[0]).await, bytes(&redis, &names[1]).await);
    set(&redis, &names[0], &two).await;
    set(&redis, &names[1], &one).await;
    for name in ["alice", "bob"] {
        replicas[1].key(name).await.unwrap();
    }
    assert_eq!((cloud.calls(), replicas[1].counts().rejected), (4, 2), "opened anew");
    let third = cloud.replica(&shared_through(&redis), 100);
    until(|| replicas[1].counts().leased == 2, || "leases".into()).await;
    for name in ["alice", "bob"] {
        third.key(name).await.unwrap();
    }
    assert_eq!(cloud.calls(), 4, "what was opened anew took the place of what was swapped");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_changed_anywhere_serves_nobody() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = cloud().await;
    let replicas = cloud.replicas(1, &redis).await;
    replicas[0].key("alice").await.unwrap();
    let name = entries(&redis, 1).await.remove(0);
    let entry = bytes(&redis, &name).await;
    let places = (0..entry.len()).step_by(97).chain([0, 12, 13, 14, 16, 20, entry.len() - 1]);
    let (mut changed, mut calls) = (0, cloud.calls());
    for place in places {
        let mut other = entry.clone();
        other[place] ^= 1;
        set(&redis, &name, &other).await;
        let replica = cloud.replica(&shared_through(&redis), 1000);
        replica.key("alice").await.unwrap();
        calls += 1;
        changed += 1;
        assert_eq!(cloud.calls(), calls, "byte {place} of {} passed", entry.len());
        until(|| replica.counts().leased == 1, || "lease".into()).await;
        while redis.names("lease").await.len() == 1 {
            tokio::task::yield_now().await;
        }
    }
    println!("{changed} changed entries of {} bytes, none served", entry.len());
    for rubbish in [&b""[..], b"rubbish", b"9999999999999", &[0; 2000]] {
        set(&redis, &name, rubbish).await;
        cloud.replica(&shared_through(&redis), 1000).key("alice").await.unwrap();
        while redis.names("lease").await.len() == 1 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_wrong_type_are_as_good_as_no_redis() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = cloud().await;
    let replicas = cloud.replicas(2, &redis).await;
    replicas[0].key("alice").await.unwrap();
    let name = entries(&redis, 1).await.remove(0);
    let _: u64 = redis.command(&["DEL", &name]).await;
    let _: u64 = redis.command(&["RPUSH", &name, "not", "ours"]).await;
    replicas[1].key("alice").await.unwrap();
    assert_eq!((replicas[1].counts().alone, replicas[1].counts().state), (1, replicas::State::Refusing));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_holds_nothing_that_can_be_read() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = cloud().await;
    let replicas = cloud.replicas(1, &redis).await;
    let key = replicas[0].session_key("caller-alice").await.unwrap();
    let name = entries(&redis, 1).await.remove(0);
    let entry = bytes(&redis, &name).await;
    let memory: u64 = redis.command(&["MEMORY", "USAGE", &name]).await;
    println!("an entry of {} bytes takes {memory} bytes of Redis' memory", entry.len());
    assert!(memory < 2048, "what docs/replicas.md says");
    let names: Vec<String> = redis.command(&["KEYS", "*"]).await;
    let everything = [entry, names.join(" ").into_bytes()].concat();
    let holds = |text: &str| everything.windows(text.len()).any(|part| part == text.as_bytes());
    for text in
        ["caller", "alice", "acs:ram", &key.access_key.id, key.access_key.secret.expose(), &key.token().expose()[..40]]
    {
        assert!(!holds(text), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_sealing_key_a_replica_shares_nothing_and_serves_all_the_same() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = cloud().await;
    let replicas = cloud.replicas(1, &redis).await;
    replicas[0].key("alice").await.unwrap();
    entries(&redis, 1).await;
    // The same id, so that nothing but the bytes differs.
    let same_id = OTHER_KEY.replace("two:", "one:");
    let sealing_keys = vec![SealingKey::parse(&same_id).unwrap()];
    let stranger = cloud.replica(&replicas::Options { sealing_keys, ..shared_through(&redis) }, 100);
    stranger.key("alice").await.unwrap();
    assert_eq!((cloud.calls(), stranger.counts().found), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sealing_key_comes_in_without_a_call_of_sts() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = cloud().await;
    let with = |keys: &[&str]| {
        let sealing_keys = keys.iter().map(|key| SealingKey::parse(key).unwrap()).collect();
        cloud.replica(&replicas::Options { sealing_keys, ..shared_through(&redis) }, 100)
    };
    let old = with(&[SEALING_KEY]);
    let first = old.key("alice").await.unwrap();
    entries(&redis, 1).await;
    // The new key is known to all, then it seals, then the old one goes.
    assert_eq!(with(&[SEALING_KEY, OTHER_KEY]).key("alice").await, Ok(first.clone()));
    let new = with(&[OTHER_KEY, SEALING_KEY]);
    assert_eq!(new.key("alice").await, Ok(first));
    let later = new.key("bob").await.unwrap();
    entries(&redis, 3).await;
    assert_eq!(with(&[OTHER_KEY]).key("bob").await, Ok(later));
    assert_eq!(cloud.calls(), 2);
    with(&[OTHER_KEY]).key("alice").await.unwrap();
    assert_eq!(cloud.calls(), 2, "what was found under the old name was put under the new one");
}
