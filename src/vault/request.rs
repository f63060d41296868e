//! What a request brings to the session cache: when it came, and how long it still waits.

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Reading;

/// The longest that a request waits for sessions, all that it asks for together. An STS that is well answers within a
/// second; a browser or a proxy that waits longer than this is likely to give up by itself.
pub const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// The time of one request: the clock as it was read when the request came, and the end of its patience.
#[derive(Debug)]
pub struct RequestTime {
    reading: Reading,
    /// In the clock's run. It begins with the first wait, so that all sessions of a batch share it.
    waits_until: OnceLock<Duration>,
}

impl RequestTime {
    /// Of a request that came at `reading`.
    #[must_use]
    pub fn of(reading: Reading) -> Self {
        Self { reading, waits_until: OnceLock::new() }
    }

    /// The machine's time of day when the request came: it judges proofs and rate limits.
    #[must_use]
    pub fn machine(&self) -> DateTime<Utc> {
        self.reading.machine
    }

    /// The clock when the request came.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// Until when it waits for sessions; its first wait begins at `now` of the clock's run.
    pub(super) fn waits_until(&self, now: Duration) -> Duration {
        *self.waits_until.get_or_init(|| now + FIRST_ANSWER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_waits_of_a_request_end_together() {
        let reading = Reading { machine: DateTime::UNIX_EPOCH, elapsed: Duration::from_secs(1) };
        let request = RequestTime::of(reading);
        let [first, second] = [10, 14].map(|seconds| request.waits_until(Duration::from_secs(seconds)));
        assert_eq!((first, second), (Duration::from_secs(15), Duration::from_secs(15)));
    }
}
