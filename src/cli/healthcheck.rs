//! `oss-vend healthcheck`: for containers, whose image has no other program that could ask.

use std::time::Duration;

use clap::Args;
use reqwest::Client;
use reqwest::redirect::Policy;

use super::{Outcome, block_on};

/// The longest time for the answer, below the time limit that container engines commonly set.
const PATIENCE: Duration = Duration::from_secs(4);

/// Ask a running server whether it answers; the exit code says so.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to ask: /healthz tells that the process answers, /readyz that it can vend.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000/healthz")]
    url: String,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    block_on(ask(arguments.url))
}

async fn ask(url: String) -> Outcome {
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build()?;
    let status = client.get(&url).send().await.map_err(|error| format!("{url}: {}", root(&error)))?.status();
    if status.is_success() { Ok(()) } else { Err(format!("{url}: {status}").into()) }
}

/// The innermost cause: "connection refused" says more than "error sending request".
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
