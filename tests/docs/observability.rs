//! The page on metrics, the dashboard and the alerts name what a running server tells, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use oss_vend::clock::SystemClock;
use oss_vend::dev::{CONFIG, Dev, Options};
use oss_vend::emulator::Failure;
use oss_vend::metrics::{Metrics, Page};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::pages::{block, page};
use super::promql::{self, Named};
use super::support::{http, run};

const DASHBOARD: &str = include_str!("../../examples/deploy/grafana/oss-vend.json");
const ALERTS: &str = include_str!("../../examples/deploy/prometheus/alerts.yml");

/// Nobody listens there.
const REDIS: &str = "\n[vault.redis]\nurls = [\"redis://127.0.0.1:1\"]\n\
    sealing_keys = [\"test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]\n";

/// What Prometheus adds itself.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

/// A page of metrics, taken apart.
#[derive(Default)]
struct Told {
    /// The labels of each sample's name.
    samples: BTreeMap<String, BTreeSet<String>>,
    /// The type of each family.
    types: BTreeMap<String, String>,
}

impl Told {
    fn read(&mut self, page: &str) {
        for line in page.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').unwrap();
                self.types.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let [Named { metric, labels }] = &promql::read(line.rsplit_once(' ').unwrap().0).metrics[..] else {
                    panic!("{line}")
                };
                self.samples.entry(metric.clone()).or_default().extend(labels.iter().cloned());
            }
        }
    }

    /// What a server tells after traffic of every kind; the certificate, which this one has not, is told of besides. It is
    /// to share with others through a Redis that is not there.
    async fn after_traffic() -> Self {
        let (served, mut told) = (Served::with(REDIS).await, Self::default());
        served.ask("/sts", None, 200).await;
        served.ask("/sts?grant=nope", None, 404).await;
        served.ask("/sts", Some("ovk_nobody"), 401).await;
        let refusal = Failure::Status { status: 403, code: "NoPermission".into(), message: String::new() };
        served.dev_knobs.knobs().fail_next("AssumeRole", 1, refusal);
        served.ask("/sts?grant=avatars", Some("ovk_dev_alice"), 502).await;
        told.read(&served.metrics().await);
        let with_certificate = Metrics::new(DateTime::UNIX_EPOCH);
        with_certificate.certificate_ends(DateTime::from_timestamp(1, 0).unwrap());
        let mut page = Page::default();
        with_certificate.write(&mut page);
        told.read(&page.render());
        told
    }

    /// What `expression` names and nobody tells.
    fn unknown_in(&self, expression: &str) -> Vec<String> {
        let read = promql::read(expression);
        let (mut unknown, mut grouped) = (Vec::new(), read.grouping);
        for Named { metric, labels } in read.metrics.iter().filter(|named| named.metric != "up") {
            let Some(known) = self.samples.get(metric) else {
                unknown.push(metric.clone());
                continue;
            };
            let is_known = |label: &String| known.contains(label) || OF_PROMETHEUS.contains(&label.as_str());
            unknown.extend(labels.iter().filter(|label| !is_known(label)).map(|label| format!("{metric}{{{label}}}")));
            grouped.retain(|label| !is_known(label));
        }
        unknown.extend(grouped);
        unknown
    }
}

/// The AccessKey of `dev`.
const FIXED_KEY: &str = "id = \"LTAIemulatorNotARealKey\"\nsecret = \"emulatorSecretNotARealOne\"";

/// The same AccessKey with an end, and a second one: some metrics are only there then.
fn key_that_ends(folder: &Path) -> String {
    let file = folder.join("access-key.json");
    let key = json!({
        "AccessKeyId": "LTAIemulatorNotARealKey",
        "AccessKeySecret": "emulatorSecretNotARealOne",
        "Expiration": "2999-01-01T00:00:00Z",
    });
    fs::write(&file, key.to_string()).unwrap();
    format!("file = '{}'\n[access_key.second]\nid = \"LTAIsecond\"\nsecret = \"second\"", file.display())
}

struct Served {
    dev_knobs: oss_vend::emulator::Emulator,
    server: String,
    admin: String,
    _folder: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Served {
    async fn start() -> Self {
        Self::with("").await
    }

    /// One with `more` in its configuration.
    async fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let to = format!("to = '{}'", folder.path().join("audit.log").display());
        let any = || "127.0.0.1:0".to_owned();
        let options = Options {
            listen: any(),
            oss_listen: any(),
            sts_listen: any(),
            admin_listen: Some(any()),
            config: CONFIG.replace("to = \"off\"", &to).replace(FIXED_KEY, &key_that_ends(folder.path())) + more,
            ..Options::default()
        };
        let dev = Dev::bind(options, Arc::new(SystemClock::new())).await.unwrap();
        let (addresses, dev_knobs) = (dev.addresses(), dev.emulator().clone());
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(dev.run(async { drop(stopped.await) }));
        let (server, admin) = (format!("http://{}", addresses.server), format!("http://{}", addresses.admin.unwrap()));
        Self { dev_knobs, server, admin, _folder: folder, _stop: stop }
    }

