//! The start, the memory, and ten thousand who come at once.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Plan;
use super::client::Load;
use super::process::{Server, request};
use crate::support::cloud::{Arms, ROUTES, Sts, bearer};
use crate::support::harness::median;
use crate::support::report::circumstances;

/// The connections over which a crowd comes.
const LINES: usize = 32;

pub(crate) fn table(plan: Plan) -> String {
    let mut text = format!("{}.\n\n| what | figure |\n|---|---:|\n", circumstances());
    let mut row = |what: &str, figure: String| writeln!(text, "| {what} | {figure} |").unwrap();
    let size = fs::metadata(env!("CARGO_BIN_EXE_oss-vend")).unwrap().len();
    row("size of the program", format!("{:.1} MiB", mebibytes(size / 1024)));
    row("from exec to the first answer", format!("{:.1} ms", first_answer(plan)));
    sessions(plan, &mut row);
    callers(plan, &mut row);
    endurance(plan, &mut row);
    stampede(plan, &mut row);
    text
}

/// A server of its own for each figure.
fn armed(sts: &Sts, folder: &TempDir) -> (Server, Duration) {
    let trail = folder.path().join("audit.jsonl");
    Server::ours(&Arms::Full.configuration(sts.address, trail.to_str().unwrap()), folder, "armed")
}

fn first_answer(plan: Plan) -> f64 {
    let (sts, folder) = (Sts::start(), TempDir::new().unwrap());
    median((0..plan.rounds * 2).map(|_| armed(&sts, &folder).1.as_secs_f64() * 1e3).collect())
}

/// Asks `path` once for each of a crowd of callers.
fn crowd(server: &Server, path: &str, plan: Plan) {
    let mut number = 0;
    let mut next = || {
        number += 1;
        request(path, &Arms::Full.headers(&bearer(&format!("u{number}"))), true)
    };
    let load = Load { address: server.address, connections: LINES, keep_alive: true };
    assert_eq!(load.count(plan.crowd, &mut next).requests(), plan.crowd);
}

fn sessions(plan: Plan, row: &mut impl FnMut(&str, String)) {
    let (sts, folder) = (Sts::start(), TempDir::new().unwrap());
    let (server, _) = armed(&sts, &folder);
    row("memory at the start", memory(&server));
    crowd(&server, ROUTES[0], plan);
    assert_eq!(sts.calls(), u64::try_from(plan.crowd).unwrap());
    row(&format!("memory with {} live sessions", plan.crowd), memory(&server));
}

fn callers(plan: Plan, row: &mut impl FnMut(&str, String)) {
    let (sts, folder) = (Sts::start(), TempDir::new().unwrap());
    let (server, _) = armed(&sts, &folder);
    crowd(&server, ROUTES[1], plan);
    assert_eq!(sts.calls(), 1);
    row(&format!("memory with {} known callers and one session", plan.crowd), memory(&server));
}

fn endurance(plan: Plan, row: &mut impl FnMut(&str, String)) {
    let (sts, folder) = (Sts::start(), TempDir::new().unwrap());
    let (server, _) = armed(&sts, &folder);
    let (headers, mut turn) = (Arms::Full.headers(&bearer("u42")), 0);
    let requests = ROUTES.map(|path| request(path, &headers, true));
    let load = Load { address: server.address, connections: LINES, keep_alive: true };
    let mut done = 0;
    for count in [plan.crowd / 10, plan.crowd * 10] {
        load.count(count - done, &mut || {
            turn += 1;
            requests[turn % requests.len()].clone()
        });
        done = count;
        row(&format!("memory after {count} requests"), memory(&server));
    }
}

fn stampede(plan: Plan, row: &mut impl FnMut(&str, String)) {
    let (sts, folder) = (Sts::start(), TempDir::new().unwrap());
    sts.delay(Duration::from_millis(200));
    let (server, _) = armed(&sts, &folder);
    let (count, headers) = (plan.crowd / 10, Arms::Full.headers(&bearer("u42")));
    let load = Load { address: server.address, connections: count, keep_alive: true };
    let began = Instant::now();
    let outcome = load.count(count, &mut || request(ROUTES[0], &headers, true));
    assert_eq!((outcome.requests(), sts.calls()), (count, 1));
    let (all, last) = (began.elapsed().as_secs_f64(), outcome.quantile(1.0) / 1e3);
    row(
        &format!("{count} first requests at once, with an STS that takes 200 ms"),
        format!("1 AssumeRole, the last answer after {last:.0} ms, connections and all {all:.2} s"),
    );
}

fn memory(server: &Server) -> String {
    format!("{:.1} MiB", mebibytes(server.memory()))
}

#[expect(clippy::cast_precision_loss, reason = "a size to be read by people")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}
