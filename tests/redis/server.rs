//! A `redis-server` of one's own.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// The longest that anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A server, killed when it is dropped.
pub(crate) struct Redis {
    process: Child,
    arguments: Vec<String>,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
}

impl Redis {
    /// A plain one; none if this machine has none and none is required.
    pub(crate) async fn start() -> Option<Self> {
        Self::with(&[]).await
    }

    /// One with further arguments, which answers.
    pub(crate) async fn with(arguments: &[&str]) -> Option<Self> {
        let redis = Self::launch("redis-server", free_port(), arguments, TempDir::new().unwrap())?;
        redis.is_up().await;
        Some(redis)
    }

    /// One that nobody has waited for.
    pub(crate) fn launch(program: &str, port: u16, arguments: &[&str], folder: TempDir) -> Option<Self> {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let process = spawn(program, port, &arguments, folder.path())?;
        Some(Self { process, arguments, port, folder })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    pub(crate) async fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.connection().await).await.unwrap()
    }

    /// The names that end with `what`.
    pub(crate) async fn names(&self, what: &str) -> Vec<String> {
        let mut names: Vec<String> = self.command(&["KEYS", &format!("*:{what}")]).await;
        names.sort();
        names
    }

    /// How many commands were received from clients since the start.
    pub(crate) async fn commands(&self) -> u64 {
        let text: String = self.command(&["INFO", "stats"]).await;
        let line = text.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.unwrap().trim().parse().unwrap()
    }

    pub(crate) async fn is_up(&self) {
        let end = Instant::now() + PATIENCE;
        let client = redis::Client::open(self.url()).unwrap();
        loop {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            assert!(Instant::now() < end, "redis-server does not start");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// A new one in the place of the one that was killed, with nothing in it.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn("redis-server", self.port, &self.arguments, self.folder.path()).unwrap();
        self.is_up().await;
    }

    pub(crate) fn pause(&self) {
        signal(self.process.id(), "STOP");
    }

    pub(crate) fn resume(&self) {
        signal(self.process.id(), "CONT");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap().success());
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[expect(clippy::disallowed_methods, reason = "whether Redis has to be there is said to the tests, not to the program")]
fn is_required() -> bool {
    std::env::var("OSS_VEND_TEST_REDIS").is_ok_and(|value| value == "required")
}

fn spawn(program: &str, port: u16, arguments: &[String], folder: &Path) -> Option<Child> {
    let mut command = Command::new(program);
    if program == "redis-server" {
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    }
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    match command.spawn() {
        Ok(mut process) => {
            // Drained, so that it never waits for us.
            let mut told = process.stderr.take().unwrap();
            std::thread::spawn(move || drop(told.read_to_end(&mut Vec::new())));
            Some(process)
        }
        Err(error) if is_required() => panic!("{program} cannot be started: {error}"),
        Err(error) => {
            println!("skipped: {program} cannot be started: {error}");
            None
        }
    }
}
