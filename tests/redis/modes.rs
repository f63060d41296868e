//! Redis with users and TLS, behind sentinels, and as a cluster.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use oss_vend::clock::SystemClock;
use oss_vend::keys::Secret;
use oss_vend::replicas::{self, Mode, State};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::cloud::{Cloud, Replica, shared_through};
use crate::server::{PATIENCE, Redis, free_port};

/// What docs/replicas.md says the user needs.
const RIGHTS: &str = include_str!("../../examples/deploy/redis/users.acl");

/// What one opens, another finds; by a message, and under one budget.
async fn share(cloud: &Cloud, options: &replicas::Options) -> Vec<Replica> {
    let replicas: Vec<_> = (0..2).map(|_| cloud.replica(options, 10_000)).collect();
    for replica in &replicas {
        replica.until(|counts| counts.state == State::Up).await;
    }
    cloud.knobs().delay("AssumeRole", Duration::from_millis(100));
    let before = cloud.calls();
    for number in 0..20 {
        let name = format!("session-{before}-{number}");
        let (one, two) = tokio::join!(replicas[0].key(&name), replicas[1].key(&name));
        assert_eq!(one.unwrap(), two.unwrap());
    }
    assert_eq!(cloud.calls(), before + 20);
    for replica in &replicas {
        let counts = replica.counts();
        assert_eq!((counts.state, counts.refused, counts.alone), (State::Up, 0, 0), "{counts:?}");
    }
    replicas
}

async fn cloud() -> Cloud {
    Cloud::open(Arc::new(SystemClock::new())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_least_rights_over_tls_with_an_authority_of_ones_own() {
    let folder = TempDir::new().unwrap();
    let authority = certificates(&folder);
    let acl = folder.path().join("users.acl");
    fs::write(&acl, RIGHTS.replace(">change-me", ">hush")).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (port, plain) = (free_port(), free_port());
    let (tls, acl) = (port.to_string(), acl.display().to_string());
    let [certificate, key, ca] = ["server.pem", "server.key", "ca.pem"].map(at);
    let arguments = [
        "--tls-port",
        &tls,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "no",
        "--aclfile",
        &acl,
    ];
    let Some(redis) = Redis::launch("redis-server", plain, &arguments, TempDir::new().unwrap()) else { return };
    let options = replicas::Options {
        urls: vec![format!("rediss://localhost:{port}")],
        user: Some("oss-vend".into()),
        password: Some(Secret::new("hush")),
        authorities: Some(authority),
        connect_timeout: Duration::from_secs(5),
        ..shared_through(&redis)
    };
    let cloud = cloud().await;
    share(&cloud, &options).await;
    for wrong in [
        replicas::Options { password: Some(Secret::new("wrong")), ..options.clone() },
        replicas::Options { authorities: Some(certificates(&TempDir::new().unwrap())), ..options.clone() },
        replicas::Options { urls: vec![redis.url()], user: None, password: None, ..options.clone() },
    ] {
        let before = cloud.calls();
        let replica = cloud.replica(&wrong, 100);
        replica.key("other").await.unwrap();
        assert_eq!((replica.counts().state, cloud.calls()), (State::Down, before + 1));
    }
}

/// A certificate for `localhost` with its authority, in files; the authority as PEM.
fn certificates(folder: &TempDir) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&server_key, &issuer).unwrap();
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.path().join("server.pem"), server.pem()).unwrap();
    fs::write(folder.path().join("server.key"), server_key.serialize_pem()).unwrap();
    authority.pem()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_of_a_cluster() {
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "15000"];
    let Some(first) = Redis::with(&arguments).await else { return };
    let nodes = [first, Redis::with(&arguments).await.unwrap(), Redis::with(&arguments).await.unwrap()];
    let addresses: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let mut create = Command::new("redis-cli");
    create.args(["--cluster", "create"]).args(&addresses).args(["--cluster-yes"]).stdout(Stdio::null());
    assert!(create.status().unwrap().success());
    let end = Instant::now() + PATIENCE;
    for node in &nodes {
        while !node.command::<String>(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok") {
            assert!(Instant::now() < end, "the cluster never comes together");
            sleep(Duration::from_millis(50)).await;
        }
    }
    let urls = nodes[..2].iter().map(Redis::url).collect();
    let options = replicas::Options { urls, mode: Mode::Cluster, ..shared_through(&nodes[0]) };
    share(&cloud().await, &options).await;
    let mut holding = 0;
    for node in &nodes {
        holding += usize::from(!node.names("key").await.is_empty());
    }
    assert_eq!(holding, 3, "twenty sessions are spread over the nodes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_sentinels_name_and_its_successor() {
    let Some(mut master) = Redis::start().await else { return };
    let port = master.port.to_string();
    let slave = Redis::with(&["--replicaof", "127.0.0.1", &port]).await.unwrap();
    let sentinel = free_port();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("sentinel.conf");
    let text = format!(
        "port {sentinel}\nbind 127.0.0.1\ndir {}\nsentinel monitor ours 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds ours 3000\nsentinel failover-timeout ours 5000\n",
        folder.path().display()
    );
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let Some(sentinels) = Redis::launch("redis-sentinel", sentinel, &[&file], folder) else { return };
    sentinels.is_up().await;
    knows_successor(&sentinels).await;
    let mode = Mode::Sentinel { master: "ours".into() };
    let options = replicas::Options {
        urls: vec![sentinels.url()],
        mode,
        connect_timeout: Duration::from_secs(5),
        ..shared_through(&master)
    };
    let cloud = cloud().await;
    let replicas = share(&cloud, &options).await;
    master.kill();
    replicas[0].key("meanwhile").await.unwrap();
    for replica in &replicas {
        replica.until(|counts| counts.broken > 0 && counts.state == State::Up).await;
    }
    assert!(slave.command::<String>(&["INFO", "replication"]).await.contains("role:master"));
    drop(replicas);
    share(&cloud, &options).await;
}

/// Waits until the sentinel has heard of the server's replica, else there is nobody to take over.
async fn knows_successor(sentinel: &Redis) {
    let end = Instant::now() + PATIENCE;
    loop {
        let known: Vec<redis::Value> = sentinel.command(&["SENTINEL", "REPLICAS", "ours"]).await;
        let text = format!("{known:?}");
        if !known.is_empty() && text.contains("\"ok\"") {
            return;
        }
        assert!(Instant::now() < end, "the sentinel sees no replica: {text}");
        sleep(Duration::from_millis(100)).await;
    }
}
