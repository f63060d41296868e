//! Puts a table into `docs/performance.md`, between its markers: no figure there is typed by hand.

use std::fs;
use std::path::Path;
use std::process::Command;

use oss_vend::clock::{Clock, SystemClock};

/// Whether the arguments of this process have `flag`.
pub(crate) fn asked(flag: &str) -> bool {
    std::env::args().any(|argument| argument == flag)
}

/// The value that follows `flag` in the arguments.
pub(crate) fn asked_for(flag: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != flag).nth(1)
}

/// Whether to measure; `cargo test` runs each bench too, to see that it works.
pub(crate) fn is_bench() -> bool {
    asked("--bench")
}

/// Prints `table`, and with `--write` puts it between the markers of this `name`.
pub(crate) fn publish(name: &str, table: &str) {
    println!("{table}");
    if !asked("--write") {
        return;
    }
    for file in ["docs/performance.md", "README.md", "README.zh-CN.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(&path).unwrap();
        if let Some(text) = between(&text, name, table) {
            fs::write(&path, text).unwrap();
        }
    }
}

/// `text` with `table` between its markers, if it has them.
fn between(text: &str, name: &str, table: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{table}\n{end}{after}"))
}

/// The day and the machine.
pub(crate) fn circumstances() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("?", |(_, value)| value).to_owned()
    };
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let sha = if field("flags").contains("sha_ni") { "with" } else { "without" };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let rustc = String::from_utf8_lossy(&rustc);
    let rustc = rustc.split(' ').nth(1).unwrap_or("?");
    let day = SystemClock::new().now().date_naive();
    let (model, kernel) = (field("model name"), kernel.trim());
    format!("{day}, {cores} cores of {model} ({sha} SHA instructions), Linux {kernel}, rustc {rustc}")
}
