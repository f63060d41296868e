//! `oss-vend key new`: an API key for a caller's back end.

use std::io::{Write, stdout};

use clap::{Args, Subcommand};
use oss_vend::caller::ApiKey;

use super::Outcome;

/// Make API keys for callers that are programs, such as an application's own back end.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a new key, once, and the lines that go into the configuration file or the environment.
    New {
        /// The caller's id, which fills ${caller.id}: 1 to 128 of the characters A-Z a-z 0-9 _ . @ = -
        #[arg(long)]
        id: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Command::New { id } = &arguments.command;
    if !is_caller_id(id) {
        return Err("--id is 1 to 128 of the characters A-Z a-z 0-9 _ . @ = -, and neither \".\" nor \"..\"".into());
    }
    let (key, known) = ApiKey::new_for(id);
    writeln!(
        stdout(),
        "The key, which is shown only now; the caller sends it as \"Authorization: Bearer <key>\":\n\n  {}\n\n\
         For the configuration file:\n\n  [[auth.api_keys]]\n  id = \"{id}\"\n  hash = \"{hash}\"\n\n\
         Or for the environment:\n\n  API_KEY_ID={id}\n  API_KEY_HASH={hash}",
        key.expose(),
        hash = known.hash()
    )?;
    Ok(())
}

fn is_caller_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.@=-".contains(&byte))
        && id != "."
        && id != ".."
}
