//! The AccessKey changes while sessions are opened: rotation by file, failover between two. No request fails, and no old
//! key is used after.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response};
use chrono::{SecondsFormat, TimeDelta};
use futures_util::future::join_all;
use oss_vend::access_key::{AccessKeys, Metadata, Options, Source};
use oss_vend::clock::{Clock, CorrectedClock, ManualClock};
use oss_vend::dev::CONFIG;
use oss_vend::policy::Session;
use oss_vend::sts::Client;
use oss_vend::vault::{self, RequestTime, Vault};
use serde_json::json;
use tokio::net::TcpListener;

use super::files::{key, swap};
use super::{answer, given, start, sts};
use crate::support::{Answer, TestServer};

/// An STS that knows the ids of its keys, and which of them are disabled; it notes who called.
#[derive(Clone, Default)]
struct Desk {
    disabled: Arc<Mutex<HashSet<String>>>,
    callers: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    async fn open(&self, clock: Arc<ManualClock>) -> String {
        let desk = self.clone();
        let app = Router::new().fallback(move |headers: HeaderMap| {
            let signed = headers["authorization"].to_str().unwrap().to_owned();
            let id = signed.split_once("Credential=").unwrap().1.split_once(',').unwrap().0.to_owned();
            let date = clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let mut reply = desk.answer(&id, &clock);
            reply.headers_mut().insert("date", date.parse().unwrap());
            async move { reply }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        address
    }

    fn answer(&self, id: &str, clock: &ManualClock) -> Response<Body> {
        let mut callers = self.callers.lock().unwrap();
        callers.push(id.to_owned());
        if self.disabled.lock().unwrap().contains(id) {
            let code = "InvalidAccessKeyId.Inactive";
            return answer(
                400,
                json!({"RequestId": "R", "Code": code, "Message": "Specified access key is disabled."}),
            );
        }
        let expiration = (clock.now() + TimeDelta::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
        let credentials = json!({"AccessKeyId": format!("STS.{}.{id}", callers.len()), "AccessKeySecret": "hush",
                                 "SecurityToken": "hush", "Expiration": expiration});
        answer(200, json!({"RequestId": "R", "Credentials": credentials}))
    }

    fn disable(&self, id: &str) {
        self.disabled.lock().unwrap().insert(id.to_owned());
    }

    fn enable(&self, id: &str) {
        self.disabled.lock().unwrap().remove(id);
    }

    /// Who called since the last time this was asked.
    fn callers(&self) -> Vec<String> {
        std::mem::take(&mut *self.callers.lock().unwrap())
    }
}

struct Bank {
    desk: Desk,
    vault: Arc<Vault>,
    clock: Arc<ManualClock>,
}

impl Bank {
    async fn open(first: Source, second: Option<Source>) -> Self {
        let (desk, clock) = (Desk::default(), Arc::new(ManualClock::new(start())));
        let address = desk.open(clock.clone()).await;
        let metadata = Metadata::of_instance(false);
        let options = vault::Options {
            sts: Client::new(sts(&address)).unwrap(),
            second_sts: None,
            access_keys: Arc::new(AccessKeys::new(Options { first, second, sts: sts(&address), metadata }).unwrap()),
            calls_per_second: 100_000,
            max_sessions: 100_000,
            replicas: None,
        };
        Self { desk, vault: Vault::new(options, Arc::new(CorrectedClock::new(clock.clone()))), clock }
    }

    /// The session key of `name`.
    async fn session(&self, name: &str) -> Result<String, String> {
        let session = Session::new("acs:ram::1:role/r".into(), name, 3600);
        let key = self.vault.session_key(&session, TimeDelta::zero(), &RequestTime::of(self.clock.reading())).await;
        key.map(|live| live.key.access_key.id.clone()).map_err(|unopened| unopened.error.to_string())
    }

    /// So many sessions at once, none of which may fail.
    async fn load(&self, kind: &str, count: usize) -> Vec<String> {
        let names: Vec<_> = (0..count).map(|number| format!("{kind}-{number}")).collect();
        let keys = join_all(names.iter().map(|name| self.session(name))).await;
        keys.into_iter().map(Result::unwrap).collect()
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}

fn all_are(callers: &[String], id: &str) -> bool {
    !callers.is_empty() && callers.iter().all(|caller| caller == id)
}

#[tokio::test]
async fn a_key_that_is_rotated_by_file_under_load_fails_nobody_and_is_not_used_after() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    swap(&file, key("LTAIold"));
    let bank = Bank::open(Source::File(file.clone()), None).await;
    bank.load("before", 50).await;
    assert!(all_are(&bank.desk.callers(), "LTAIold"));
    // The old key is disabled at the very moment at which the file changes, while sessions are being opened.
    let rotate = async {
        tokio::task::yield_now().await;
        swap(&file, key("LTAInew"));
        bank.desk.disable("LTAIold");
    };
    tokio::join!(bank.load("during", 200), rotate);
    bank.desk.callers();
    bank.advance(3);
    bank.load("after", 50).await;
    assert!(all_are(&bank.desk.callers(), "LTAInew"));
}

#[tokio::test]
async fn what_the_former_key_opened_is_given_to_its_end_and_renewed_with_the_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    swap(&file, key("LTAIold"));
    let bank = Bank::open(Source::File(file.clone()), None).await;
    let before = bank.load("a", 50).await;
    swap(&file, key("LTAInew"));
    bank.advance(600);
    bank.desk.callers();
    assert_eq!(bank.load("a", 50).await, before, "still good, so nobody waits and nothing is asked");
    assert!(bank.desk.callers().is_empty());
    bank.advance(3100);
    let after = bank.load("a", 50).await;
    assert!(after.iter().all(|key| key.ends_with("LTAInew")));
    assert!(all_are(&bank.desk.callers(), "LTAInew"));
}

#[tokio::test]
async fn the_second_key_serves_in_the_same_load_and_the_first_is_tried_again_by_one_call_now_and_then() {
    let bank = Bank::open(given("LTAIfirst"), Some(given("LTAIsecond"))).await;
    bank.load("before", 20).await;
    bank.desk.disable("LTAIfirst");
    bank.load("during", 200).await;
    assert_eq!(bank.vault.access_key_status().failed_over, Some(true));
    bank.desk.callers();
    bank.advance(30);
    bank.load("after", 50).await;
    assert!(all_are(&bank.desk.callers(), "LTAIsecond"), "the refused one is let be");
    bank.advance(40);
    bank.load("later", 50).await;
    let tried = bank.desk.callers().iter().filter(|caller| *caller == "LTAIfirst").count();
    assert_eq!(tried, 1, "one call tries it");
    bank.desk.enable("LTAIfirst");
    bank.advance(200);
    bank.load("mended", 50).await;
    assert_eq!(bank.vault.access_key_status().failed_over, Some(false));
    bank.desk.callers();
    bank.load("last", 50).await;
    assert!(all_are(&bank.desk.callers(), "LTAIfirst"));
}

#[tokio::test]
async fn sessions_that_the_first_key_opened_are_given_while_the_second_stands_in() {
    let bank = Bank::open(given("LTAIfirst"), Some(given("LTAIsecond"))).await;
    let before = bank.load("a", 20).await;
    bank.desk.disable("LTAIfirst");
    bank.load("b", 1).await;
    bank.desk.callers();
    assert_eq!(bank.load("a", 20).await, before);
    assert!(bank.desk.callers().is_empty());
}

#[tokio::test]
async fn when_both_are_refused_the_failure_says_so_and_either_may_come_back() {
    let bank = Bank::open(given("LTAIfirst"), Some(given("LTAIsecond"))).await;
    bank.desk.disable("LTAIfirst");
    bank.desk.disable("LTAIsecond");
    let error = bank.session("a").await.unwrap_err();
    assert!(error.contains("InvalidAccessKeyId.Inactive"), "{error}");
    assert_eq!(bank.desk.callers(), ["LTAIfirst", "LTAIsecond"]);
    bank.session("a").await.unwrap_err();
    assert!(bank.desk.callers().is_empty(), "the failure is remembered");
    for id in ["LTAIfirst", "LTAIsecond"] {
        bank.desk.enable(id);
        bank.advance(3600);
        bank.session(id).await.unwrap();
        bank.desk.disable(id);
    }
}

#[tokio::test]
async fn a_refused_file_is_read_once_more_and_no_oftener() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    swap(&file, key("LTAIold"));
    let bank = Bank::open(Source::File(file), None).await;
    bank.desk.disable("LTAIold");
    let names: Vec<_> = (0..20).map(|number| format!("a-{number}")).collect();
    let outcomes = join_all(names.iter().map(|name| bank.session(name))).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(|error| error.contains("Inactive"))));
    assert_eq!(bank.desk.callers().len(), 20, "one call for each, since there is no other key");
}

