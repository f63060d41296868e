//! `oss-vend check` and `oss-vend explain-error`, against `oss-vend dev` as a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::oss_vend;

/// The emulated cloud, until it is dropped.
struct Cloud {
    process: Child,
    addresses: Value,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Cloud {
    fn start(folder: &Path) -> Self {
        let any = "127.0.0.1:0";
        let mut process = oss_vend(folder)
            .args(["dev", "--print-json", "--listen", any, "--oss-listen", any, "--sts-listen", any])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, addresses: serde_json::from_str(&line).unwrap() }
    }

    /// A configuration for this cloud, with `more` in its grant.
    fn configuration(&self, folder: &Path, more: &str) {
        let address = |name: &str| self.addresses[name].as_str().unwrap();
        let text = format!(
            r#"
[sts]
endpoint = "{}"
role_arn = "acs:ram::1234567890123456:role/oss-vend-dev"
[access_key]
id = "LTAIemulatorNotARealKey"
secret = "emulatorSecretNotARealOne"
[auth]
anonymous = true
[grants.default]
bucket = "examplebucket"
region = "cn-hangzhou"
endpoint = "{}"
dir = "uploads/"
methods = ["sts", "post", "put", "get"]
{more}
"#,
            address("sts"),
            address("oss")
        );
        fs::write(folder.join("oss-vend.toml"), text).unwrap();
    }
}

fn told(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    told(oss_vend(folder).args(["check", "--config", "oss-vend.toml"]).args(arguments))
}

#[test]
fn an_operator_reads_the_steps_and_a_program_the_json() {
    let folder = TempDir::new().unwrap();
    let cloud = Cloud::start(folder.path());
    cloud.configuration(folder.path(), "");
    let (code, told, complained) = check(folder.path(), &[]);
    assert_eq!(code, Some(0), "{told}{complained}");
    assert_eq!(complained, "");
    for line in
        ["ok       access-key: LTAI****lKey from configuration", "ok       outside [default]", "WARNING  lifecycle"]
    {
        assert!(told.contains(line), "{told}");
    }
    assert!(told.trim_end().ends_with("requests to OSS were made"), "{told}");
    let (code, told, _) = check(folder.path(), &["--json", "--grant", "default", "--no-probes"]);
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)));
    for step in report["steps"].as_array().unwrap() {
        for member in ["id", "verdict", "detail", "took"] {
            assert!(!step[member].is_null(), "{member}: {step}");
        }
        assert_ne!(step["id"], "put");
    }
}

#[test]
fn the_exit_status_tells_what_failed_from_what_cannot_be_used() {
    let folder = TempDir::new().unwrap();
    let cloud = Cloud::start(folder.path());
    let policy = |resource: &str, statements: usize| {
        let statement =
            format!(r#"{{"Effect":"Allow","Action":["oss:PutObject","oss:GetObject"],"Resource":["{resource}"]}}"#);
        let all = vec![statement; statements].join(",");
        fs::write(folder.path().join("policy.json"), format!(r#"{{"Version":"1","Statement":[{all}]}}"#)).unwrap();
        cloud.configuration(folder.path(), "policy = \"policy.json\"");
    };
    policy("acs:oss:*:*:examplebucket/*", 1);
    let (code, told, _) = check(folder.path(), &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("FAILED   outside [default]: the credentials can put, get anywhere in the bucket"), "{told}");
    assert!(told.contains("the file of `grants.default.policy`"), "{told}");
    policy("acs:oss:*:*:examplebucket/uploads/*", 30);
    let (code, _, complained) = check(folder.path(), &[]);
    assert_eq!(code, Some(2));
    assert!(complained.contains("grants.default.policy") && complained.contains("STS takes 2048"), "{complained}");
    let (code, told, _) = check(folder.path(), &["--json"]);
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &report["steps"][0]["id"]), (Some(2), &Value::from("configuration")));
    let (code, _, complained) = check(folder.path(), &["--grant", "nope"]);
    assert_eq!(code, Some(2), "{complained}");
}

#[test]
fn an_error_is_explained_from_a_file_or_a_pipe() {
    let folder = TempDir::new().unwrap();
    let answer = "< HTTP/1.1 403 Forbidden\n<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access denied by \
                  authorizer's policy.</Message><RequestId>ABC</RequestId><EC>0003-00000301</EC></Error>\n";
    fs::write(folder.path().join("error.txt"), answer).unwrap();
    let expected = "\
OSS answered AccessDenied (EC 0003-00000301)
it says    Access denied by authorizer's policy.
request    ABC
meaning    the session's own policy does not allow this
change     compare method and key with `grants.*.methods` and `grants.*.dir` (`oss-vend explain` shows the policy), or mend \
the file of `grants.*.policy`
";
    let (code, said, _) = told(oss_vend(folder.path()).args(["explain-error", "error.txt"]));
    assert_eq!((code, said.as_str()), (Some(0), expected));
    let mut piped = oss_vend(folder.path())
        .args(["explain-error", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    piped.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let said: Value = serde_json::from_slice(&piped.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!((&said["code"], &said["known"]), (&Value::from("AccessDenied"), &Value::Bool(true)));
    fs::write(folder.path().join("page.html"), "<html>").unwrap();
    let (code, _, complained) = told(oss_vend(folder.path()).args(["explain-error", "page.html"]));
    assert_eq!(code, Some(1));
    assert!(complained.contains("there is no error of OSS or STS in it"), "{complained}");
}
