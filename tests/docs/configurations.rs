//! The configurations load, and a server starts with each.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use oss_vend::clock::SystemClock;
use oss_vend::config::{Environment, Loaded, Settings};
use oss_vend::server::{Server, exposure};

use super::pages::blocks;

const KEY: [(&str, &str); 2] = [("ACCESS_KEY_ID", "LTAI5tExample"), ("ACCESS_KEY_SECRET", "ExampleExample")];
/// What the webhook of ACK gives a pod.
const RRSA: [(&str, &str); 3] = [
    ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0ffee"),
    ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token"),
    ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1234567890123456:role/oss-vend"),
];
/// What the pages' pieces leave out.
const REST: [(&str, &str); 3] = [
    ("RAM_ROLE_ARN", "acs:ram::1234567890123456:role/oss-upload"),
    ("BUCKET", "examplebucket"),
    ("REGION", "cn-hangzhou"),
];

#[test]
fn the_configurations_of_the_pages_start_a_server() {
    let environment: Environment = KEY.into_iter().chain(REST).collect();
    for shown in blocks("config") {
        start(Settings::of_text("docs", &shown.text, &environment).unwrap(), &shown.text);
    }
}

#[test]
fn the_example_files_start_a_server() {
    let environment: Environment = KEY.into_iter().collect();
    for name in ["per-caller-uploads.toml", "public-images.toml"] {
        let path = Path::new("examples/config").join(name);
        start(Settings::load(Some(&path), &environment).unwrap(), name);
    }
}

#[test]
fn the_files_of_the_deployments_start_a_server_that_knows_its_callers() {
    let environment: Environment = KEY.into_iter().collect();
    for name in ["compose/config/oss-vend.toml", "systemd/oss-vend.toml"] {
        let text = fs::read_to_string(Path::new("examples/deploy").join(name)).unwrap();
        let loaded = Settings::of_text(name, &outside(&text), &environment).unwrap();
        guarded(loaded, name);
    }
}

#[test]
fn the_configuration_of_the_pods_starts_a_server_with_what_is_injected() {
    let folder = Path::new("examples/deploy/kubernetes");
    let literal = |file: &str, key: &str| {
        let manifest = fs::read_to_string(folder.join(file)).unwrap();
        let after = manifest.split_once(&format!("{key}: |\n")).unwrap().1.to_owned();
        after.lines().map(str::trim_start).collect::<Vec<_>>().join("\n")
    };
    let api_keys = literal("secret.yaml", "api-keys");
    let environment = RRSA.into_iter().chain([("OSS_VEND__AUTH__API_KEYS", api_keys.trim())]).collect();
    let loaded =
        Settings::of_text("configmap.yaml", &literal("configmap.yaml", "oss-vend.toml"), &environment).unwrap();
    guarded(loaded, "configmap.yaml");
}

#[test]
fn the_container_s_own_environment_refuses_strangers() {
    let dockerfile = fs::read_to_string("Dockerfile").unwrap();
    let listen = dockerfile.lines().find_map(|line| line.strip_prefix("ENV OSS_VEND__LISTEN=")).unwrap();
    let environment = KEY.into_iter().chain(REST).chain([("OSS_VEND__LISTEN", listen)]).collect();
    let mut loaded = Settings::load(None, &environment).unwrap();
    let address: SocketAddr = loaded.settings.listen.parse().unwrap();
    assert!(!address.ip().is_loopback());
    assert!(exposure::decide(&mut loaded.settings.auth, &address.into(), false).is_err());
}

#[test]
fn what_the_image_copies_is_there_and_let_through() {
    let (dockerfile, ignore) =
        (fs::read_to_string("Dockerfile").unwrap(), fs::read_to_string(".dockerignore").unwrap());
    let copies =
        dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--"));
    let sources = copies.flat_map(|line| line.rsplit_once(' ').unwrap().0.split(' '));
    for source in sources {
        assert!(Path::new(source).exists(), "there is no {source}");
        assert!(ignore.lines().any(|line| line.strip_prefix('!') == Some(source)), ".dockerignore keeps {source} back");
    }
}

#[test]
fn the_image_is_built_by_the_compiler_that_the_crate_asks_for() {
    let (dockerfile, manifest) = (fs::read_to_string("Dockerfile").unwrap(), fs::read_to_string("Cargo.toml").unwrap());
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"')).unwrap();
    assert!(dockerfile.contains(&format!("ARG RUST={wanted}.")), "the Dockerfile has not Rust {wanted}");
}

#[test]
fn the_image_has_every_file_that_the_manifest_names() {
    let (dockerfile, manifest) = (fs::read_to_string("Dockerfile").unwrap(), fs::read_to_string("Cargo.toml").unwrap());
    for bench in manifest.split("[[bench]]\n").skip(1).map(|rest| rest.split("\n\n").next().unwrap()) {
        let of =
            |key: &str| bench.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        let file = of("path").map_or_else(|| format!("benches/{}.rs", of("name").unwrap()), str::to_owned);
        assert!(
            dockerfile.contains(&format!(" {file} ")),
            "cargo does not build without {file}, which the Dockerfile has not"
        );
    }
}

fn start(loaded: Loaded, name: &str) {
    if let Err(error) = Server::new(loaded, Arc::new(SystemClock::new())) {
        panic!("{name}: {error}");
    }
}

/// A server with this configuration takes nobody on trust, wherever it listens.
fn guarded(mut loaded: Loaded, name: &str) {
    let everywhere: SocketAddr = "0.0.0.0:8000".parse().unwrap();
    exposure::decide(&mut loaded.settings.auth, &everywhere.into(), false).unwrap();
    assert!(!loaded.settings.auth.serves_anonymous(), "{name}");
    start(loaded, name);
}

/// The same with its audit trail where a test may write.
fn outside(text: &str) -> String {
    text.replace("to = \"/var/log/oss-vend/audit.jsonl\"", "to = \"off\"")
}
