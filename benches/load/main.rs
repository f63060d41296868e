//! The server under load, beside a bare hyper server that returns the same bytes to the same requests.
//!
//! `cargo bench --bench load` takes some minutes; `-- --full` measures every route at every number of connections;
//! `-- --brief` is content with 32 connections; `-- --write` puts the tables into docs/performance.md and both READMEs.
//!
//! Server and client have a core each. The measure is the CPU time of the server for each request, as the kernel counts
//! it: requests a second would only tell how fast the client is. The generator is our own because it has to hold 2,000
//! connections, open new ones, and send 100,000 different tokens, and because a tool that has to be installed is one
//! more thing between a reader and these figures.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and a bench that cannot go on says so")]

mod client;
mod extras;
mod floor;
mod process;
mod table;

#[expect(dead_code, reason = "the same support as that of the other benches")]
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use client::{Load, Outcome};
use floor::Chores;
use mimalloc::MiMalloc;
use process::{Server, Site};
use support::cloud::{Arms, ROUTES};
use support::report::{asked, asked_for, is_bench, publish};
use table::{Cell, Row};

/// That of the program, also for the floor.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long, and how often.
#[derive(Clone, Copy)]
struct Plan {
    run: Duration,
    rounds: usize,
    /// How many make a crowd.
    crowd: usize,
}

impl Plan {
    /// The connections of most figures.
    const USUAL: usize = 32;

    fn of_arguments() -> Self {
        if is_bench() {
            Self { run: Duration::from_millis(800), rounds: 9, crowd: 100_000 }
        } else {
            Self { run: Duration::from_millis(50), rounds: 1, crowd: 100 }
        }
    }

    fn cells() -> Vec<Cell> {
        let cell = |route, connections, keep_alive| Cell { route, connections, keep_alive };
        let all = |numbers: &[usize], keep_alive: &[bool]| {
            let mut cells = Vec::new();
            for route in 0..ROUTES.len() {
                for number in numbers {
                    cells.extend(keep_alive.iter().map(|kept| cell(route, *number, *kept)));
                }
            }
            cells
        };
        match (is_bench(), asked("--full")) {
            (false, _) => all(&[2], &[true, false]),
            (true, _) if asked("--brief") => all(&[Self::USUAL], &[true]),
            (true, true) => all(&[1, 32, 256, 2_000], &[true, false]),
            (true, false) => {
                let mut cells = all(&[32, 256], &[true]);
                cells.extend([cell(0, 1, true), cell(0, 2_000, true), cell(0, 32, false)]);
                cells
            }
        }
    }
}

fn main() {
    if let Some(file) = asked_for("--floor") {
        let notes = asked_for("--line").zip(asked_for("--notes"));
        return floor::serve(&file, &Chores { hashes: asked("--hashing"), notes });
    }
    if !asked("--pinned") {
        return process::again_on_own_core();
    }
    let plan = Plan::of_arguments();
    let site = Site::start();
    let rows: Vec<Row> = Plan::cells().into_iter().map(|cell| measure(&site, cell, plan)).collect();
    publish("load", &table::of_load(&rows));
    publish("load-summary", &table::summary(&rows));
    publish("load-unavoidable", &table::of_unavoidable(&unavoidable(&site, plan)));
    if !asked("--no-extras") {
        publish("extras", &extras::table(plan));
    }
}

/// All servers by turns. A floor and ours run one right after the other, now this one first and now that.
fn measure(site: &Site, cell: Cell, plan: Plan) -> Row {
    let mut row = Row::new(cell);
    for round in 0..plan.rounds {
        let is_even = round % 2 == 0;
        for arms in [Arms::Bare, Arms::Full] {
            for ours in [is_even, !is_even] {
                let request = site.request(arms, cell.route, cell.keep_alive);
                let (outcome, cpu) = run(site.server(arms, ours), cell, &request, plan);
                row.add(arms, ours, &outcome, cpu);
            }
        }
    }
    row
}

/// What the hashing of a URL alone adds to the floor, and a trail beside it: the processor time for a request of all three,
/// round by round, now this one first and now that.
fn unavoidable(site: &Site, plan: Plan) -> Vec<[f64; 3]> {
    let cell = Cell { route: ROUTES.len() - 1, connections: Plan::USUAL, keep_alive: true };
    let request = site.request(Arms::Full, cell.route, cell.keep_alive);
    let [hashing, noting] = &site.busy;
    let servers = [site.server(Arms::Full, false), hashing, noting];
    let mut rounds = vec![[0.0; 3]; plan.rounds];
    for (number, round) in rounds.iter_mut().enumerate() {
        for at in (0..servers.len()).map(|at| (at + number) % servers.len()) {
            let (outcome, cpu) = run(servers[at], cell, &request, plan);
            round[at] = table::micros(cpu, &outcome);
        }
    }
    rounds
}

/// One run, and the processor time that the server took for it.
fn run(server: &Server, cell: Cell, request: &[u8], plan: Plan) -> (Outcome, Duration) {
    let load = Load { address: server.address, connections: cell.connections, keep_alive: cell.keep_alive };
    let mut before = Duration::ZERO;
    let outcome = load.run(plan.run, &mut || request.to_vec(), &mut || before = server.cpu());
    (outcome, server.cpu().saturating_sub(before))
}
