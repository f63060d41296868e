//! `docs/costs.md` says what the simulation prints.

use std::time::Duration;

#[path = "../../examples/costs/simulation.rs"]
mod simulation;

use self::simulation::{Population, calls, cold_start};

const PAGE: &str = include_str!("../../docs/costs.md");

/// The row of the page that begins with these cells.
#[track_caller]
fn has_row(cells: &str) {
    assert!(PAGE.lines().any(|line| line.starts_with(&format!("| {cells} |"))), "docs/costs.md has no row | {cells} |");
}

#[tokio::test(start_paused = true)]
async fn the_table_of_callers_is_what_the_vault_costs() {
    // A tenth of the larger population has to cost a tenth: the whole takes the example half a minute.
    for (callers, scale) in [(100, 1), (1_000, 10)] {
        for own_sessions in [false, true] {
            let calls = calls(Population { callers, own_sessions, duration: 3_600 }, Duration::from_hours(2)).await;
            let (sessions, scaled) = if own_sessions { ("one for each", scale) } else { ("shared", 1) };
            has_row(&format!("{} | {sessions} | {}", callers * scale, calls * u64::try_from(scaled).unwrap()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_ladder_of_durations_is_what_the_vault_costs() {
    for duration in [900, 3_600, 43_200] {
        let calls = calls(Population { callers: 2, own_sessions: true, duration }, Duration::from_hours(24)).await;
        has_row(&format!("{duration} | {}", calls / 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_takes_no_longer_than_the_page_says() {
    let time = cold_start(1_000).await;
    // 400 are served in the first five seconds; the others come again, some of them twice.
    assert!((12..60).contains(&time.as_secs()), "{time:?}");
    has_row("1000 | 12 s");
}
