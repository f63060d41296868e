//! Another configuration while requests come: nobody is refused for it, and what did not change lives on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use oss_vend::clock::ManualClock;
use oss_vend::config::{Environment, Loaded, Settings};
use oss_vend::dev::CONFIG;
use oss_vend::emulator::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, Emulator, Options, User};
use oss_vend::server::{Reload, Server};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::{Answer, TestServer, http};

const SECOND_ID: &str = "LTAIemulatorSecondKey";
const SECOND_SECRET: &str = "anotherSecretNotARealOne";

/// The configuration of `dev` with this in place of that.
fn config(this: &str, that: &str) -> String {
    assert!(CONFIG.contains(this), "{this}");
    CONFIG.replace(this, that)
}

#[tokio::test]
async fn a_grant_that_is_removed_is_gone_at_once_and_sessions_stay() {
    let server = TestServer::start().await;
    let before = server.get("/sts").await.json();
    server.get_as("ovk_dev_alice", "/sts?grant=avatars").await.json();
    let changes = server.reload(&config("[grants.avatars]", "[grants.pictures]")).unwrap();
    assert_eq!(changes.to_string(), "grants.avatars (removed), grants.pictures (new)");
    assert_eq!(server.get_as("ovk_dev_alice", "/sts?grant=avatars").await.problem(), (404, "unknown_grant".into()));
    server.get_as("ovk_dev_alice", "/sts?grant=pictures").await.json();
    assert_eq!(server.get("/sts").await.json()["AccessKeyId"], before["AccessKeyId"]);
    assert_eq!(server.knobs().count("AssumeRole"), 2, "the session of the renamed grant is the same one too");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let server = TestServer::start().await;
    let dead_end = config("to = \"off\"", "to = \"/nonexistent/audit.log\"");
    for (wrong, reason) in [
        (config("[limits]", "[limts]"), "limts"),
        (config("bucket = \"examplebucket\"", "bucket = \"\""), "bucket"),
        (dead_end.replace("[grants.avatars]", "[grants.pictures]"), "audit.to"),
    ] {
        let refused = server.reload(&wrong).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
        server.get_as("ovk_dev_alice", "/sts?grant=avatars").await.json();
    }
    assert!(server.reload(&format!("# a remark\n{CONFIG}")).unwrap().is_empty());
    assert_eq!(server.knobs().count("AssumeRole"), 1);
}

#[tokio::test]
async fn a_caller_whose_key_is_withdrawn_is_refused_at_once() {
    let server = TestServer::start().await;
    // Often enough for the connection to know the key.
    for _ in 0..3 {
        server.get_as("ovk_dev_bob", "/sts").await.json();
    }
    let changes = server.reload(&config("99fcc191", "00000000")).unwrap();
    assert_eq!(changes.to_string(), "auth.api_keys");
    assert_eq!(server.get_as("ovk_dev_bob", "/sts").await.status, 401);
    server.get_as("ovk_dev_alice", "/sts").await.json();
}

#[tokio::test]
async fn who_has_spent_a_rate_has_spent_it_still_unless_the_rate_is_another() {
    let limited = config("per_caller = \"off\"", "per_caller = \"1/m burst 1\"");
    let server = TestServer::with(&limited).await;
    server.get_as("ovk_dev_alice", "/sts").await.json();
    server.reload(&limited.replace("max_size = \"5 MiB\"", "max_size = \"6 MiB\"")).unwrap();
    assert_eq!(server.get_as("ovk_dev_alice", "/sts").await.status, 429);
    server.reload(&limited.replace("burst 1\"", "burst 2\"")).unwrap();
    server.get_as("ovk_dev_alice", "/sts").await.json();
}

#[tokio::test]
async fn a_failure_that_the_new_configuration_mends_is_forgotten() {
    let server = TestServer::with(&config("role/oss-vend-dev", "role/none")).await;
    assert_eq!(server.get("/sts").await.status, 502);
    assert_eq!(server.get("/readyz").await.status, 503);
    server.reload(CONFIG).unwrap();
    assert_eq!(server.get("/readyz").await.status, 200);
    server.get("/sts").await.json();
    let wrong_secret = config(DEV_ACCESS_KEY_SECRET, "wrong");
    server.reload(&wrong_secret.replace("[sts]", "[sts]\nduration = 1800")).unwrap();
    assert_eq!(server.get("/sts").await.status, 502);
    server.reload(&config("[sts]", "[sts]\nduration = 1800")).unwrap();
    server.get("/sts").await.json();
}

