//! Many at once: one load a session, whoever waits and whoever leaves.

use std::time::Duration;

use futures_util::future::join_all;
use oss_vend::dev::CONFIG;
use oss_vend::emulator::Failure;

use crate::support::TestServer;

/// Nobody is cut off because the machine is slow: that is not what is looked at here.
const PATIENT: &str = "[limits]
header_timeout = \"10m\"
request_timeout = \"10m\"
idle_timeout = \"10m\"
";

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_first_requests_cost_one_call() {
    let server = TestServer::with(&CONFIG.replace("[limits]\n", PATIENT)).await;
    server.knobs().delay("AssumeRole", Duration::from_millis(200));
    let url = format!("http://{}/sts", server.addresses.server);
    let mut ids = Vec::new();
    for answers in join_all((0..100).map(|_| many(url.clone(), 100))).await {
        ids.extend(answers);
    }
    assert_eq!(ids.len(), 10_000);
    assert!(ids.iter().all(|id| *id == ids[0]), "all have the same credentials");
    assert_eq!(server.knobs().count("AssumeRole"), 1);
}

/// `count` requests at once on one connection of HTTP/2, as a browser sends them; the credentials that came.
async fn many(url: String, count: usize) -> Vec<String> {
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let one = async |_: usize| {
        let text = client.get(&url).send().await.unwrap().text().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        answer["AccessKeyId"].as_str().unwrap().to_owned()
    };
    join_all((0..count).map(one)).await
}

#[tokio::test]
async fn a_thousand_waiters_share_one_failure() {
    let server = TestServer::start().await;
    server.knobs().delay("AssumeRole", Duration::from_millis(100));
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "no".into() };
    server.knobs().fail_next("AssumeRole", 100, refusal);
    let answers = join_all((0..1000).map(|_| server.get("/sts"))).await;
    assert!(answers.iter().all(|answer| answer.status == 502));
    assert_eq!(server.knobs().count("AssumeRole"), 1);
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let server = TestServer::start().await;
    server.knobs().delay("AssumeRole", Duration::from_millis(300));
    let leaving = server.request(reqwest::Method::GET, "/sts").timeout(Duration::from_millis(50)).send().await;
    assert!(leaving.unwrap_err().is_timeout());
    server.get("/sts").await.json();
    assert_eq!(server.knobs().count("AssumeRole"), 1);
}