    async fn ask(&self, path: &str, key: Option<&str>, status: u16) {
        let request = http().get(format!("{}{path}", self.server));
        let request = key.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}: {}", answer.text().await.unwrap());
    }

    async fn metrics(&self) -> String {
        http().get(format!("{}/metrics", self.admin)).send().await.unwrap().text().await.unwrap()
    }
}

#[tokio::test]
async fn the_table_has_every_metric_with_its_type_and_labels() {
    let told = Told::after_traffic().await;
    let page = page("docs/observability.md").text;
    let mut shown = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `oss_vend_") || line.starts_with("| `process_")) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let labels: BTreeSet<_> = cells[3].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        for (name, known) in told.samples.iter().filter(|(name, _)| is_of(name, &cells[1], &told)) {
            let known: BTreeSet<_> = known.iter().filter(|label| *label != "le").cloned().collect();
            assert_eq!(known, labels, "{name}");
        }
        shown.insert(cells[1].clone(), cells[2].clone());
    }
    assert_eq!(shown, told.types);
}

/// Whether the sample `name` is one of `family`.
fn is_of(name: &str, family: &str, told: &Told) -> bool {
    let tail = name.strip_prefix(family);
    tail.is_some_and(|tail| ["", "_total", "_info", "_bucket", "_count", "_sum"].contains(&tail))
        && (tail == Some("") || !told.types.contains_key(name))
}

#[tokio::test]
async fn the_dashboard_asks_for_what_is_told() {
    let told = Told::after_traffic().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(expressions.len() > 30, "{expressions:?}");
    for expression in expressions {
        assert_eq!(told.unknown_in(expression), Vec::<String>::new(), "{expression}");
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
}

#[tokio::test]
async fn the_alerts_ask_for_what_is_told_and_say_what_to_do() {
    let told = Told::after_traffic().await;
    let rules: Vec<_> = ALERTS.split("      - alert: ").skip(1).collect();
    assert!(rules.len() >= 12);
    for rule in rules {
        let of = |key: &str| rule.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
        let name = rule.lines().next().unwrap();
        assert_eq!(told.unknown_in(of("expr").unwrap()), Vec::<String>::new(), "{name}");
        for key in ["labels", "summary", "action"] {
            assert!(of(key).is_some_and(|text| text.len() > 20), "{name} has no {key}");
        }
        let labels = told.samples.values().flatten().map(String::as_str).chain(OF_PROMETHEUS).collect::<BTreeSet<_>>();
        for used in rule.split("$labels.").skip(1).map(promql::word) {
            assert!(labels.contains(used), "{name} shows {used}");
        }
    }
}

#[tokio::test]
async fn what_nobody_tells_is_noticed() {
    let told = Told::after_traffic().await;
    for (expression, unknown) in [
        ("rate(oss_vend_request_total[5m])", "oss_vend_request_total"),
        ("sum by (rout) (oss_vend_requests_total)", "rout"),
        ("oss_vend_requests_total{code=\"200\"}", "oss_vend_requests_total{code}"),
    ] {
        assert_eq!(told.unknown_in(expression), [unknown]);
    }
}

#[tokio::test]
async fn the_commands_that_ask_for_metrics_work() {
    let served = Served::start().await;
    let script = block("metrics", "").replace("http://127.0.0.1:9090", &served.admin);
    let printed = run(&script, Path::new(".")).await;
    assert!(printed.contains("oss_vend_build_info{version=") && printed.contains(r#""reasons":[]"#), "{printed}");
}

#[test]
fn every_reason_of_readyz_has_its_row() {
    let source = fs::read_to_string("src/api/health/reasons.rs").unwrap();
    let words = source.split('"').skip(1).step_by(2);
    let codes: BTreeSet<_> = words.filter(|word| word.chars().all(|c| c == '_' || c.is_ascii_lowercase())).collect();
    let page = page("docs/observability.md").text;
    let rows = page.split_once("## `/readyz`").unwrap().1.split_once("## Metrics").unwrap().0;
    let shown = rows.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(codes, shown);
}