#[tokio::test]
async fn the_audit_trail_goes_where_the_new_configuration_says() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first.log", "second.log"].map(|name| folder.path().join(name));
    let to = |file: &std::path::Path| config("to = \"off\"", &format!("to = {file:?}"));
    let server = TestServer::with(&to(&first)).await;
    server.get("/sts").await.json();
    server.reload(&to(&second)).unwrap();
    server.get("/presigned-url?key=uploads/a.txt").await.json();
    let lines = |file| std::fs::read_to_string(file).unwrap_or_default().lines().count();
    server.until(|| (lines(&first), lines(&second)) == (1, 1)).await;
}

/// The configuration of `dev` without `anonymous = true`: its callers show API keys.
fn closed() -> String {
    config("anonymous = true\n", "")
}

/// `config` without any way to prove who one is.
fn without_proofs(config: &str) -> String {
    let mut lines: Vec<_> = config.lines().collect();
    lines.retain(|line| !line.contains("api_keys") && !line.starts_with("id = \"a") && !line.starts_with("id = \"b"));
    lines.retain(|line| !line.starts_with("hash = "));
    lines.join("\n").replace("\"delete\", ", "") // no configuration without known callers may have it
}

#[tokio::test]
async fn a_reload_that_would_serve_callers_without_proof_is_refused_and_the_configuration_stays() {
    let server = TestServer::with(&closed()).await;
    let open = [
        without_proofs(&closed()),
        CONFIG.to_owned(),
        without_proofs(CONFIG),
        closed().replacen("[auth]", "[auth]\nanonymous = true", 1),
    ];
    for config in open {
        let refused = server.reload(&config).unwrap_err().to_string();
        assert!(refused.contains("would serve callers without proof"), "{refused}");
        assert_eq!(server.get("/sts").await.problem(), (401, "authentication_required".into()));
        server.get_as("ovk_dev_alice", "/sts").await.json();
    }
    let nobody = without_proofs(&closed()).replacen("[auth]", "[auth]\nanonymous = false", 1);
    let refused = server.reload(&nobody).unwrap_err().to_string();
    assert!(refused.contains("auth.anonymous is false, and no callers are configured"), "{refused}");
}

#[tokio::test]
async fn a_server_that_a_reload_has_closed_is_opened_by_no_other() {
    let server = TestServer::with(&without_proofs(&closed())).await;
    server.get("/sts").await.json();
    server.reload(&closed()).unwrap();
    assert_eq!(server.get("/sts").await.status, 401);
    assert!(server.reload(&without_proofs(&closed())).is_err());
    assert!(server.reload(CONFIG).is_err());
    assert_eq!(server.get("/sts").await.status, 401);
}

#[tokio::test]
async fn a_server_that_served_everyone_at_its_start_may_go_on() {
    let server = TestServer::with(&without_proofs(&closed())).await;
    server.reload(&without_proofs(&closed()).replace("max_size = \"5 MiB\"", "max_size = \"6 MiB\"")).unwrap();
    server.get("/sts").await.json();
    server.reload(CONFIG).unwrap();
    server.get("/sts").await.json();
}

#[tokio::test]
async fn anonymous_false_that_is_written_serves_known_callers_alone() {
    let server = TestServer::with(&config("anonymous = true", "anonymous = false")).await;
    assert_eq!(server.get("/sts").await.problem(), (401, "authentication_required".into()));
    server.get_as("ovk_dev_alice", "/sts").await.json();
}

/// A server of its own before an emulator that knows more than one AccessKey.
struct Rotation {
    emulator: Emulator,
    sts: String,
    address: String,
    reload: Arc<Reload>,
}

