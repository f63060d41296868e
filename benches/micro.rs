//! What each step of an answer costs by itself, beside the least that it could cost.
//!
//! `cargo bench --bench micro` measures; `-- --write` puts the table into docs/performance.md; `-- --only V4` takes the
//! groups whose names contain that; `-- --callgrind` counts instructions instead, which repeat from run to run;
//! `-- --counted "/sts: fully armed" --rounds 5000` does one thing again and again, for a profiler.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and a bench that cannot go on says so")]

#[expect(dead_code, reason = "the same support as that of the other benches")]
mod support;

use std::fmt::Write as _;
use std::process::Command;

use mimalloc::MiMalloc;
use support::harness::{Figure, Group};
use support::report::{asked, asked_for, circumstances, is_bench, publish};
use support::subjects;

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
         | what | instructions |\n|---|---:|\n",
        circumstances()
    );
    for name in names {
        writeln!(text, "| {name} | {} |", under_callgrind(&name) / u64::from(COUNTED)).unwrap();
    }
    publish("instructions", &text);
}

/// The instructions of [`COUNTED`] calls of the subject `name`.
fn under_callgrind(name: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*Subject*repeat*"])
        .arg(std::env::current_exe().unwrap())
        .args(["--counted", name])
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = report.lines().find(|line| line.contains("Collected :"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{report}"))
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
