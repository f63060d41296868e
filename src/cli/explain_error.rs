//! `oss-vend explain-error`: what an error of OSS or STS means.

use std::fs;
use std::io::{Read, Write, stdin, stdout};
use std::path::{Path, PathBuf};

use clap::Args;
use oss_vend::diagnose::{Answer, Asked, Diagnosis, diagnose};

use super::Outcome;

/// More than any answer with the noise of a terminal around it.
const MAX_INPUT: u64 = 1024 * 1024;

/// Say what an error answer of OSS or STS means, and what to change.
///
/// Takes the answer as it came, XML or JSON, also with HTTP headers or the output of `curl -v` around it. With the
/// request, what OSS signed is compared with what follows from the request, line by line. Nothing is sent, and neither
/// tokens nor signatures are shown.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file with the answer; - is the standard input.
    #[arg(value_name = "FILE")]
    answer: PathBuf,
    /// A file with the request: a URL, the head of the request, or the answer of /presigned-url. Without it, the request
    /// is looked for in FILE.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let text = read(&arguments.answer)?;
    let answer = Answer::read(&text).ok_or(
        "there is no error of OSS or STS in it: neither <Error> with a <Code> nor a JSON object with a \"Code\"; an HTML page \
         comes from a proxy or another host",
    )?;
    let asked = match &arguments.request {
        Some(file) => {
            Some(Asked::read(&read(file)?).ok_or("--request: there is neither a URL nor a request line in it")?)
        }
        // A URL alone may be any, such as that of the error's own documentation.
        None => Asked::read(&text).filter(|asked| asked.method.is_some()),
    };
    let diagnosis = diagnose(&answer, asked.as_ref());
    let printed = if arguments.json { serde_json::to_string_pretty(&diagnosis)? } else { in_words(&diagnosis) };
    writeln!(stdout(), "{}", printed.trim_end())?;
    Ok(())
}

fn read(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let outcome = if file == Path::new("-") {
        stdin().take(MAX_INPUT).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|opened| opened.take(MAX_INPUT).read_to_end(&mut bytes))
    };
    outcome.map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn in_words(diagnosis: &Diagnosis) -> String {
    let Diagnosis { service, code, ec, message, request_id, known, meaning, change, findings } = diagnosis;
    let ec = ec.as_ref().map(|ec| format!(" (EC {ec})")).unwrap_or_default();
    let mut lines = vec![format!("{service} answered {code}{ec}")];
    let mut push = |name: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("{name:<11}{text}"));
        }
    };
    push("it says", message);
    push("request", request_id.as_deref().unwrap_or_default());
    push("meaning", meaning.as_deref().unwrap_or_default());
    for finding in findings {
        push(finding.about, &finding.says);
    }
    push("change", change.as_deref().unwrap_or_default());
    if !known {
        push("unknown", "this code is not in our table; the cloud's own page on it, or its support, says more");
    }
    lines.join("\n")
}
