//! The audit trail of a running server: standard output, and a file that is rotated.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::oss_vend;

/// A running `oss-vend serve`, killed when the test ends early.
struct Serve {
    process: Child,
    log: BufReader<ChildStderr>,
    address: String,
}

impl Serve {
    /// Starts one whose trail goes `to` somewhere, and waits until it listens.
    fn start(folder: &TempDir, to: &str) -> Self {
        let mut command = oss_vend(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).envs([
            ("BUCKET", "examplebucket"),
            ("REGION", "cn-hangzhou"),
            ("RAM_ROLE_ARN", "acs:ram::1:role/r"),
            ("ACCESS_KEY_ID", "LTAIexample"),
            ("ACCESS_KEY_SECRET", "hush"),
            ("OSS_VEND__AUDIT__TO", to),
        ]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut serve = Self { process, log, address: String::new() };
        let event = serve.until("listening");
        event["address"].as_str().unwrap().clone_into(&mut serve.address);
        serve
    }

    /// The next event of the log with this message.
    fn until(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log ends before {message:?}");
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["message"] == message {
                return event;
            }
        }
    }

    /// Asks for a grant that does not exist, which needs nobody else.
    fn refuse(&self, id: &str) {
        let url = format!("http://{}/sts?grant=nope", self.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = runtime.block_on(client.get(url).header("x-request-id", id).send()).unwrap();
        assert_eq!(answer.status(), 404);
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it in the way of a container's runtime, and gives what it wrote to standard output.
    fn stop(mut self) -> String {
        self.signal("TERM");
        let mut out = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(self.process.wait().unwrap().success());
        out
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _it_may_have_ended = self.process.kill();
    }
}

fn ids(text: &str) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["requestId"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

#[test]
fn standard_output_has_the_trail_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let serve = Serve::start(&folder, "stdout");
    serve.refuse("r-1");
    serve.refuse("r-2");
    assert_eq!(ids(&serve.stop()), ["r-1", "r-2"], "what waits is written before the end");
}

#[test]
fn a_file_is_opened_again_at_sighup() {
    let folder = TempDir::new().unwrap();
    let [file, old] = ["audit.log", "audit.log.1"].map(|name| folder.path().join(name));
    let mut serve = Serve::start(&folder, "audit.log");
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
