//! The program as an operator starts it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Answer, http};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oss-vend"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    program(arguments).envs(environment.iter().copied()).output().unwrap()
}

#[track_caller]
fn refuses(arguments: &[&str], environment: &[(&str, &str)], words: &[&str]) {
    let output = run(arguments, environment);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

/// A child that is killed with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

const PLAIN: [(&str, &str); 5] = [
    ("ACCESS_KEY_ID", "LTAIemulatorNotARealKey"),
    ("ACCESS_KEY_SECRET", "emulatorSecretNotARealOne"),
    ("RAM_ROLE_ARN", "acs:ram::1234567890123456:role/oss-vend-dev"),
    ("BUCKET", "examplebucket"),
    ("REGION", "oss-cn-hangzhou"),
];

#[test]
fn a_start_that_cannot_work_says_what_is_missing() {
    refuses(&["serve"], &[], &["BUCKET", "REGION"]);
    let off = [&PLAIN[2..], &[("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")]].concat();
    refuses(&["serve"], &off, &["no AccessKey", "ALIBABA_CLOUD_ACCESS_KEY_ID"]);
    let searched = [&off[..], &[("HOME", "/nonexistent")]].concat();
    refuses(
        &["serve"],
        &searched,
        &["no AccessKey", "/nonexistent/.aliyun/config.json", "ALIBABA_CLOUD_ACCESS_KEY_ID"],
    );
    refuses(&["serve"], &PLAIN[1..], &["ACCESS_KEY_ID"]);
    refuses(&["serve", "--config", "/nonexistent.toml"], &PLAIN, &["/nonexistent.toml"]);
    refuses(&["serve", "--listen", "nowhere.invalid:1"], &PLAIN, &["nowhere.invalid:1"]);
}

#[test]
fn an_open_listener_without_authentication_is_refused() {
    refuses(&["serve", "--listen", "0.0.0.0:0"], &PLAIN, &["--insecure-allow-anonymous", "[[auth.api_keys]]"]);
    refuses(
        &["dev", "--listen", "0.0.0.0:0", "--oss-listen", "127.0.0.1:0", "--sts-listen", "127.0.0.1:0"],
        &[],
        &["--insecure-allow-anonymous"],
    );
}

#[test]
fn a_misspelt_key_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("oss-vend.toml");
    std::fs::write(&file, "[grants.default]\nbukcet = \"examplebucket\"\n").unwrap();
    refuses(
        &["serve", "--config", file.to_str().unwrap()],
        &PLAIN,
        &["oss-vend.toml:2:", "\"bukcet\"", "did you mean \"bucket\"?"],
    );
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(&["serve", "--listen", &address], &PLAIN, &[&address, "cannot be listened on"]);
}

#[test]
fn the_help_teaches() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["dev", "--help"], &["key", "new", "--help"]] {
        let help = String::from_utf8(run(arguments, &[]).stdout).unwrap();
        assert!(help.contains("Usage:") && help.len() > 200, "{help}");
    }
}

#[test]
fn a_new_key_is_shown_once_with_the_lines_for_the_file() {
    let shown = String::from_utf8(run(&["key", "new", "--id", "supplier-b"], &[]).stdout).unwrap();
    let lines = shown.split("[[auth.api_keys]]").nth(1).unwrap();
    let key = shown.lines().find_map(|line| line.trim().strip_prefix("ovk_")).unwrap();
    assert!(lines.contains("id = \"supplier-b\"") && lines.contains("hash = \"sha256:") && !lines.contains(key));
    refuses(&["key", "new", "--id", "a/b"], &[], &["--id"]);
}

#[tokio::test]
async fn the_environment_alone_is_enough() {
    let (_cloud, addresses) = dev();
    let sts = addresses["sts"].as_str().unwrap();
    let oss = addresses["oss"].as_str().unwrap();
    let more =
        [("OSS_VEND__STS__ENDPOINT", sts), ("OSS_ENDPOINT", oss), ("OSS_VEND__GRANTS__DEFAULT__METHODS", "put,get")];
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.envs(PLAIN).envs(more).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let _server = Running(child);
    let address = log.lines().map(Result::unwrap).find_map(|line| listening(&line)).unwrap();
    let url = format!("http://{address}/presigned-url");
    let put = Answer::of(http().get(format!("{url}?filename=a.txt"))).await.json();
    let sent = http().put(put["url"].as_str().unwrap()).header("content-type", "text/plain").body("hello");
    assert_eq!(Answer::of(sent).await.status, 200);
    let get = Answer::of(http().get(format!("{url}?method=GET&key={}", put["key"].as_str().unwrap()))).await.json();
    assert_eq!(Answer::of(http().get(get["url"].as_str().unwrap())).await.text, "hello");
}

/// `oss-vend dev` in a process of its own, and where it listens.
fn dev() -> (Running, Value) {
    let listen = [
        "dev",
        "--print-json",
        "--listen",
        "127.0.0.1:0",
        "--oss-listen",
        "127.0.0.1:0",
        "--sts-listen",
        "127.0.0.1:0",
    ];
    let mut child = program(&listen).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Running(child), serde_json::from_str(&line).unwrap())
}

/// The address in the log line that tells it.
fn listening(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    (event["message"] == "listening").then(|| event["address"].as_str().map(str::to_owned))?
}

#[test]
#[cfg(not(feature = "otel"))]
fn a_collector_is_refused_by_a_program_that_has_no_spans() {
    let with = |variable| PLAIN.into_iter().chain([(variable, "http://127.0.0.1:4318")]).collect::<Vec<_>>();
    refuses(&["serve"], &with("OSS_VEND__OTEL__ENDPOINT"), &["otel.endpoint", "--features otel"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // What clusters give to every program keeps none from starting: it comes as far as its listener.
    refuses(&["serve", "--listen", &address], &with("OTEL_EXPORTER_OTLP_ENDPOINT"), &["cannot be listened on"]);
}
