//! When an entry of Redis may end to be believed.

use super::seal::Kind;

/// Which ends of entries are believed, in Unix milliseconds. Whatever Redis answers is compared with it where it is read:
/// what is authentic may still be old, as after a backup was restored.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The present moment.
    pub now: i64,
    /// Until when an entry has to live to be of use.
    pub needed: i64,
    /// No entry ends later.
    pub latest_key: i64,
    /// No failure is remembered until later.
    pub latest_failure: i64,
}

impl Window {
    /// Whether an entry that ends at `end` is believed.
    pub(super) fn has(self, kind: Kind, end: i64) -> bool {
        match kind {
            Kind::Key => (self.needed..=self.latest_key).contains(&end),
            Kind::Failure => end > self.now && end <= self.latest_failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_believed_from_what_is_needed_to_what_is_possible() {
        let window = Window { now: 100, needed: 160, latest_key: 1000, latest_failure: 400 };
        let ends = [100, 101, 159, 160, 400, 401, 1000, 1001, i64::MAX, i64::MIN];
        let believed = |kind| ends.into_iter().filter(|end| window.has(kind, *end)).collect::<Vec<_>>();
        assert_eq!(believed(Kind::Key), [160, 400, 401, 1000]);
        assert_eq!(believed(Kind::Failure), [101, 159, 160, 400]);
    }
}
