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
/// What the pages' pieces leave out.
const REST: [(&str, &str); 3] = [
    ("RAM_ROLE_ARN", "acs:ram::1234567890123456:role/oss-upload"),
    ("BUCKET", "examplebucket"),
    ("REGION", "cn-hangzhou"),
];
/// What the examples' comments say to be made before the first start.
const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

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
fn the_container_starts_from_its_environment_alone_and_knows_its_callers() {
    let compose = fs::read_to_string("examples/config/compose.yaml").unwrap();
    let dockerfile = fs::read_to_string("Dockerfile").unwrap();
    let listen = dockerfile.lines().find_map(|line| line.strip_prefix("ENV OSS_VEND__LISTEN=")).unwrap();
    let variables = environment(&compose).into_iter().chain([("OSS_VEND__LISTEN".to_owned(), listen.to_owned())]);
    let mut loaded = Settings::load(None, &variables.collect()).unwrap();
    let address: SocketAddr = loaded.settings.listen.parse().unwrap();
    assert!(!address.ip().is_loopback());
    exposure::decide(&mut loaded.settings.auth, address, false).unwrap();
    assert!(!loaded.settings.auth.anonymous);
    start(loaded, "compose.yaml");
}

#[test]
fn the_image_is_built_by_the_compiler_that_the_crate_asks_for() {
    let (dockerfile, manifest) = (fs::read_to_string("Dockerfile").unwrap(), fs::read_to_string("Cargo.toml").unwrap());
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"')).unwrap();
    assert!(dockerfile.contains(&format!("ARG RUST={wanted}.")), "the Dockerfile has not Rust {wanted}");
}

fn start(loaded: Loaded, name: &str) {
    if let Err(error) = Server::new(loaded, Arc::new(SystemClock::new())) {
        panic!("{name}: {error}");
    }
}

/// The `environment:` of a compose file, with what the file takes from its `.env`.
fn environment(compose: &str) -> Vec<(String, String)> {
    let lines = compose.lines().skip_while(|line| line.trim() != "environment:").skip(1);
    let lines = lines.filter(|line| !line.trim().starts_with('#'));
    let pairs = lines.map_while(|line| line.strip_prefix("      ")?.split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), filled(value))).collect()
}

fn filled(value: &str) -> String {
    let bare = value.trim_matches(['"', '\'']);
    let bare = bare.replace("${OSS_VEND_ACCESS_KEY_ID}", KEY[0].1).replace("${OSS_VEND_ACCESS_KEY_SECRET}", KEY[1].1);
    bare.replace("${OSS_VEND_APP_HASH}", DIGEST)
}
