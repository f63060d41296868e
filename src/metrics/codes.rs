//! Counts by a code, for what is rare: refusals and failures.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::page::Labels;

/// A count for each code; codes are words of this program, so there are few.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<BTreeMap<&'static str, u64>>);

impl Codes {
    /// With these codes on the page from the start, so that their first increase is seen as one.
    pub(super) fn starting_with(codes: impl IntoIterator<Item = &'static str>) -> Self {
        Self(Mutex::new(codes.into_iter().map(|code| (code, 0)).collect()))
    }

    pub(super) fn count(&self, code: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    pub(super) fn samples(&self, label: &'static str) -> Vec<(Labels, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(code, count)| (vec![(label, (*code).to_owned())], *count)).collect()
    }
}
