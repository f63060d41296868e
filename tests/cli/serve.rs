//! The server in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::oss_vend;

/// A running `oss-vend serve`, killed when the test ends early.
pub(crate) struct Serve {
    process: Child,
    log: BufReader<ChildStderr>,
    pub(crate) address: String,
}

impl Serve {
    /// Starts one without a file and with these variables too, and waits until it listens.
    pub(crate) fn with(folder: &TempDir, variables: &[(&str, &str)]) -> Self {
        Self::start(folder, &["--listen", "127.0.0.1:0"], &[&[("BUCKET", "examplebucket")], variables].concat())
    }

    /// The same with these arguments alone.
    pub(crate) fn start(folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = oss_vend(folder.path());
        command.arg("serve").args(arguments).envs(variables.iter().copied()).envs([
            ("REGION", "cn-hangzhou"),
            ("RAM_ROLE_ARN", "acs:ram::1:role/r"),
            ("ACCESS_KEY_ID", "LTAIexample"),
            ("ACCESS_KEY_SECRET", "hush"),
        ]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut serve = Self { process, log, address: String::new() };
        let event = serve.until("listening");
        event["address"].as_str().unwrap().clone_into(&mut serve.address);
        serve
    }

    /// The next event of the log with this message.
    pub(crate) fn until(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log ends before {message:?}");
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if event["message"] == message {
                return event;
            }
        }
    }

    /// The status of the answer to a GET that names this host.
    pub(crate) fn status_for_host(&self, path: &str, host: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The answer to a GET.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        runtime.block_on(async {
            let answer = client.get(url).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    /// Asks for a grant that does not exist, which needs nobody else.
    pub(crate) fn refuse(&self, id: &str) {
        let url = format!("http://{}/sts?grant=nope", self.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = runtime.block_on(client.get(url).header("x-request-id", id).send()).unwrap();
        assert_eq!(answer.status(), 404);
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it in the way of a container's runtime, and gives what it wrote to standard output.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        let mut out = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(self.process.wait().unwrap().success());
        out
    }
}

impl Serve {
    /// Waits for its end: the exit code, and what it said to the last.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.log.read_to_string(&mut said).unwrap();
        (self.process.wait().unwrap().code(), said)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _it_may_have_ended = self.process.kill();
    }
}
