//! `oss-vend explain`: what a grant would hand to a caller, and why it would not.

mod decide;
mod text;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use oss_vend::api;
use oss_vend::caller::{Caller, Unauthenticated};
use oss_vend::clock::{Clock, SystemClock};
use oss_vend::config::{Configured, Environment, Settings};
use serde_json::{Map, Value};

use self::decide::{Decision, Explanation};

/// The status of a process whose answer is no.
const DENIED: u8 = 3;

/// Show what a grant would hand to a caller: directory, session, exact policy, conditions, headers; or why not.
///
/// Nothing is sent: the decision is the server's own, and no AccessKey is needed. Without --method, credentials and a form
/// are shown as far as the grant has them, and with --key or --filename its URLs too. The exit status is 0 if all that is
/// shown is allowed, 3 if something is denied, 1 if the configuration is wrong.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file; without it, the environment alone.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The grant.
    #[arg(long, value_name = "NAME", default_value = "default")]
    grant: String,
    /// The caller's id; without it, an anonymous caller.
    #[arg(long, value_name = "ID")]
    caller: Option<String>,
    /// A claim of the caller's: level=3, admin=true and roles=[1,2] are read as JSON, anything else is a text.
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim, requires = "caller")]
    claim: Vec<(String, Value)>,
    /// What is asked for.
    #[arg(long, value_name = "METHOD", value_parser = ["STS", "POST", "PUT", "GET", "HEAD", "DELETE"], ignore_case = true)]
    method: Option<String>,
    /// The object's key.
    #[arg(long, value_name = "KEY", conflicts_with = "filename")]
    key: Option<String>,
    /// The name of a file whose key the grant makes.
    #[arg(long, value_name = "NAME")]
    filename: Option<String>,
    /// The file's content type.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// The file's size in bytes.
    #[arg(long, value_name = "BYTES")]
    size: Option<u64>,
    /// The processing that a GET asks for, such as image/resize,w_200.
    #[arg(long, value_name = "TEXT", requires = "key")]
    process: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let configured = Settings::load(arguments.config.as_deref(), &Environment::of_process())?.build()?;
    let explanation = explain(arguments, &configured)?;
    let printed = if arguments.json { serde_json::to_string_pretty(&explanation)? } else { text::of(&explanation) };
    writeln!(stdout(), "{}", printed.trim_end())?;
    Ok(if explanation.is_allowed() { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
}

fn explain<'a>(arguments: &'a Arguments, configured: &'a Configured) -> Result<Explanation<'a>, String> {
    let grant = configured.grants.get(&arguments.grant).ok_or_else(|| {
        let names: Vec<_> = configured.grants.keys().map(String::as_str).collect();
        format!("there is no grant {:?}; there are {}", arguments.grant, names.join(", "))
    })?;
    let decision = Decision { grant, caller: &caller(arguments), arguments, now: SystemClock::new().now() };
    let authenticator = &configured.authenticator;
    let turned_away = arguments.caller.is_none() && authenticator.knows_callers() && !authenticator.anonymous;
    let turned_away = turned_away.then(|| api::unauthenticated(&Unauthenticated::NoProof, authenticator));
    Ok(decision.explain(turned_away.as_ref()))
}

fn caller(arguments: &Arguments) -> Caller {
    let claims: Map<_, _> = arguments.claim.iter().cloned().collect();
    arguments.caller.as_deref().map_or_else(Caller::anonymous, |id| Caller::known(id, claims))
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("is not NAME=VALUE")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}
