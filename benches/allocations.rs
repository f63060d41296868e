//! How often one call of each step asks for memory; a bound that is passed is an error.
//!
//! `cargo bench --bench allocations`; `-- --write` puts the table into docs/performance.md.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and a bench that cannot go on says so")]

#[expect(dead_code, reason = "the same support as that of the other benches")]
mod support;

use std::fmt::Write as _;

use support::harness::Subject;
use support::report::publish;
use support::subjects;

fn main() {
    let mut text = String::from("| one call of | allocations | bytes | at most |\n|---|---:|---:|---:|\n");
    let mut passed = Vec::new();
    subjects::each(&|_| true, &mut |mut group| {
        for subject in &mut group.subjects {
            let (count, bytes) = counted(subject);
            let bound = subject.allocations.map_or_else(String::new, |bound| bound.to_string());
            writeln!(text, "| {}: {} | {count} | {bytes} | {bound} |", group.name, subject.name).unwrap();
            if subject.allocations.is_some_and(|bound| count > bound) {
                passed.push(format!("{}: {} makes {count} allocations", group.name, subject.name));
            }
        }
    });
    publish("allocations", &text);
    assert!(passed.is_empty(), "{passed:?}");
}

/// Allocations and bytes of one call, after others that have warmed it up.
fn counted(subject: &mut Subject<'_>) -> (u64, u64) {
    subject.settle();
    subject.repeat(100);
    // The least of some: a map that grows or a buffer that is swapped is not of this call.
    let calls = (0..10).map(|_| allocation_counter::measure(|| subject.repeat(1)));
    calls.map(|info| (info.count_total, info.bytes_total)).min().unwrap()
}
