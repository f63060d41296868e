//! The audit trail of a running server: standard output, and a file that is rotated.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::serve::Serve;

fn ids(text: &str) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["requestId"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

#[test]
fn standard_output_has_the_trail_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let serve = Serve::with(&folder, &[("OSS_VEND__AUDIT__TO", "stdout")]);
    serve.refuse("r-1");
    serve.refuse("r-2");
    assert_eq!(ids(&serve.stop()), ["r-1", "r-2"], "what waits is written before the end");
}

#[test]
fn a_file_is_opened_again_at_sighup() {
    let folder = TempDir::new().unwrap();
    let [file, old] = ["audit.log", "audit.log.1"].map(|name| folder.path().join(name));
    let mut serve = Serve::with(&folder, &[("OSS_VEND__AUDIT__TO", "audit.log")]);
    serve.refuse("r-1");
    fs::rename(&file, &old).unwrap();
    serve.signal("HUP");
    serve.until("the audit file is opened again");
    serve.refuse("r-2");
    assert_eq!(serve.stop(), "");
    let written = [&old, &file].map(|file| ids(&fs::read_to_string(file).unwrap()));
    assert_eq!(written.concat(), ["r-1", "r-2"]);
    assert!(written[1].contains(&"r-2".to_owned()));
}

/// Has `serve` record more than a pipe holds, as refusals of callers that prove nothing.
fn fill_a_pipe(serve: &Serve) {
    let path = format!("/presigned-url?key={}", "x".repeat(1100));
    for _ in 0..80 {
        assert_eq!(serve.get(&path).0, 400);
    }
}

/// How many events the log reports as not written.
fn unwritten(log: &str) -> u64 {
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut reports = events.filter(|event| event["message"].as_str().unwrap_or_default().starts_with(UNWRITTEN));
    let report = reports.next().unwrap_or_else(|| panic!("{log}"));
    assert!(reports.next().is_none(), "it is reported once: {log}");
    report["events"].as_u64().unwrap()
}

const UNWRITTEN: &str = "audit events are not written";

#[test]
fn standard_output_that_nobody_reads_delays_the_stop_by_seconds_and_is_reported() {
    let folder = TempDir::new().unwrap();
    let serve = Serve::with(&folder, &[("OSS_VEND__AUDIT__TO", "stdout")]);
    fill_a_pipe(&serve);
    serve.signal("TERM");
    let (code, log) = serve.end();
    assert_eq!(code, Some(0));
    assert!((1..=80).contains(&unwritten(&log)), "{log}");
}

#[test]
fn a_reload_leaves_standard_output_that_nobody_reads() {
    let folder = TempDir::new().unwrap();
    let config = |to: &str| {
        let text = format!("[audit]\nto = \"{to}\"\n[auth]\nanonymous = true\n");
        fs::write(folder.path().join("oss-vend.toml"), text).unwrap();
    };
    config("stdout");
    let arguments = ["--config", "oss-vend.toml", "--listen", "127.0.0.1:0"];
    let mut serve = Serve::start(&folder, &arguments, &[("BUCKET", "examplebucket")]);
    fill_a_pipe(&serve);
    config("audit.log");
    serve.signal("HUP");
    let report = serve.until("audit events are not written: the audit destination does not accept data");
    assert!(report["events"].as_u64().unwrap() > 0);
    serve.until("the configuration was reloaded");
    serve.refuse("r-1");
    serve.signal("TERM");
    assert_eq!(serve.end().0, Some(0));
    assert_eq!(ids(&fs::read_to_string(folder.path().join("audit.log")).unwrap()), ["r-1"]);
}

#[test]
fn a_fifo_that_nobody_reads_delays_neither_start_nor_answers() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut serve = Serve::with(&folder, &[("OSS_VEND__AUDIT__TO", "audit.fifo")]);
    fill_a_pipe(&serve);
    serve.signal("HUP");
    serve.until("the configuration was read again: nothing changed");
    serve.refuse("r-1");
    serve.signal("TERM");
    let (code, log) = serve.end();
    assert_eq!(code, Some(0));
    assert!(unwritten(&log) > 0);
}

#[test]
fn after_a_full_disk_the_trail_goes_on_and_tells_of_the_gap() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("audit.log");
    symlink("/dev/full", &file).unwrap();
    let mut serve = Serve::with(&folder, &[("OSS_VEND__AUDIT__TO", "audit.log")]);
    serve.refuse("r-1");
    assert_eq!(serve.until("audit events cannot be written")["lost"], 1);
    fs::remove_file(&file).unwrap();
    fs::write(&file, "{\"torn\":").unwrap();
    serve.signal("HUP");
    serve.until("the audit file is opened again");
    serve.refuse("r-2");
    assert_eq!(serve.stop(), "");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "{\"torn\":");
    let events: Vec<Value> = lines[1..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0], serde_json::json!({ "outcome": "dropped", "count": 1, "refusals": 0 }));
    assert_eq!(events[1]["requestId"], "r-2");
    assert_eq!(events.len(), 2);
}
