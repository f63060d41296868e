//! Three processes of ours, one emulated STS, one Redis.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use oss_vend::clock::SystemClock;
use oss_vend::emulator::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_ROLE_ARN};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::cloud::{Cloud, SEALING_KEY, until};
use crate::server::Redis;

/// A running `oss-vend serve`.
struct Process {
    child: Child,
    address: String,
    admin: String,
    _folder: TempDir,
}

impl Process {
    fn start(cloud: &Cloud, redis: &Redis) -> Self {
        Self::with(cloud, redis, &[])
    }

    /// One with more variables.
    fn with(cloud: &Cloud, redis: &Redis, more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oss-vend"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder.path()).env_clear().envs([
            ("BUCKET", "examplebucket"),
            ("REGION", "cn-hangzhou"),
            ("RAM_ROLE_ARN", DEV_ROLE_ARN),
            ("ACCESS_KEY_ID", DEV_ACCESS_KEY_ID),
            ("ACCESS_KEY_SECRET", DEV_ACCESS_KEY_SECRET),
            ("OSS_VEND__STS__ENDPOINT", &cloud.address),
            ("OSS_VEND__GRANTS__DEFAULT__METHODS", "sts,put"),
            ("OSS_VEND__LIMITS__PER_ADDRESS", "off"),
            ("OSS_VEND__LIMITS__REQUEST_TIMEOUT", "5m"),
            ("OSS_VEND__AUDIT__TO", "off"),
            ("OSS_VEND__ADMIN__LISTEN", "127.0.0.1:0"),
            ("OSS_VEND__VAULT__REDIS__URLS", &redis.url()),
            ("OSS_VEND__VAULT__REDIS__TIMEOUT", "40s"),
            ("OSS_VEND__VAULT__REDIS__SEALING_KEYS", SEALING_KEY),
        ]);
        command.envs(more.iter().copied());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut address, mut admin, mut shares) = (None, None, false);
        while address.is_none() || !shares {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the log ends before it serves");
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            shares |= event["message"] == "sessions are shared through Redis";
            if event["message"] == "metrics are told at /metrics" {
                admin = event["address"].as_str().map(str::to_owned);
            }
            if event["message"] == "listening" {
                address = event["address"].as_str().map(str::to_owned);
            }
        }
        std::thread::spawn(move || log.lines().for_each(drop));
        Self { child, address: address.unwrap(), admin: admin.unwrap(), _folder: folder }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn health(&self) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let text = client.get(format!("http://{}/readyz", self.admin)).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `count` requests at once on one connection of HTTP/2; the ids of the keys, or what was said instead.
async fn many(url: String, count: usize) -> Vec<Result<String, String>> {
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let one = async |_: usize| {
        let text = client.get(&url).send().await.map_err(|error| error.to_string())?.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["AccessKeyId"].as_str().map(str::to_owned).ok_or(text)
    };
    join_all((0..count).map(one)).await
}

fn three(cloud: &Cloud, redis: &Redis) -> Vec<Process> {
    tokio::task::block_in_place(|| (0..3).map(|_| Process::start(cloud, redis)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_first_requests_over_three_processes_cost_one_call() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let processes = three(&cloud, &redis);
    cloud.knobs().delay("AssumeRole", Duration::from_millis(200));
    let began = Instant::now();
    let asks = (0..102).map(|number| many(processes[number % 3].url("/sts"), 100));
    let answers: Vec<_> = join_all(asks).await.into_iter().flatten().collect();
    assert_eq!(answers.len(), 10_200);
    assert!(answers.iter().all(|id| id.is_ok() && *id == answers[0]), "all have the same credentials");
    println!("{} first requests over three processes in {:?}: {} call", answers.len(), began.elapsed(), cloud.calls());
    assert_eq!(cloud.calls(), 1);
    // It may have looked for others before they were there, and looks again with its next heartbeat.
    let shared = async || processes[0].health().await["vault"]["replicas"].clone();
    let sees_all = async {
        while shared().await["seen"] != 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), sees_all).await.expect("it sees both others");
    assert_eq!(shared().await["state"], "up");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_process_that_loads_is_killed_another_one_loads() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let mut processes = three(&cloud, &redis);
    cloud.swallow_next();
    let loading = tokio::spawn(many(processes[0].url("/sts"), 50));
    until(|| cloud.arrivals().len() == 1, || "no call".into()).await;
    let waiting: Vec<_> = (1..3).map(|number| tokio::spawn(many(processes[number].url("/sts"), 50))).collect();
    let counts = async |process: &Process| process.health().await["vault"]["replicas"]["waited"].as_u64().unwrap();
    while counts(&processes[1]).await == 0 || counts(&processes[2]).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(cloud.arrivals().len(), 1, "the others wait");
    let killed = Instant::now();
    processes[0].child.kill().unwrap();
    let mut ids = Vec::new();
    for answers in join_all(waiting).await {
        ids.extend(answers.unwrap());
    }
    let calls = cloud.arrivals().len();
    println!("kill -9 of the one that loads: 100 answers of the others after {:?}, {calls} calls", killed.elapsed());
    assert!(ids.len() == 100 && ids.iter().all(|id| id.is_ok() && *id == ids[0]), "{ids:?}");
    assert_eq!(calls, 2);
    drop(loading.await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_took_from_one_process_counts_at_another() {
    let Some(redis) = Redis::start().await else { return };
    let cloud = Cloud::open(Arc::new(SystemClock::new())).await;
    let hash = const_hex::encode(Sha256::digest("key-of-alice"));
    let keys = format!(r#"[{{"id":"alice","hash":"sha256:{hash}"}}]"#);
    let more = [
        ("OSS_VEND__AUTH__API_KEYS", keys.as_str()),
        ("OSS_VEND__GRANTS__DEFAULT__CALLERS", "alice"),
        ("OSS_VEND__LIMITS__PER_CALLER", "1/m burst 10"),
        ("OSS_VEND__LIMITS__SHARED", "true"),
    ];
    let processes: Vec<_> =
        tokio::task::block_in_place(|| (0..2).map(|_| Process::with(&cloud, &redis, &more)).collect());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |process: &Process| {
        client.get(process.url("/sts")).bearer_auth("key-of-alice").send().await.unwrap().status().as_u16()
    };
    for _ in 0..9 {
        assert_eq!(ask(&processes[0]).await, 200);
    }
    // The other one would give ten by itself; it hears of the nine once it has something to tell.
    let mut given = 0;
    while ask(&processes[1]).await == 200 {
        given += 1;
        assert!(given < 9, "the other process never heard of it");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    println!("of a burst of 10, one process gave 9 and another {given}");
    let names = redis.names("spent").await;
    assert!(names.len() == 1 && !names[0].contains("alice"), "{names:?}");
}
