//! Prints the figures of `docs/costs.md`, from the real vault and a clock that nobody waits for.
//!
//! `cargo run --example costs`

#![expect(clippy::print_stdout, reason = "it is what it is for")]

mod simulation;

use std::time::Duration;

use self::simulation::{Population, calls, cold_start};

const TWO_HOURS: Duration = Duration::from_hours(2);
const A_DAY: Duration = Duration::from_hours(24);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::time::pause();
    println!("| callers | sessions | calls in two hours |\n|---|---|---|");
    for callers in [100, 10_000] {
        for own_sessions in [false, true] {
            let calls = calls(Population { callers, own_sessions, duration: 3_600 }, TWO_HOURS).await;
            println!("| {callers} | {} | {calls} |", if own_sessions { "one for each" } else { "shared" });
        }
    }
    println!("\n| `duration` | calls of one session in a day |\n|---|---|");
    for duration in [900, 3_600, 43_200] {
        let calls = calls(Population { callers: 10, own_sessions: true, duration }, A_DAY).await;
        println!("| {duration} | {} |", calls / 10);
    }
    println!("\n| callers at once | until all have credentials |\n|---|---|");
    for callers in [1_000, 10_000] {
        println!("| {callers} | {:.0?} |", cold_start(callers).await);
    }
}
