//! What each step of an answer costs by itself, beside the least that it could cost.
//!
//! `cargo bench --bench micro` measures; `-- --write` puts the table into docs/performance.md; `-- --only V4` takes the
//! groups whose names contain that; `-- --callgrind` counts instructions instead, which repeat from run to run, and needs
//! `CARGO_PROFILE_BENCH_STRIP=none`; `-- --counted "/sts: fully armed" --rounds 5000` does one thing again and again, for
//! a profiler.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and a bench that cannot go on says so")]

#[expect(dead_code, reason = "the same support as that of the other benches")]
mod support;

use std::fmt::Write as _;
use std::process::Command;

use mimalloc::MiMalloc;
use support::harness::{Figure, Group};
use support::report::{asked, asked_for, circumstances, is_bench, publish};
use support::subjects;
use tempfile::TempDir;

/// That of the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The calls whose instructions are counted.
const COUNTED: u32 = 200;

fn main() {
    if let Some(subject) = asked_for("--counted") {
        return counted(&subject);
    }
    if asked("--callgrind") {
        return instructions();
    }
    let only = asked_for("--only").unwrap_or_default();
    let mut figures = Vec::new();
    subjects::each(&|group| group.contains(&only), &mut |mut group: Group<'_>| {
        if is_bench() {
            figures.extend(group.measure());
        } else {
            group.floor.repeat(1);
            group.subjects.iter_mut().for_each(|subject| subject.repeat(1));
        }
    });
    if is_bench() {
        publish("micro", &table(&figures));
    }
}

fn table(figures: &[Figure]) -> String {
    let mut text = format!("{}.\n\n| what | ns | to its floor |\n|---|---:|---:|\n", circumstances());
    for Figure { group, name, nanoseconds, ratio } in figures {
        writeln!(text, "| {group}: {name} | {nanoseconds:.0} | {ratio:.2} |").unwrap();
    }
    text
}

/// Runs itself under callgrind for each subject.
fn instructions() {
    let only = asked_for("--only").unwrap_or_default();
    let mut names = Vec::new();
    subjects::each(&|group| group.contains(&only), &mut |group| {
        names.push(format!("{}: {}", group.name, group.floor.name));
        names.extend(group.subjects.iter().map(|subject| format!("{}: {}", group.name, subject.name)));
    });
    let mut text = format!(
        "{}. valgrind hides the SHA instructions, so hashes are those of the portable code.\n\n\
         | what | instructions | besides the blocks of hashes |\n|---|---:|---:|\n",
        circumstances()
    );
    for name in names {
        let Profile { all, hashing } = under_callgrind(&name);
        writeln!(text, "| {name} | {all} | {} |", all - hashing).unwrap();
    }
    publish("instructions", &text);
}

/// The instructions of one call.
struct Profile {
    all: u64,
    /// Those that take in a block of a hash.
    hashing: u64,
}

/// What the subject `name` takes. The program has to have its symbols, by which callgrind finds where to begin.
fn under_callgrind(name: &str) -> Profile {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("callgrind.out");
    let program = std::env::current_exe().unwrap();
    let options = ["--tool=callgrind", "--toggle-collect=*Subject*repeat*"];
    let file = format!("--callgrind-out-file={}", out.display());
    printed(Command::new("valgrind").args(options).arg(file).arg(program).args(["--counted", name]));
    let costs = printed(Command::new("callgrind_annotate").args(["--threshold=100", "--auto=no"]).arg(out));
    // `1,234 (56.7%)  file:function [object]`
    let cost = |line: &str| line.split_whitespace().next()?.replace(',', "").parse::<u64>().ok();
    let sum = |part: &str| costs.lines().filter(|line| line.contains(part)).filter_map(cost).sum::<u64>();
    let (all, hashing) = (sum("PROGRAM TOTALS"), sum("::compress"));
    assert!(all > 0, "nothing was counted: run this with CARGO_PROFILE_BENCH_STRIP=none");
    Profile { all: all / u64::from(COUNTED), hashing: hashing / u64::from(COUNTED) }
}

/// What `command` prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("valgrind is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn counted(wanted: &str) {
    let group_of_wanted = wanted.split_once(": ").unwrap().0;
    subjects::each(&|group| group == group_of_wanted, &mut |mut group| {
        let all = std::iter::once(&mut group.floor).chain(&mut group.subjects);
        for subject in all {
            if wanted == format!("{}: {}", group.name, subject.name) {
                let rounds = asked_for("--rounds").map_or(1, |rounds| rounds.parse().unwrap());
                for _ in 0..rounds {
                    subject.settle();
                    subject.repeat(COUNTED);
                }
            }
        }
    });
}
