//! How long a connection may keep us waiting: for a request's head, and for anything at all.
//!
//! hyper has a time limit on heads, but it counts the wait between two requests too; so it could not be short for who
//! sends a head byte by byte and long for a proxy that keeps its connections. It also does not count before the protocol
//! is known. So the limits are kept here, by what is seen on the connection.

use std::time::Duration;

use super::activity::Seen;

/// The two limits. A connection that says nothing at first has no less time than one that rests after a request, since
/// whoever wants to hold it could as well ask something cheap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a head, from its first byte.
    pub(super) head: Duration,
    /// For anything at all.
    pub(super) idle: Duration,
}

/// What is being waited for, and what had been seen when the wait began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    seen: Seen,
    for_head: bool,
    leaving: bool,
}

/// What to do when a wait is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Wait again.
    Wait(Duration),
    /// Take no further request, and end when what is being sent has gone.
    Leave(Duration),
    /// End at once.
    Cut,
}

impl Wait {
    /// The wait that a new connection begins with.
    pub(super) fn first(patience: Patience) -> (Self, Duration) {
        (Self { seen: Seen::default(), for_head: false, leaving: false }, patience.idle)
    }

    /// A head has begun during a longer wait: from now on it is that which is waited for.
    pub(super) fn turns_to_head(&mut self, seen: Seen) -> bool {
        let turns = seen.head_begun && !self.for_head;
        if turns {
            (self.seen, self.for_head) = (seen, true);
        }
        turns
    }

    /// The wait is over, and this is what was seen.
    pub(super) fn over(&mut self, seen: Seen, patience: Patience) -> Verdict {
        let before = std::mem::replace(&mut self.seen, seen);
        let asked = seen.busy || seen.requests != before.requests;
        let for_head = std::mem::replace(&mut self.for_head, seen.head_begun);
        if for_head && !asked {
            return Verdict::Cut;
        }
        if asked || for_head {
            return Verdict::Wait(if self.for_head { patience.head } else { patience.idle });
        }
        if seen.moves == before.moves {
            return Verdict::Cut;
        }
        // Something is still being sent, or the other end only says that it is there.
        if std::mem::replace(&mut self.leaving, true) {
            Verdict::Wait(patience.idle)
        } else {
            Verdict::Leave(patience.idle)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { head: Duration::from_secs(10), idle: Duration::from_secs(75) };
    const HEAD: Verdict = Verdict::Wait(PATIENCE.head);
    const IDLE: Verdict = Verdict::Wait(PATIENCE.idle);
    const NEW: Seen = Seen { moves: 0, requests: 0, busy: false, head_begun: false };
    const ANSWERED: Seen = Seen { moves: 2, requests: 1, ..NEW };

    fn first() -> Wait {
        let (wait, length) = Wait::first(PATIENCE);
        assert_eq!(length, PATIENCE.idle);
        wait
    }

    fn idle() -> Wait {
        let mut wait = first();
        assert_eq!(wait.over(ANSWERED, PATIENCE), IDLE);
        wait
    }

    #[test]
    fn who_says_nothing_is_cut_off() {
        assert_eq!(first().over(NEW, PATIENCE), Verdict::Cut);
        assert_eq!(idle().over(ANSWERED, PATIENCE), Verdict::Cut);
    }

    #[test]
    fn who_never_asks_is_cut_off_however_much_they_send() {
        for moves in [1, 1000] {
            let mut wait = first();
            assert!(wait.turns_to_head(Seen { moves: 1, head_begun: true, ..NEW }));
            assert_eq!(wait.over(Seen { moves, head_begun: true, ..NEW }, PATIENCE), Verdict::Cut);
        }
    }

    #[test]
    fn a_later_head_has_as_long_as_the_first_from_its_first_byte() {
        let mut wait = idle();
        let begun = Seen { moves: 3, head_begun: true, ..ANSWERED };
        assert!(!wait.turns_to_head(ANSWERED));
        assert!(wait.turns_to_head(begun));
        assert!(!wait.turns_to_head(Seen { moves: 9, ..begun }), "more bytes do not make it longer");
        assert_eq!(wait.over(Seen { moves: 9, ..begun }, PATIENCE), Verdict::Cut);
    }

    #[test]
    fn a_head_that_comes_whole_is_waited_for_no_more() {
        let mut wait = idle();
        assert!(wait.turns_to_head(Seen { moves: 3, head_begun: true, ..ANSWERED }));
        assert_eq!(wait.over(Seen { moves: 5, requests: 2, ..NEW }, PATIENCE), IDLE);
        assert_eq!(wait.over(Seen { moves: 5, requests: 2, ..NEW }, PATIENCE), Verdict::Cut);
    }

    #[test]
    fn the_next_head_after_a_whole_one_has_its_own_time() {
        let mut wait = first();
        assert!(wait.turns_to_head(Seen { moves: 1, head_begun: true, ..NEW }));
        assert_eq!(wait.over(Seen { head_begun: true, ..ANSWERED }, PATIENCE), HEAD);
        assert_eq!(wait.over(Seen { head_begun: true, ..ANSWERED }, PATIENCE), Verdict::Cut);
    }

    #[test]
    fn who_waits_for_us_is_never_cut_off() {
        let mut wait = first();
        for _ in 0..10 {
            assert_eq!(wait.over(Seen { moves: 1, requests: 1, busy: true, head_begun: false }, PATIENCE), IDLE);
        }
    }

    #[test]
    fn who_takes_an_answer_slowly_may_and_asks_no_more() {
        let mut wait = idle();
        assert_eq!(wait.over(Seen { moves: 3, ..ANSWERED }, PATIENCE), Verdict::Leave(PATIENCE.idle));
        assert_eq!(wait.over(Seen { moves: 4, ..ANSWERED }, PATIENCE), IDLE);
        assert_eq!(wait.over(Seen { moves: 4, ..ANSWERED }, PATIENCE), Verdict::Cut);
    }
}