impl Rotation {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let mut options = Options::dev();
        let (id, secret) = (SECOND_ID.to_owned(), SECOND_SECRET.to_owned());
        let second = User { access_key_id: id, access_key_secret: secret, ..options.users[0].clone() };
        options.users.push(second);
        let time = clock.clone();
        let emulator = Emulator::new(options, move || oss_vend::clock::Clock::now(&*time)).unwrap();
        let [cloud, listener] = [listen().await, listen().await];
        let sts = format!("http://{}", cloud.local_addr().unwrap());
        let service = emulator.sts().into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(axum::serve(cloud, service).into_future());
        let server = Server::new(loaded(&sts, DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET), clock).unwrap();
        let (address, reload) = (format!("http://{}", listener.local_addr().unwrap()), server.reload());
        tokio::spawn(server.serve(listener, std::future::pending()));
        Self { emulator, sts, address, reload }
    }

    /// The id of the session key behind an answer.
    async fn credentials(&self, client: &reqwest::Client) -> String {
        let answer = Answer::of(client.get(format!("{}/sts", self.address))).await.json();
        answer["AccessKeyId"].as_str().unwrap().to_owned()
    }

    /// The key that signed a classic form: the AccessKey itself.
    async fn form_key(&self, client: &reqwest::Client) -> Value {
        let answer = Answer::of(client.get(format!("{}/get_post_signature_for_oss_upload", self.address))).await;
        answer.json()["ossAccessKeyId"].clone()
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn loaded(sts: &str, id: &str, secret: &str) -> Loaded {
    let config = CONFIG.replace(DEV_ACCESS_KEY_ID, id).replace(DEV_ACCESS_KEY_SECRET, secret);
    let config = config.replace("[sts]", &format!("[sts]\nendpoint = \"{sts}\""));
    Settings::of_text("oss-vend.toml", &config, &Environment::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rotated_under_load_costs_no_request_and_is_not_used_after() {
    let rotation = Arc::new(Rotation::start().await);
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let first = rotation.credentials(&http()).await;
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let (rotation, stop, asked, client) = (rotation.clone(), stop.clone(), asked.clone(), http());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    rotation.credentials(&client).await;
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let more = async |count: usize| {
        let goal = asked.load(Ordering::Relaxed) + count;
        while asked.load(Ordering::Relaxed) < goal && !asking.iter().all(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
    };
    more(200).await;
    let changes = rotation.reload.reload(loaded(&rotation.sts, SECOND_ID, SECOND_SECRET)).unwrap();
    assert_eq!(changes.to_string(), "access_key.id, access_key.secret");
    let second = rotation.credentials(&http()).await;
    assert_ne!(first, second);
    more(200).await;
    stop.store(true, Ordering::Relaxed);
    for asker in asking {
        asker.await.expect("no request fails");
    }
    assert_eq!(rotation.credentials(&http()).await, second);
    assert_eq!(rotation.form_key(&http()).await, SECOND_ID);
    let openers: Vec<_> = rotation.emulator.knobs().calls().into_iter().filter_map(|call| call.access_key_id).collect();
    assert_eq!(openers, [DEV_ACCESS_KEY_ID, SECOND_ID]);
}

#[tokio::test]
async fn after_a_reload_to_a_key_that_sts_does_not_know_what_is_alive_is_still_given() {
    let rotation = Rotation::start().await;
    let first = rotation.credentials(&http()).await;
    for id in ["LTAInobody", "LTAInobodyEither"] {
        rotation.reload.reload(loaded(&rotation.sts, id, "nothing")).unwrap();
        for _ in 0..3 {
            assert_eq!(rotation.credentials(&http()).await, first);
        }
    }
    let given = format!("id = \"{DEV_ACCESS_KEY_ID}\"\nsecret = \"{DEV_ACCESS_KEY_SECRET}\"");
    let nowhere = config(&given, "file = \"/nonexistent/access-key.json\"");
    let nowhere = nowhere.replace("[sts]", &format!("[sts]\nendpoint = \"{}\"", rotation.sts));
    rotation.reload.reload(Settings::of_text("oss-vend.toml", &nowhere, &Environment::default()).unwrap()).unwrap();
    assert_eq!(rotation.credentials(&http()).await, first);
    rotation.reload.reload(loaded(&rotation.sts, SECOND_ID, SECOND_SECRET)).unwrap();
    assert_ne!(rotation.credentials(&http()).await, first);
}

#[tokio::test]
async fn a_reload_that_lets_others_write_confines_reads_and_one_that_would_have_to_share_them_is_refused() {
    let own = "\n[grants.reports]\nbucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\ndir = \"reports/${caller.id}/\"\n\
               methods = [\"get\"]\n";
    let writer = "\n[grants.inbox]\nbucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\ndir = \"reports/\"\noverlaps = true\n\
                  methods = [\"sts\", \"put\"]\n";
    let server = TestServer::with(&format!("{CONFIG}{own}")).await;
    let reads = async || server.admin("/readyz").await.json()["reads"]["reports"].clone();
    assert_eq!(reads().await, "shared");
    server.reload(&format!("{CONFIG}{own}{writer}")).unwrap();
    assert_eq!(reads().await, "confined");
    for key in ["ovk_dev_alice", "ovk_dev_bob"] {
        let path = format!("/presigned-url?grant=reports&method=GET&key=reports/{}/a", &key[8..]);
        server.get_as(key, &path).await.json();
    }
    assert_eq!(server.knobs().count("AssumeRole"), 2, "each directory has a session of its own");
    let refused = server.reload(&format!("{CONFIG}{own}reads = \"shared\"\n{writer}")).unwrap_err().to_string();
    assert!(
        refused.contains("grants.reports.reads cannot be \"shared\"") && refused.contains("\"inbox\""),
        "{refused}"
    );
    assert_eq!(reads().await, "confined");
}
