//! Failures on order: the next so many calls of an operation, or a share of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The name that stands for every operation.
pub(super) const ANY: &str = "*";

/// How a call is made to fail.
#[derive(Clone, Debug)]
pub enum Failure {
    /// An error answer in the service's own format.
    Status {
        /// HTTP status, 100 to 999.
        status: u16,
        /// Error code, such as `Throttling.User`.
        code: String,
        /// Message text.
        message: String,
    },
    /// The service's refusal of a call too many, with the header that says when to come again.
    Throttled {
        /// `x-acs-retry-after`, sent in whole milliseconds.
        retry_after: Duration,
    },
    /// The connection is dropped without an answer.
    Close,
    /// The connection is dropped in the middle of an answer.
    Cut,
    /// No answer, while the connection stays open until the client leaves.
    Silence,
    /// An answer of any kind, such as the HTML of a proxy.
    Body {
        /// HTTP status, 100 to 999.
        status: u16,
        /// `Content-Type` of the answer.
        content_type: String,
        /// Bytes of the answer.
        body: Vec<u8>,
    },
}

/// The failures that are on order.
#[derive(Default)]
pub(super) struct Faults {
    next: HashMap<String, VecDeque<(u32, Failure)>>,
    shares: HashMap<String, Share>,
}

/// Failures spread evenly over the calls: 0.25 fails each fourth.
struct Share {
    part: f64,
    due: f64,
    failure: Failure,
}

impl Faults {
    pub(super) fn next(&mut self, operation: &str, times: u32, failure: Failure) {
        self.next.entry(operation.to_owned()).or_default().push_back((times, failure));
    }

    /// Takes the place of an earlier share of the same operation.
    pub(super) fn share(&mut self, operation: &str, share: f64, failure: Failure) {
        self.shares.insert(operation.to_owned(), Share { part: share, due: 0.0, failure });
    }

    /// The failure that is due for a call, if any; taking it uses it up.
    pub(super) fn take(&mut self, operation: &str) -> Option<Failure> {
        [operation, ANY].into_iter().find_map(|name| self.take_named(name))
    }

    fn take_named(&mut self, name: &str) -> Option<Failure> {
        let next = self.next.get_mut(name).and_then(take_next);
        next.or_else(|| self.shares.get_mut(name).and_then(Share::take))
    }
}

fn take_next(queue: &mut VecDeque<(u32, Failure)>) -> Option<Failure> {
    while queue.front().is_some_and(|(times, _)| *times == 0) {
        queue.pop_front();
    }
    let (times, failure) = queue.front_mut()?;
    *times -= 1;
    Some(failure.clone())
}

impl Share {
    fn take(&mut self) -> Option<Failure> {
        self.due += self.part;
        // A tenth added ten times is a little less than one.
        let fails = self.due >= 1.0 - 1e-9;
        if fails {
            self.due -= 1.0;
        }
        fails.then(|| self.failure.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(faults: &mut Faults, operation: &str, calls: usize) -> String {
        (0..calls).map(|_| if faults.take(operation).is_some() { 'x' } else { '.' }).collect()
    }

    #[test]
    fn a_share_is_spread_evenly_over_the_calls() {
        for (share, expected) in
            [(0.0, ".........."), (0.1, ".........x"), (0.25, "...x...x.."), (0.5, ".x.x.x.x.x"), (1.0, "xxxxxxxxxx")]
        {
            let mut faults = Faults::default();
            faults.share("PutObject", share, Failure::Close);
            assert_eq!(failed(&mut faults, "PutObject", 10), expected, "{share}");
            assert_eq!(failed(&mut faults, "GetObject", 10), "..........");
        }
    }

    #[test]
    fn the_next_calls_fail_by_name_or_whatever_they_are() {
        let mut faults = Faults::default();
        faults.next("PutObject", 1, Failure::Close);
        faults.next(ANY, 2, Failure::Close);
        assert_eq!(failed(&mut faults, "GetObject", 1), "x");
        assert_eq!(failed(&mut faults, "PutObject", 3), "xx.");
    }
}
