//! A bound on the calls of one second.

use chrono::{DateTime, Utc};

use super::Failure;

/// The two services, which are throttled apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Service {
    /// The token service, of which an account has 100 calls a second.
    Sts,
    /// The object service.
    Oss,
}

/// Admits so many calls in each second of the emulator's clock.
pub(super) struct Throttle {
    per_second: u32,
    second: i64,
    admitted: u32,
}

impl Throttle {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, second: i64::MIN, admitted: 0 }
    }

    /// Whether a call at `now` is one of those admitted.
    pub(super) fn admits(&mut self, now: DateTime<Utc>) -> bool {
        if self.second != now.timestamp() {
            (self.second, self.admitted) = (now.timestamp(), 0);
        }
        let admits = self.admitted < self.per_second;
        self.admitted += u32::from(admits);
        admits
    }
}

impl Service {
    /// How the service refuses a call too many.
    pub(in super::super) fn refusal(self) -> Failure {
        let (status, code, message) = self.words();
        Failure::Status { status, code: code.to_owned(), message: message.to_owned() }
    }

    /// Status, code and message of that refusal.
    pub(in super::super) fn words(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Sts => (400, "Throttling.User", "Request was denied due to user flow control."),
            Self::Oss => (503, "ServiceUnavailable", "Please reduce your request rate."),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn each_second_has_its_own_calls() {
        let (mut throttle, mut now) = (Throttle::new(2), DateTime::UNIX_EPOCH);
        for _ in 0..3 {
            let admitted: Vec<_> = (0..4).map(|_| throttle.admits(now)).collect();
            assert_eq!(admitted, [true, true, false, false]);
            now += TimeDelta::seconds(1);
        }
        assert!(!Throttle::new(0).admits(now));
    }
}
