//! The log of a running server: its form, its levels, and what each line belongs to.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::oss_vend;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A server that no STS stands behind, and its log.
struct Logged {
    process: Child,
    log: BufReader<ChildStderr>,
    address: String,
    _folder: TempDir,
}

impl Logged {
    fn start(arguments: &[&str], log: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = oss_vend(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).envs([
            ("BUCKET", "examplebucket"),
            ("REGION", "cn-hangzhou"),
            ("RAM_ROLE_ARN", "acs:ram::1:role/r"),
            ("ACCESS_KEY_ID", "LTAIexample"),
            ("ACCESS_KEY_SECRET", "hush"),
            ("OSS_VEND__AUDIT__TO", "off"),
            ("OSS_VEND__STS__ENDPOINT", "http://127.0.0.1:1"),
            ("OSS_VEND_LOG", log),
        ]);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut logged = Self { process, log, address: String::new(), _folder: folder };
        let line = logged.line("listening");
        let address = line.split("127.0.0.1:").nth(1).unwrap();
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        logged.address = format!("127.0.0.1:{port}");
        logged
    }

    /// The next line with this text.
    fn line(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log ends before {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    fn event(&mut self, message: &str) -> Value {
        serde_json::from_str(&self.line(&format!("\"message\":\"{message}\""))).unwrap()
    }

    fn get(&self, path: &str, id: &str) -> u16 {
        let request =
            reqwest::Client::builder().no_proxy().build().unwrap().get(format!("http://{}{path}", self.address));
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let request = request.header("x-request-id", id).header("traceparent", traceparent);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(request.send()).unwrap().status().as_u16()
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _it_may_have_ended = self.process.kill();
        let _status = self.process.wait();
    }
}

#[test]
fn each_line_of_a_request_and_of_its_load_has_its_id_and_trace() {
    let mut logged = Logged::start(&[], "");
    assert_eq!(logged.get("/presigned-url?key=elsewhere/a.txt", "r-1"), 403, "the key is outside the directory");
    let refused = logged.event("request refused");
    assert_eq!((&refused["request_id"], &refused["trace_id"]), (&"r-1".into(), &TRACE.into()));
    assert_eq!(
        (&refused["level"], &refused["status"], &refused["path"]),
        (&"INFO".into(), &403.into(), &"/presigned-url".into())
    );
    assert_eq!(logged.get("/post-signature?filename=a.png", "r-2"), 503);
    let load = logged.event("session not opened");
    assert_eq!((&load["request_id"], &load["trace_id"]), (&"r-2".into(), &TRACE.into()));
    assert!(load["load"].as_str().is_some_and(|id| id.len() == 36), "{load}");
    let failed = logged.event("request failed");
    assert_eq!(
        (&failed["request_id"], &failed["level"], &failed["code"]),
        (&"r-2".into(), &"WARN".into(), &"sts_unavailable".into())
    );
    assert!(failed.get("load").is_none());
}

#[test]
fn a_success_is_logged_where_that_is_asked_for() {
    let mut logged = Logged::start(&[], "info,oss_vend::api=debug");
    assert_eq!(logged.get("/healthz", "r-1"), 200);
    assert_eq!(logged.event("request")["request_id"], "r-1");
    let mut quiet = Logged::start(&["--log", "info"], "trace");
    assert_eq!((quiet.get("/healthz", "r-1"), quiet.get("/nothing", "r-2")), (200, 404));
    let first = quiet.line("r-");
    assert!(first.contains("\"r-2\""), "the command line wins over OSS_VEND_LOG: {first}");
}

#[test]
fn the_form_can_be_told() {
    let mut logged = Logged::start(&["--log-format", "text"], "");
    assert_eq!(logged.get("/nothing", "r-1"), 404);
    let line = logged.line("request refused");
    assert!(line.ends_with(&format!(" request_id=r-1 trace_id={TRACE}\n")), "{line:?}");
    assert!(!line.contains('\u{1b}'), "no colours where there is no terminal: {line:?}");
}

#[test]
fn a_filter_that_cannot_be_read_is_told_by_its_source() {
    for (arguments, variable, source) in [(&["--log", "a=b=c"][..], "", "--log"), (&[], "a=b=c", "OSS_VEND_LOG")] {
        let folder = TempDir::new().unwrap();
        let mut command = oss_vend(folder.path());
        let output =
            command.args(["key", "new", "--id", "a"]).args(arguments).env("OSS_VEND_LOG", variable).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(source), "{said}");
    }
}
