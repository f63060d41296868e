//! The requests of one grant, or of none.

use std::sync::atomic::{AtomicU64, Ordering};

use super::page::Labels;
use super::route::Route;

/// The statuses that this server answers with, and 0 for a request that nobody waited for. Others are counted together.
const STATUSES: [u16; 26] = [
    0, 200, 204, 206, 304, 307, 400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 414, 415, 416, 426, 429, 431, 500,
    502, 503, 504,
];

/// How many requests were about one grant, by route and status.
#[derive(Debug)]
pub struct OfGrant {
    counts: [[AtomicU64; STATUSES.len() + 1]; Route::ALL.len()],
}

impl OfGrant {
    pub(super) fn count(&self, route: Route, status: Option<u16>) {
        let place = STATUSES.binary_search(&status.unwrap_or(0)).unwrap_or(STATUSES.len());
        self.counts[route as usize][place].fetch_add(1, Ordering::Relaxed);
    }

    /// Those that were seen.
    pub(super) fn samples(&self, grant: &str) -> Vec<(Labels, u64)> {
        let mut samples = Vec::new();
        for (route, counts) in Route::ALL.into_iter().zip(&self.counts) {
            let read = counts.iter().map(|counter| counter.load(Ordering::Relaxed)).enumerate();
            samples.extend(read.filter(|(_, count)| *count > 0).map(|(place, count)| {
                let labels =
                    [("route", route.label().to_owned()), ("grant", grant.to_owned()), ("status", status(place))];
                (labels.into(), count)
            }));
        }
        samples
    }
}

impl Default for OfGrant {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::default())) }
    }
}

fn status(place: usize) -> String {
    match STATUSES.get(place) {
        None => "other".to_owned(),
        Some(0) => "abandoned".to_owned(),
        Some(status) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statuses_are_in_order() {
        assert!(STATUSES.is_sorted());
    }
}
