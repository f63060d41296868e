//! A running `dev` in this process, and commands of a shell.

use std::path::Path;
use std::sync::Arc;

use oss_vend::clock::SystemClock;
use oss_vend::dev::{Addresses, Dev, Options};
use reqwest::Client;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::oneshot;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_oss-vend");

/// What `oss-vend dev` runs, until it is dropped.
pub(crate) struct RunningDev {
    pub(crate) addresses: Addresses,
    _stop: oneshot::Sender<()>,
}

impl RunningDev {
    pub(crate) async fn start() -> Self {
        let any = || "127.0.0.1:0".to_owned();
        let options = Options { listen: any(), oss_listen: any(), sts_listen: any(), ..Options::default() };
        let dev = Dev::bind(options, Arc::new(SystemClock::new())).await.unwrap();
        let addresses = dev.addresses();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(dev.run(async { drop(stopped.await) }));
        Self { addresses, _stop: stop }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.server)
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = http().get(self.url(path)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

pub(crate) fn http() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// A shell in `folder` that finds our program by its name and stops at the first failure.
pub(crate) fn shell(script: &str, folder: &Path) -> Command {
    let programs = Path::new(PROGRAM).parent().unwrap().display();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder).kill_on_drop(true);
    command.env_clear().env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"));
    command
}

/// Runs the script and returns what it printed.
pub(crate) async fn run(script: &str, folder: &Path) -> String {
    let output = shell(script, folder).output().await.unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
