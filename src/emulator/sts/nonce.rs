use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// A nonce is remembered as long as its timestamp can pass: 15 minutes before it and as many after.
const REMEMBERED: TimeDelta = TimeDelta::minutes(30);

/// Old nonces are looked for whenever this many are held.
const SWEEP_EVERY: usize = 4096;

/// The nonces of right signatures; each may be used once by a key.
#[derive(Default)]
pub(crate) struct Nonces {
    seen: Mutex<HashMap<(String, String), DateTime<Utc>>>,
}

impl Nonces {
    /// Uses a nonce up; `false` if the key has used it before.
    pub(crate) fn spend(&self, access_key_id: &str, nonce: &str, now: DateTime<Utc>) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len().is_multiple_of(SWEEP_EVERY) {
            seen.retain(|_, at| now - *at <= REMEMBERED);
        }
        let entry = (access_key_id.to_owned(), nonce.to_owned());
        let fresh = seen.get(&entry).is_none_or(|at| now - *at > REMEMBERED);
        if fresh {
            seen.insert(entry, now);
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_for_each_key_until_its_time_is_over() {
        let nonces = Nonces::default();
        let start = DateTime::UNIX_EPOCH;
        assert!(nonces.spend("k", "n", start));
        assert!(!nonces.spend("k", "n", start + REMEMBERED));
        assert!(nonces.spend("other", "n", start));
        assert!(nonces.spend("k", "n", start + REMEMBERED + TimeDelta::seconds(1)));
    }
}
