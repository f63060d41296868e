//! What each step of an answer costs by itself, beside the least that it could cost.
//!
//! `cargo bench --bench micro` measures; `-- --write` puts the table into docs/performance.md; `-- --only V4` takes the
//! groups whose names contain that; `-- --callgrind` counts instructions instead, which repeat from run to run, and needs
//! `CARGO_PROFILE_BENCH_STRIP=none`; `-- --counted "/sts: fully armed" --rounds 5000` does one thing again and again, for
//! a profiler.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and a bench that cannot go on says so")]

#[expect(dead_code, reason = "the same support as that of the other benches")]
mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::process::Command;
use std::{fs, mem};

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
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*Subject*repeat*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--counted", name])
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let (all, hashing) = costs(&fs::read_to_string(out).unwrap_or_else(|_| panic!("{report}")));
    assert!(all > 0, "nothing was counted: run this with CARGO_PROFILE_BENCH_STRIP=none");
    Profile { all: all / u64::from(COUNTED), hashing: hashing / u64::from(COUNTED) }
}

/// The sum of all costs in callgrind's file, and of those of functions that take in a block of a hash.
fn costs(file: &str) -> (u64, u64) {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let (mut all, mut hashing, mut is_hash, mut is_call) = (0, 0, false, false);
    for line in file.lines() {
        if let Some((kind @ ("fn" | "cfn"), name)) = line.split_once('=') {
            // A name stands only where it comes first: `fn=(7) name`, later `fn=(7)`.
            let (id, name) = name.split_once(' ').unwrap_or((name, ""));
            let name = *names.entry(id).or_insert(name);
            if kind == "fn" {
                is_hash = name.contains("compress");
            }
        } else if line.starts_with("calls=") {
            // The next line has the costs of what is called, which stand with it too.
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: u64 = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or_default();
            if !mem::take(&mut is_call) {
                all += cost;
                hashing += if is_hash { cost } else { 0 };
            }
        }
    }
    (all, hashing)
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
