//! The search where nothing is configured: the official SDKs' places in their order.

use std::fs;

use chrono::TimeDelta;
use oss_vend::access_key::{Chain, Metadata, Options, Source};
use oss_vend::config::{Environment, Loaded, Settings};
use reqwest::Url;
use serde_json::json;
use tempfile::TempDir;

use super::{Bench, StandIn, answer, sts, temporary};

const LEAST: &str =
    "[sts]\nrole_arn = \"acs:ram::1:role/r\"\n[grants.default]\nbucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\n";

fn loaded(variables: &[(&str, &str)]) -> Loaded {
    let environment: Environment = variables.iter().copied().collect();
    Settings::of_text("test.toml", LEAST, &environment).unwrap()
}

/// The places that are searched, as `Debug` names them.
fn places(variables: &[(&str, &str)]) -> Vec<String> {
    let shown = format!("{:?}", loaded(variables).key_sources.first);
    let mut found: Vec<_> = ["Oidc", "Cli(", "Profile(", "Ecs(", "Uri("]
        .into_iter()
        .filter_map(|name| Some((shown.find(name)?, name.trim_end_matches([' ', '{', '(']).to_owned())))
        .collect();
    found.sort();
    found.into_iter().map(|(_, name)| name).collect()
}

const POD: [(&str, &str); 3] = [
    ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p"),
    ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/pod"),
    ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"),
];

#[test]
fn the_places_are_those_of_the_sdks_in_their_order_and_each_can_be_left_out() {
    let uri = [("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:1/"), ("HOME", "/home/me")];
    assert_eq!(places(&[&POD[..], &uri].concat()), ["Oidc", "Cli", "Profile", "Ecs", "Uri"]);
    assert_eq!(places(&[]), ["Ecs"]);
    assert_eq!(places(&POD[..2]), ["Ecs"], "half of RRSA is none");
    let off = [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"), ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")];
    assert_eq!(places(&[&off[..], &[("HOME", "/home/me")]].concat()), ["Profile"]);
    assert!(loaded(&off).key_sources.first.is_none());
    assert!(!loaded(&[("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")]).key_sources.imds_v1);
    let key = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")];
    let given = loaded(&[&POD[..], &key].concat());
    assert!(given.access_key.is_some() && given.key_sources.first.is_none(), "a key in the environment comes first");
}

#[tokio::test]
async fn the_first_that_has_a_key_serves_and_is_asked_first_from_then_on() {
    let folder = TempDir::new().unwrap();
    let (cli, profile) = (folder.path().join("config.json"), folder.path().join("credentials"));
    fs::write(&profile, "[default]\ntype = access_key\naccess_key_id = LTAIprofile\naccess_key_secret = hush-secret\n")
        .unwrap();
    let uri = StandIn::start("x", |_| answer(200, temporary("uri", 60))).await;
    let sources = vec![
        Source::Cli { file: cli.clone(), name: None, commands: false },
        Source::Profile { file: profile, name: "default".into() },
        Source::Uri(Url::parse(&uri.address).unwrap()),
    ];
    let bench = Bench::new(Source::Chain(Chain::new(sources)));
    assert_eq!(bench.keys.source(), "search");
    assert_eq!((bench.id().await.unwrap(), bench.keys.source()), ("LTAIprofile".into(), "profile"));
    let config = json!({"current": "d", "profiles": [
        {"name": "d", "mode": "AK", "access_key_id": "LTAIcli", "access_key_secret": "hush-secret"}]});
    fs::write(&cli, config.to_string()).unwrap();
    bench.advance(TimeDelta::minutes(1));
    assert_eq!(bench.id().await.unwrap(), "LTAIprofile", "a place that comes later changes nothing");
    assert_eq!(uri.count(), 0);
}

#[tokio::test]
async fn where_no_place_has_a_key_each_says_why() {
    let imds = StandIn::start("x", |_| answer(404, "")).await;
    let folder = TempDir::new().unwrap();
    let sources = vec![
        Source::Cli { file: folder.path().join("config.json"), name: None, commands: false },
        Source::Ecs { role: None },
    ];
    let metadata = Metadata { base: Url::parse(&imds.address).unwrap(), v1: true };
    let first = Source::Chain(Chain::new(sources));
    let bench = Bench::of(Options { first, second: None, sts: sts("http://127.0.0.1:1"), metadata });
    let error = bench.error().await;
    assert!(error.contains("config.json cannot be read") && error.contains("ecs: no RAM role is attached"), "{error}");
}
