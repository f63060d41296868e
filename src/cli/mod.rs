//! The command line: `serve`, `dev`, `key new`, `explain`, `check`, `explain-error`, `healthcheck`, `openapi`.

#![expect(
    clippy::doc_markdown,
    reason = "the comments on arguments are the help text, where backticks would be printed"
)]

mod check;
mod dev;
mod explain;
mod explain_error;
mod healthcheck;
mod key;
mod log;
mod openapi;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use oss_vend::server::Ending;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

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
    Check(check::Arguments),
    ExplainError(explain_error::Arguments),
    Healthcheck(healthcheck::Arguments),
    Openapi(openapi::Arguments),
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
        Command::Check(arguments) => match check::run(arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::ExplainError(arguments) => explain_error::run(&arguments),
        Command::Healthcheck(arguments) => healthcheck::run(arguments),
        Command::Openapi(arguments) => openapi::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn fail(message: &str) -> ExitCode {
    let _nowhere_else_to_say_it = writeln!(io::stderr(), "oss-vend: {message}");
    ExitCode::FAILURE
}

/// Runs `future` with a thread for each core.
fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

/// The first Ctrl-C or SIGTERM, and the second.
fn stop_signals() -> io::Result<[oneshot::Receiver<()>; 2]> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let ((first, stop), (second, stop_at_once)) = (oneshot::channel(), oneshot::channel());
    tokio::spawn(async move {
        for told in [first, second] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            let _nobody_may_wait = told.send(());
        }
    });
    Ok([stop, stop_at_once])
}

/// How `serving` ended, or that it was not waited for.
async fn ended(serving: impl Future<Output = Ending>, stop_at_once: oneshot::Receiver<()>) -> Outcome {
    tokio::select! {
        ending = serving => match ending {
            Ending::Drained => Ok(()),
            Ending::CutOff { connections } => {
                Err(format!("{connections} connections did not end within shutdown_timeout and were cut off").into())
            }
        },
        Ok(()) = stop_at_once => Err("a second signal came: requests that were under way were cut off".into()),
    }
}
