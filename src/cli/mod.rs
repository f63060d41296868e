//! The command line: `serve`, `dev`, `key new`, `explain`, `healthcheck`.

#![expect(
    clippy::doc_markdown,
    reason = "the comments on arguments are the help text, where backticks would be printed"
)]

mod dev;
mod explain;
mod healthcheck;
mod key;
mod log;
mod serve;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Vends just enough permission for a browser to upload straight to Alibaba Cloud OSS.
///
/// It holds a RAM user's AccessKey, asks STS for temporary credentials, and answers /sts (credentials), /post-signature
/// (a signed form) and /presigned-url (a signed URL). File bytes never pass through it.
///
/// Try it without a cloud account: `oss-vend dev`, then open http://127.0.0.1:8000/
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What is logged: error, warn, info, debug, trace, or by module such as "warn,oss_vend::sts=debug". Without it, what
    /// OSS_VEND_LOG says, else info: refusals and failures; debug logs every request.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// How: text for people, JSON for programs; auto is text on a terminal and JSON elsewhere.
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: log::Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Dev(dev::Arguments),
    Key(key::Arguments),
    Explain(explain::Arguments),
    Healthcheck(healthcheck::Arguments),
}

/// Runs what the arguments of the process say.
#[must_use]
pub(crate) fn run() -> ExitCode {
    let Arguments { command, log, log_format } = Arguments::parse();
    if let Err(error) = log::start(log.as_deref(), log_format) {
        return fail(&error);
    }
    let outcome = match command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Dev(arguments) => dev::run(arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Explain(arguments) => match explain::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Healthcheck(arguments) => healthcheck::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn fail(message: &str) -> ExitCode {
    let _nowhere_else_to_say_it = writeln!(std::io::stderr(), "oss-vend: {message}");
    ExitCode::FAILURE
}

/// Runs `future` with a thread for each core.
fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

/// Ends at Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(interrupt.await),
    }
    tracing::info!("stopping: requests that are under way are finished");
}
