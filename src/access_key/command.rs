//! A program that prints the key.

use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::error::Fault;
use super::outbound::MAX_ANSWER;

/// What `command`, a program and its arguments, prints; no shell reads it. Dropping the future kills the program.
///
/// What it prints to standard error is dropped: nobody knows what is in it.
pub(super) async fn output(command: &[String]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let Some((program, arguments)) = command.split_first() else { return Err(Fault::Lacks("program to run")) };
    let failed = |error: std::io::Error| Fault::Command(format!("{program} does not run: {}", error.kind()));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_ANSWER + 1));
    if let Some(printed) = child.stdout.take() {
        printed.take(MAX_ANSWER as u64 + 1).read_to_end(&mut text).await.map_err(failed)?;
    }
    if text.len() > MAX_ANSWER {
        return Err(Fault::TooLong);
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() { Ok(text) } else { Err(Fault::Command(format!("{program} ended with {status}"))) }
}
