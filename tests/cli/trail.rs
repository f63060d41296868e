//! The audit trail of a running server: standard output, and a file that is rotated.

use std::fs;

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
