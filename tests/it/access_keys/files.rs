//! A file that holds the key, and the files of the SDKs and the CLI.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use oss_vend::access_key::Source;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Bench;

pub(super) fn key(id: &str) -> Value {
    json!({"AccessKeyId": id, "AccessKeySecret": "hush-secret"})
}

/// Puts `text` in place at once, as Kubernetes and careful people do.
#[expect(clippy::needless_pass_by_value, reason = "texts and JSON alike are given, made on the spot")]
pub(super) fn swap(file: &Path, text: impl ToString) {
    let new = file.with_extension("new");
    fs::write(&new, text.to_string()).unwrap();
    fs::rename(&new, file).unwrap();
}

struct Mounted {
    folder: TempDir,
    bench: Bench,
}

impl Mounted {
    fn new(text: Option<&str>, source: impl Fn(PathBuf) -> Source) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("key");
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        Self { bench: Bench::new(source(file)), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("key")
    }
}

#[tokio::test]
async fn a_new_content_serves_within_seconds() {
    let mounted = Mounted::new(Some(&key("LTAIone").to_string()), Source::File);
    let bench = &mounted.bench;
    assert_eq!((bench.id().await.unwrap(), bench.keys.source()), ("LTAIone".into(), "file"));
    bench.advance(TimeDelta::minutes(1));
    assert_eq!(bench.id().await.unwrap(), "LTAIone");
    assert_eq!(bench.keys.status(&bench.clock).age, Some(TimeDelta::minutes(1)));
    swap(&mounted.file(), key("LTAItwo"));
    bench.advance(TimeDelta::seconds(3));
    assert_eq!(bench.id().await.unwrap(), "LTAItwo");
    assert_eq!(bench.keys.former().unwrap().id, "LTAIone");
    assert_eq!(bench.keys.status(&bench.clock).age, Some(TimeDelta::zero()));
}

#[tokio::test]
async fn a_broken_content_is_refused_and_the_old_key_stays() {
    let mounted = Mounted::new(Some(&key("LTAIone").to_string()), Source::File);
    let bench = &mounted.bench;
    bench.id().await.unwrap();
    let half = &key("LTAItwo").to_string()[..30];
    for broken in [half, "", "{}", "{\"AccessKeyId\":\"STS.x\",\"AccessKeySecret\":\"y\"}"] {
        swap(&mounted.file(), broken);
        bench.advance(TimeDelta::seconds(3));
        assert_eq!(bench.id().await.unwrap(), "LTAIone", "{broken}");
    }
    fs::remove_file(mounted.file()).unwrap();
    bench.advance(TimeDelta::hours(3));
    assert_eq!(bench.id().await.unwrap(), "LTAIone");
    swap(&mounted.file(), key("LTAItwo"));
    bench.advance(TimeDelta::seconds(3));
    assert_eq!(bench.id().await.unwrap(), "LTAItwo");
}

#[tokio::test]
async fn a_file_that_is_absent_at_the_start_may_come_later() {
    let mounted = Mounted::new(None, Source::File);
    let error = mounted.bench.error().await;
    assert!(error.contains("cannot be read") && error.contains(mounted.folder.path().to_str().unwrap()), "{error}");
    swap(&mounted.file(), key("LTAIone"));
    mounted.bench.advance(TimeDelta::seconds(3));
    assert_eq!(mounted.bench.id().await.unwrap(), "LTAIone");
}

#[tokio::test]
async fn a_folder_or_a_flood_is_no_key() {
    let mounted = Mounted::new(Some(&"x".repeat(300_000)), Source::File);
    assert_eq!(mounted.bench.error().await, "file: what was read is too long");
    let bench = Bench::new(Source::File(mounted.folder.path().to_owned()));
    assert!(bench.error().await.contains("cannot be read"));
}

#[tokio::test]
async fn a_temporary_key_in_a_file_ends_unless_it_is_replaced() {
    let mounted = Mounted::new(Some(&super::temporary("one", 60).to_string()), Source::File);
    let bench = &mounted.bench;
    bench.id().await.unwrap();
    bench.advance(TimeDelta::minutes(59));
    assert_eq!(bench.id().await.unwrap(), "STS.one");
    bench.advance(TimeDelta::minutes(2));
    assert_eq!(bench.error().await, "file: the key that it gave has expired");
    swap(&mounted.file(), super::temporary("two", 120));
    bench.advance(TimeDelta::seconds(3));
    assert_eq!(bench.id().await.unwrap(), "STS.two");
}

#[tokio::test]
async fn a_profile_of_the_sdks_is_read_and_watched() {
    let section = |name: &str, id: &str| {
        format!("[{name}]\ntype = access_key\naccess_key_id = {id}\naccess_key_secret = hush-secret\n")
    };
    let text = section("default", "LTAIother") + &section("mine", "LTAIone");
    let source = |file| Source::Profile { file, name: "mine".into() };
    let mounted = Mounted::new(Some(&text), source);
    assert_eq!((mounted.bench.id().await.unwrap(), mounted.bench.keys.source()), ("LTAIone".into(), "profile"));
    swap(&mounted.file(), section("mine", "LTAItwo"));
    mounted.bench.advance(TimeDelta::seconds(3));
    assert_eq!(mounted.bench.id().await.unwrap(), "LTAItwo");
    let nobody = Bench::new(Source::Profile { file: mounted.file(), name: "nobody".into() });
    assert_eq!(nobody.error().await, "profile: there is no profile \"nobody\"");
}

#[tokio::test]
async fn a_profile_of_the_cli_is_read_and_its_command_is_run_only_if_that_was_asked_for() {
    let printed = r#"{"mode":"AK","access_key_id":"LTAIprinted","access_key_secret":"hush-secret"}"#;
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("printed");
    fs::write(&output, printed).unwrap();
    let command = format!("/bin/cat {}", output.display());
    let config = json!({"current": "one", "profiles": [
        {"name": "one", "mode": "AK", "access_key_id": "LTAIone", "access_key_secret": "hush-secret"},
        {"name": "external", "mode": "External", "process_command": command},
        {"name": "person", "mode": "CloudSSO", "access_token": "hush-token"},
    ]});
    let of = |name: Option<&str>, commands| {
        let name = name.map(str::to_owned);
        Mounted::new(Some(&config.to_string()), |file| Source::Cli { file, name: name.clone(), commands })
    };
    let current = of(None, false).bench;
    assert!(current.id().await.is_err(), "its folder is gone");
    let current = of(None, false);
    assert_eq!((current.bench.id().await.unwrap(), current.bench.keys.source()), ("LTAIone".into(), "cli"));
    let external = of(Some("external"), true);
    assert_eq!(external.bench.id().await.unwrap(), "LTAIprinted");
    let error = of(Some("external"), false);
    assert!(error.bench.error().await.contains("access_key.source = \"cli\""));
    let person = of(Some("person"), true);
    assert!(person.bench.error().await.contains("belongs to a person who logs in with a browser"));
}
