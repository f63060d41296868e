//! `/metrics` on the operator's own listener, after traffic of every kind.

use std::collections::BTreeMap;

use oss_vend::dev::{CONFIG, Dev, Options};
use oss_vend::emulator::Failure;
use reqwest::Method;
use serde_json::json;

use crate::support::TestServer;

/// A server with a listener of the operator's own.
pub(crate) async fn observed(config: &str) -> TestServer {
    let options = Options { admin_listen: Some("127.0.0.1:0".into()), config: config.into(), ..Options::default() };
    TestServer::of(options).await
}

impl TestServer {
    /// What is on the page: values by name and labels.
    async fn metrics(&self) -> BTreeMap<String, f64> {
        let page = self.admin("/metrics").await;
        assert_eq!(page.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(page.text.ends_with("# EOF\n"));
        let samples = page.text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, value)| (name.into(), value.parse().unwrap()))
            .collect()
    }
}

#[track_caller]
fn assert_values(metrics: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        assert_eq!(metrics.get(*name), Some(value), "{name} in\n{metrics:#?}");
    }
}

#[tokio::test]
async fn requests_count_by_route_grant_and_status() {
    let server = observed(CONFIG).await;
    server.get("/sts").await.json();
    server.get("/sts").await.json();
    server.get("/sts?grant=avatars").await.problem();
    server.get("/sts?grant=hush-unknown").await.problem();
    server.get("/hush-path").await.problem();
    server.get_as("ovk_hush", "/presigned-url?key=uploads/a").await.problem();
    let items = |items| json!({ "items": items });
    server.post("/presigned-url", items(json!([{ "key": "uploads/a" }, { "key": "uploads/b" }]))).await.json();
    let two = json!([{ "key": "uploads/a" }, { "grant": "avatars", "key": "avatars/a" }]);
    server.post("/presigned-url", items(two)).await.json();
    let metrics = server.metrics().await;
    assert_values(
        &metrics,
        &[
            (r#"oss_vend_requests_total{route="/sts",grant="default",status="200"}"#, 2.0),
            (r#"oss_vend_requests_total{route="/sts",grant="avatars",status="401"}"#, 1.0),
            (r#"oss_vend_requests_total{route="/sts",grant="",status="404"}"#, 1.0),
            (r#"oss_vend_requests_total{route="other",grant="",status="404"}"#, 1.0),
            (r#"oss_vend_requests_total{route="/presigned-url",grant="",status="401"}"#, 1.0),
            (r#"oss_vend_requests_total{route="/presigned-url",grant="default",status="200"}"#, 1.0),
            (r#"oss_vend_requests_total{route="/presigned-url",grant="",status="200"}"#, 1.0),
            (r#"oss_vend_request_duration_seconds_count{route="/sts"}"#, 4.0),
            (r#"oss_vend_unauthenticated_total{reason="unknown_api_key"}"#, 1.0),
            (r#"oss_vend_problems_total{code="unknown_grant"}"#, 1.0),
            ("oss_vend_requests_in_flight", 0.0),
        ],
    );
    assert!(metrics["oss_vend_connections_total"] >= 1.0 && metrics["oss_vend_connections_open"] >= 1.0);
    assert!(!metrics.keys().any(|name| name.contains("hush")), "{metrics:#?}");
}

#[tokio::test]
async fn a_caller_that_hangs_up_is_counted_as_such() {
    let server = observed(CONFIG).await;
    server.knobs().delay("AssumeRole", std::time::Duration::from_mins(10));
    let asked = server.request(Method::GET, "/sts").send();
    let in_flight = async |server: &TestServer| server.metrics().await["oss_vend_requests_in_flight"];
    tokio::select! {
        _ = asked => panic!("nobody answers"),
        () = server.until_async(async || in_flight(&server).await > 0.0) => {}
    }
    let abandoned = r#"oss_vend_requests_total{route="/sts",grant="default",status="abandoned"}"#;
    server.until_async(async || server.metrics().await.contains_key(abandoned)).await;
}

#[tokio::test]
async fn what_the_vault_does_is_counted() {
    let server = observed(CONFIG).await;
    let before = server.metrics().await;
    assert!(!before.contains_key("oss_vend_sts_up") && !before.contains_key("oss_vend_vault_nearest_expiry_seconds"));
    server.get("/sts").await.json();
    assert_values(
        &server.metrics().await,
        &[
            (r#"oss_vend_vault_loads_total{kind="first"}"#, 1.0),
            ("oss_vend_sts_call_duration_seconds_count", 1.0),
            ("oss_vend_sts_up", 1.0),
            ("oss_vend_vault_sessions", 1.0),
            ("oss_vend_vault_nearest_expiry_seconds", 3600.0),
            ("oss_vend_clock_offset_seconds", 0.0),
            (r#"oss_vend_access_key_available{source="configuration"}"#, 1.0),
        ],
    );
    server.advance(3570);
    let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: "hush".into() };
    server.knobs().fail_next("AssumeRole", 1, refusal);
    server.get("/sts").await.json();
    server.get("/sts").await.json();
    assert_values(
        &server.metrics().await,
        &[
            (r#"oss_vend_sts_failures_total{code="NoPermission"}"#, 1.0),
            ("oss_vend_vault_served_while_failing_total", 2.0),
            ("oss_vend_sts_up", 0.0),
            ("oss_vend_vault_nearest_expiry_seconds", 30.0),
        ],
    );
}

#[tokio::test]
async fn refusals_for_a_limit_are_counted_by_the_limit() {
    let config = CONFIG.replace("per_address = \"off\"", "per_address = \"1/h burst 2\"");
    let server = observed(&config.replace("per_caller = \"off\"", "per_caller = \"1/h burst 1\"")).await;
    server.get_as("ovk_dev_alice", "/sts").await.json();
    server.get_as("ovk_dev_alice", "/sts").await.problem();
    server.get_as("ovk_dev_alice", "/sts").await.problem();
    assert_values(
        &server.metrics().await,
        &[
            (r#"oss_vend_limited_total{limit="caller"}"#, 1.0),
            (r#"oss_vend_limited_total{limit="address"}"#, 1.0),
            (r#"oss_vend_limited_total{limit="grant"}"#, 0.0),
            (r#"oss_vend_requests_total{route="/sts",grant="",status="429"}"#, 2.0),
        ],
    );
}

#[tokio::test]
async fn the_process_and_its_version_are_on_the_page() {
    let server = observed(CONFIG).await;
    let metrics = server.metrics().await;
    let version = format!("oss_vend_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_values(&metrics, &[(&version, 1.0), ("process_start_time_seconds", 1_767_225_600.0)]);
    assert!(metrics["process_resident_memory_bytes"] > 1_000_000.0 && metrics["process_open_fds"] > 3.0);
}

#[tokio::test]
async fn metrics_are_told_on_their_own_listener_alone() {
    let server = observed(CONFIG).await;
    assert_eq!(server.get("/metrics").await.problem(), (404, "not_found".into()));
    assert_eq!(server.admin("/healthz").await.json()["status"], "ok");
    assert_eq!(server.admin("/readyz").await.json()["ready"], true);
    assert_eq!(server.admin("/sts").await.status, 404);
    let any = || "127.0.0.1:0".to_owned();
    let without = Options { listen: any(), oss_listen: any(), sts_listen: any(), ..Options::default() };
    let without = Dev::bind(without, server.clock.clone()).await.unwrap();
    assert!(without.addresses().admin.is_none());
}

#[tokio::test]
async fn counts_go_on_when_the_configuration_changes() {
    let server = observed(CONFIG).await;
    server.get("/sts").await.json();
    let before = server.metrics().await["oss_vend_vault_loads_total{kind=\"first\"}"];
    server.reload(&CONFIG.replace("[grants.avatars]", "[grants.pictures]")).unwrap();
    server.get("/sts").await.json();
    server.get_as("ovk_dev_alice", "/sts?grant=pictures").await.json();
    assert_values(
        &server.metrics().await,
        &[
            (r#"oss_vend_requests_total{route="/sts",grant="default",status="200"}"#, 2.0),
            (r#"oss_vend_requests_total{route="/sts",grant="pictures",status="200"}"#, 1.0),
            (r#"oss_vend_vault_loads_total{kind="first"}"#, before + 1.0),
            (r#"oss_vend_reloads_total{outcome="taken"}"#, 1.0),
            (r#"oss_vend_reloads_total{outcome="refused"}"#, 0.0),
        ],
    );
}
