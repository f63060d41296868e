//! Redis dies, stands still, comes back, forgets, fills up or talks rubbish, all under load: nobody is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use oss_vend::clock::SystemClock;
use oss_vend::replicas::{self, Mode, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::cloud::{Cloud, Replica, impatiently_through, shared_through, until};
use crate::server::Redis;

/// What a load of requests came to.
#[derive(Default)]
struct Figures {
    answered: AtomicUsize,
    failed: AtomicUsize,
    /// In milliseconds.
    longest: AtomicUsize,
    stop: AtomicBool,
}

impl Figures {
    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    fn is_whole(&self) -> bool {
        self.failed.load(Ordering::Relaxed) == 0
    }
}

/// Requests at all replicas, for sessions that are held and for new ones, until told to stop.
fn load(replicas: &[Arc<Replica>], figures: &Arc<Figures>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (number, replica) in replicas.iter().enumerate() {
        for task in 0..4 {
            let (replica, figures) = (Arc::clone(replica), Arc::clone(figures));
            tasks.spawn(async move {
                for round in 0.. {
                    if figures.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // Two of three know the session already, or another replica does.
                    let name = match round % 3 {
                        0 => format!("new-{number}-{task}-{round}"),
                        _ => format!("common-{}", round / 3 % 40),
                    };
                    let began = Instant::now();
                    match replica.key(&name).await {
                        Ok(_) => figures.answered.fetch_add(1, Ordering::Relaxed),
                        Err(error) => {
                            println!("{name} failed: {error}");
                            figures.failed.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                    let took = usize::try_from(began.elapsed().as_millis()).unwrap();
                    figures.longest.fetch_max(took, Ordering::Relaxed);
                    sleep(Duration::from_millis(2)).await;
                }
            });
        }
    }
    tasks
}

async fn some_more(figures: &Figures) {
    let before = figures.answered();
    until(|| figures.answered() > before + 200 || !figures.is_whole(), || "the load stands still".into()).await;
}

/// Runs `trouble` under load; everybody is answered, and afterwards sharing goes on.
async fn survives(name: &str, redis: &mut Redis, trouble: impl AsyncFnOnce(&mut Redis, &Figures)) {
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let options = impatiently_through(redis);
    let replicas: Vec<_> = (0..3).map(|_| Arc::new(cloud.replica(&options, 10_000))).collect();
    for replica in &replicas {
        replica.until(|counts| counts.state == State::Up).await;
    }
    let figures = Arc::<Figures>::default();
    let mut tasks = load(&replicas, &figures);
    some_more(&figures).await;
    trouble(redis, &figures).await;
    some_more(&figures).await;
    figures.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert!(figures.is_whole(), "{name}");
    for replica in &replicas {
        replica.until(|counts| counts.state != State::Down).await;
    }
    let counts: Vec<_> = replicas.iter().map(|replica| replica.counts()).collect();
    let sum = |count: fn(&replicas::Counts) -> u64| counts.iter().map(count).sum::<u64>();
    println!(
        "{name}: {} answered, none failed, longest {} ms; {} calls of STS, {} found, {} loaded for all, {} alone, lost {} times",
        figures.answered(),
        figures.longest.load(Ordering::Relaxed),
        cloud.calls(),
        sum(|counts| counts.found),
        sum(|counts| counts.leased),
        sum(|counts| counts.alone),
        sum(|counts| counts.broken),
    );
    shares_again(&replicas, name).await;
}

/// A session that one opens is found by another. A slow machine may lose Redis for a moment, so it is tried more than once.
async fn shares_again(replicas: &[Arc<Replica>], name: &str) {
    let end = Instant::now() + crate::server::PATIENCE;
    for round in 0.. {
        let before = replicas[1].counts().found;
        let session = format!("after-{round}-{}", name.len());
        let one = replicas[0].key(&session).await.unwrap();
        sleep(Duration::from_millis(20)).await;
        let two = replicas[1].key(&session).await.unwrap();
        if one == two && replicas[1].counts().found > before {
            return;
        }
        assert!(Instant::now() < end, "{name}: sharing never resumed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_and_comes_back_empty() {
    let Some(mut redis) = Redis::start().await else { return };
    survives("kill -9 and restart", &mut redis, async |redis, figures| {
        redis.kill();
        some_more(figures).await;
        redis.restart().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_stands_still_and_goes_on() {
    let Some(mut redis) = Redis::start().await else { return };
    survives("SIGSTOP and SIGCONT", &mut redis, async |redis, figures| {
        redis.pause();
        some_more(figures).await;
        some_more(figures).await;
        redis.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_flushed_again_and_again() {
    let Some(mut redis) = Redis::start().await else { return };
    survives("FLUSHALL, ten times", &mut redis, async |redis, figures| {
        for _ in 0..10 {
            let _: String = redis.command(&["FLUSHALL"]).await;
            some_more(figures).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_full() {
    let Some(mut redis) = Redis::start().await else { return };
    survives("maxmemory reached, noeviction", &mut redis, async |redis, figures| {
        let _: String = redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
        some_more(figures).await;
        let _: String = redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_stands_still_only_those_under_way_wait_for_it() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let replica = cloud.replica(&impatiently_through(&redis), 10_000);
    replica.until(|counts| counts.state == State::Up).await;
    let before = replica.counts();
    redis.pause();
    replica.key("first").await.unwrap();
    replica.until(|counts| counts.state == State::Down).await;
    for number in 0..50 {
        replica.key(&format!("session-{number}")).await.unwrap();
    }
    let counts = replica.counts();
    assert_eq!(counts.alone - before.alone, 51);
    assert!(counts.broken - before.broken <= 1, "one time-out for all");
    redis.resume();
    replica.until(|counts| counts.state == State::Up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_never_there_is_no_reason_not_to_serve() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let nowhere = vec![format!("redis://127.0.0.1:{}", crate::server::free_port())];
    let replica = cloud.replica(&replicas::Options { urls: nowhere, ..shared_through(&redis) }, 100);
    replica.key("one").await.unwrap();
    assert_eq!((replica.counts().state, replica.counts().alone), (State::Down, 1));
}

/// What listens is no Redis: it greets with something else, says nothing, hangs up, or talks without end.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_talks_rubbish_is_as_good_as_none() {
    for rubbish in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "",
        "+OK\r\n",
        "-ERR what\r\n",
        "*3\r\n$-7\r\n\u{1}\r\n",
        "$999999999\r\nx",
        "%1\r\n+a\r\n:1\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 1024];
                    while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
                        if stream.write_all(rubbish.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
        let options = replicas::Options {
            urls: vec![url],
            mode: Mode::Single,
            user: None,
            password: None,
            authorities: None,
            prefix: "oss-vend".into(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_millis(250),
            sealing_keys: vec![replicas::SealingKey::parse(crate::cloud::SEALING_KEY).unwrap()],
            replicas: None,
        };
        let replica = cloud.replica(&options, 10_000);
        for number in 0..20 {
            replica.key(&format!("session-{number}")).await.unwrap();
        }
        assert_eq!(cloud.calls(), 20, "{rubbish:?}");
        assert_eq!(replica.counts().found, 0);
    }
}
