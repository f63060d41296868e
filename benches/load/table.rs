//! The figures, as tables.

use std::fmt::Write as _;
use std::time::Duration;

use super::client::Outcome;
use crate::support::cloud::{Arms, ROUTES};
use crate::support::harness::median;
use crate::support::report::circumstances;

/// What is asked, and how.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) route: usize,
    pub(crate) connections: usize,
    pub(crate) keep_alive: bool,
}

/// One run of one server.
#[derive(Clone, Copy)]
struct Run {
    /// Requests a second, in thousands.
    rate: f64,
    /// Microseconds of the server's processor time for each request.
    cpu: f64,
    /// The latencies that 50, 99 and 99.9 % do not exceed, in microseconds.
    latencies: [f64; 3],
}

/// The runs of one cell: anonymous and armed, floor and ours.
pub(crate) struct Row {
    cell: Cell,
    runs: [[Vec<Run>; 2]; 2],
}

impl Row {
    pub(crate) fn new(cell: Cell) -> Self {
        Self { cell, runs: Default::default() }
    }

    pub(crate) fn add(&mut self, arms: Arms, ours: bool, outcome: &Outcome, cpu: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "counts of a short run")]
        let requests = outcome.requests() as f64;
        let cpu = micros(cpu, outcome);
        self.runs[usize::from(arms == Arms::Full)][usize::from(ours)].push(Run {
            rate: requests / outcome.elapsed.as_secs_f64() / 1e3,
            cpu,
            latencies: [0.5, 0.99, 0.999].map(|share| outcome.quantile(share)),
        });
    }

    fn median(&self, arms: Arms, ours: bool, figure: impl Fn(&Run) -> f64) -> f64 {
        median(self.runs[usize::from(arms == Arms::Full)][usize::from(ours)].iter().map(figure).collect())
    }

    /// The median of the ratios of each round: floor and server ran one after the other in it, so that a machine which is
    /// slower for a minute is so for both.
    fn ratio(&self, arms: Arms, figure: impl Fn(&Run) -> f64) -> f64 {
        let [floor, ours] = &self.runs[usize::from(arms == Arms::Full)];
        median(ours.iter().zip(floor).map(|(ours, floor)| figure(ours) / figure(floor)).collect())
    }

    fn name(&self) -> String {
        let Cell { route, connections, keep_alive } = self.cell;
        let path = ROUTES[route].split('?').next().unwrap();
        let kept = if keep_alive { "" } else { ", new ones" };
        format!("{path} | {connections}{kept}")
    }
}

/// `cpu` for each request, in microseconds.
pub(crate) fn micros(cpu: Duration, outcome: &Outcome) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a short run")]
    return cpu.as_secs_f64() * 1e6 / outcome.requests() as f64;
}

/// The floor, and those that do more, by the rounds of all.
pub(crate) fn of_unavoidable(rounds: &[[f64; 3]]) -> String {
    const NAMES: [&str; 3] =
        ["the floor", "the same, and the hashing of a URL's signature", "the same, and a ready line in a file"];
    let mut text =
        format!("{}.\n\n| /presigned-url, 32 connections | CPU | to the floor |\n|---|---:|---:|\n", circumstances());
    for (at, name) in NAMES.iter().enumerate() {
        let cpu = median(rounds.iter().map(|round| round[at]).collect());
        let ratio = median(rounds.iter().map(|round| round[at] / round[0]).collect());
        writeln!(text, "| {name} | {cpu:.2} | {ratio:.2} |").unwrap();
    }
    text
}

/// Every cell, with the floor beside ours.
pub(crate) fn of_load(rows: &[Row]) -> String {
    let mut text = format!(
        "{}. Medians of all rounds; a ratio is the median of those of each round. CPU is the server's, in µs a request; p50, p99 \
         and p99.9 in µs.\n\n\
         | route | connections | server | 1,000 requests/s | CPU | to its floor | p50 | p99 | p99.9 |\n\
         |---|---:|---|---:|---:|---:|---:|---:|---:|\n",
        circumstances()
    );
    for row in rows {
        for (arms, ours, name) in [
            (Arms::Bare, false, "floor of the next"),
            (Arms::Bare, true, "anonymous, nothing else"),
            (Arms::Full, false, "floor of the next"),
            (Arms::Full, true, "**fully armed**"),
        ] {
            let ratio = if ours { format!("{:.2}", row.ratio(arms, |run| run.cpu)) } else { String::new() };
            let [p50, p99, p999] = [0, 1, 2].map(|at| row.median(arms, ours, |run| run.latencies[at]));
            let (rate, cpu) = (row.median(arms, ours, |run| run.rate), row.median(arms, ours, |run| run.cpu));
            writeln!(
                text,
                "| {} | {name} | {rate:.1} | {cpu:.2} | {ratio} | {p50:.0} | {p99:.0} | {p999:.0} |",
                row.name()
            )
            .unwrap();
        }
    }
    text
}

/// What the README says.
pub(crate) fn summary(rows: &[Row]) -> String {
    let mut text = format!(
        "{}. Fully armed: a JWT caller, limits, metrics, request id, CORS, audit to a file. The floor is a bare hyper \
         server that returns the same bytes; CPU is the server's time for one request, its ratio the median of those of each \
         round.\n\n\
         | route, 32 connections | CPU | floor | ratio | p99 to the floor's at 256 |\n|---|---:|---:|---:|---:|\n",
        circumstances()
    );
    for row in rows.iter().filter(|row| row.cell.connections == 32 && row.cell.keep_alive) {
        let same = |other: &&Row| other.cell.route == row.cell.route && other.cell.connections == 256;
        let p99 = rows.iter().find(same).map(|row| row.ratio(Arms::Full, |run| run.latencies[1]));
        let p99 = p99.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let [ours, floor] = [true, false].map(|ours| row.median(Arms::Full, ours, |run| run.cpu));
        let path = ROUTES[row.cell.route].split('?').next().unwrap();
        let ratio = row.ratio(Arms::Full, |run| run.cpu);
        writeln!(text, "| `{path}` | {ours:.1} µs | {floor:.1} µs | {ratio:.2} | {p99} |").unwrap();
    }
    text
}