#[tokio::test]
async fn readiness_tells_source_age_and_failover() {
    let section = CONFIG.split("[access_key]").nth(1).unwrap().split("\n[").next().unwrap();
    let two = "\nid = \"LTAIgone\"\nsecret = \"x\"\n[access_key.second]\nid = \"LTAIemulatorNotARealKey\"\nsecret = \"emulatorSecretNotARealOne\"\n";
    let server = TestServer::with(&CONFIG.replacen(section, two, 1)).await;
    server.admin("/readyz").await.json();
    server.advance(7);
    let before = server.admin("/readyz").await.json()["accessKey"].clone();
    let expected = json!({"available": true, "source": "configuration", "ageSeconds": 7, "failedOver": false});
    assert_eq!(before, expected);
    server.get("/sts").await.json();
    assert_eq!(server.admin("/readyz").await.json()["accessKey"]["failedOver"], json!(true));
}

#[tokio::test]
async fn a_file_that_is_not_there_yet_is_told_and_vending_begins_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    let section = CONFIG.split("[access_key]").nth(1).unwrap().split("\n[").next().unwrap();
    let server = TestServer::with(&CONFIG.replacen(section, &format!("\nfile = '{}'\n", file.display()), 1)).await;
    let down = server.admin("/readyz").await;
    assert_eq!(down.status, 503);
    assert!(
        down.text.contains("\"available\":false") && down.text.contains("key.json cannot be read"),
        "{}",
        down.text
    );
    let refused = server.get("/sts").await;
    assert_eq!(refused.problem(), (503, "access_key_unavailable".into()));
    assert!(refused.text.contains("`access_key.file`"), "{}", refused.text);
    let good = json!({"AccessKeyId": "LTAIemulatorNotARealKey", "AccessKeySecret": "emulatorSecretNotARealOne"});
    swap(&file, good);
    server.advance(3);
    server.get("/sts").await.json();
    assert_eq!(server.admin("/readyz").await.json()["accessKey"]["source"], "file");
}

#[tokio::test]
async fn a_classic_form_is_refused_where_the_key_is_temporary() {
    let other = TestServer::start().await;
    let uri = format!("http://{}/credentials-uri", other.addresses.server);
    let section = CONFIG.split("[access_key]").nth(1).unwrap().split("\n[").next().unwrap();
    let server = TestServer::with(&CONFIG.replacen(section, &format!("\nuri = \"{uri}\"\n"), 1)).await;
    let form = Answer::of(server.request(reqwest::Method::GET, "/get_post_signature_for_oss_upload")).await;
    assert_eq!(form.problem(), (502, "access_key_temporary".into()));
    assert!(server.admin("/readyz").await.json()["accessKey"]["expiresInSeconds"].as_i64().unwrap() > 0);
}
