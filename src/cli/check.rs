//! `oss-vend check`: is the cloud side right?

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use oss_vend::check::{self, Calls, Event, Options, Report, Step, Unusable, Verdict};
use oss_vend::clock::SystemClock;
use oss_vend::config::{Environment, Settings};
use serde_json::json;

/// The status of a process that found something failed.
const FAILED: u8 = 1;
/// The status of a process whose configuration cannot be used.
const UNUSABLE: u8 = 2;

/// Ask STS and OSS whether all is as the configuration needs it, and say what to change.
///
/// Reads the configuration as `serve` does, then goes step by step: AccessKey, STS, clock, a session for each grant, the
/// bucket, its region and its domain, uploads and reads within each grant, the same outside, where it must be refused,
/// CORS for the pages of [cors], and the lifecycle rule for unfinished uploads. It writes a few small objects whose names
/// begin with oss-vend-check- and removes them. The exit status is 0 if nothing failed, 1 if something did, 2 if the
/// configuration cannot be used.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file; without it, the environment alone.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check this grant alone; may be given several times.
    #[arg(long, value_name = "NAME")]
    grant: Vec<String>,
    /// The made-up caller whose directory is probed.
    #[arg(long, value_name = "ID", default_value = "oss-vend-check")]
    caller: String,
    /// Write, read and remove nothing in the bucket.
    #[arg(long)]
    no_probes: bool,
    /// The longest for one step, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Arguments { config, grant, caller, no_probes, timeout, json } = arguments;
    let options = Options { grants: grant, caller, probes: !no_probes, patience: Duration::from_secs(timeout) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let loaded = Settings::load(config.as_deref(), &Environment::of_process())?;
        check::run(loaded, Arc::new(SystemClock::new()), &options, &mut |event| tell(event, json)).await
    });
    match outcome {
        Ok(report) => {
            let printed = if json { serde_json::to_string_pretty(&report)? } else { summary(&report) };
            writeln!(stdout(), "{printed}")?;
            Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
        }
        Err(unusable) => {
            say_unusable(&unusable, json)?;
            Ok(ExitCode::from(UNUSABLE))
        }
    }
}

/// Steps as they end; while one goes on, a terminal shows its name.
fn tell(event: Event<'_>, json: bool) {
    let on_terminal = stderr().is_terminal();
    // A reader that went away is no reason to leave objects behind.
    let _told = match event {
        Event::Begins(id, grant) if on_terminal => {
            write!(stderr(), "\r\x1b[K… {id} {}", grant.unwrap_or_default()).and_then(|()| stderr().flush())
        }
        Event::Ended(_) if on_terminal && json => write!(stderr(), "\r\x1b[K"),
        Event::Ended(step) if !json => {
            let cleared = if on_terminal { write!(stderr(), "\r\x1b[K") } else { Ok(()) };
            cleared.and_then(|()| writeln!(stdout(), "{}", line(step)))
        }
        Event::Begins(..) | Event::Ended(_) => Ok(()),
    };
}

fn line(step: &Step) -> String {
    let grant = step.grant.as_deref().map(|grant| format!(" [{grant}]")).unwrap_or_default();
    let line = format!("{:<8} {}{grant}: {}", word(step.verdict), step.id, step.detail);
    match &step.hint {
        Some(hint) => format!("{line}\n         → {}", hint.replace('\n', "\n           ")),
        None => line,
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "WARNING",
        Verdict::Failed => "FAILED",
        Verdict::Skipped => "skipped",
    }
}

fn summary(report: &Report) -> String {
    let count = |verdict| report.steps.iter().filter(|step| step.verdict == verdict).count();
    let Calls { sts, oss } = report.calls;
    format!(
        "\n{} ok, {} warnings, {} failed, {} skipped; {sts} calls of STS and {oss} requests to OSS were made",
        count(Verdict::Ok),
        count(Verdict::Warning),
        count(Verdict::Failed),
        count(Verdict::Skipped)
    )
}

fn say_unusable(unusable: &Unusable, json: bool) -> std::io::Result<()> {
    let detail = unusable.to_string();
    if json {
        let step = json!({ "id": "configuration", "verdict": "failed", "detail": detail, "took": 0 });
        let report = json!({ "ok": false, "steps": [step], "calls": { "sts": 0, "oss": 0 } });
        return writeln!(stdout(), "{report:#}");
    }
    writeln!(stderr(), "oss-vend: {detail}")
}
