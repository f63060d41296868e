//! The program as an operator runs it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod check;
mod explain;
mod hosts;
mod logs;
mod reload;
mod serve;
mod stop;
mod trail;

use std::path::Path;
use std::process::Command;

/// The program, with an environment of its own.
fn oss_vend(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oss-vend"));
    command.env_clear().current_dir(folder);
    command
}
