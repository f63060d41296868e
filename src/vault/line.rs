//! The line of those who wait for a turn: in the order in which they came for each caller, and the callers in rounds.

use std::collections::{HashMap, VecDeque};

use crate::policy::Session;

/// Waiters by caller. One who wants a thousand turns gets one in each round, as does one who wants a single one.
#[derive(Debug)]
pub(super) struct Line<W> {
    waiting: HashMap<Whose, VecDeque<W>>,
    /// Each caller who has a waiter, once; the first has the next turn.
    round: VecDeque<Whose>,
    length: usize,
}

/// Sessions that differ in nothing but their duration are one caller's, as far as STS's input tells callers apart: by
/// session name, and by the directory in the policy.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Whose(Session);

impl Whose {
    pub(super) fn of(session: &Session) -> Self {
        Self(session.clone().lasting(0))
    }
}

impl<W> Default for Line<W> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), round: VecDeque::new(), length: 0 }
    }
}

impl<W> Line<W> {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn join(&mut self, whose: Whose, waiter: W) {
        self.length += 1;
        let own = self.waiting.entry(whose.clone()).or_default();
        own.push_back(waiter);
        if own.len() == 1 {
            self.round.push_back(whose);
        }
    }

    /// The next one whose turn it is.
    pub(super) fn next(&mut self) -> Option<W> {
        let whose = self.round.pop_front()?;
        let own = self.waiting.get_mut(&whose)?;
        let waiter = own.pop_front()?;
        self.length -= 1;
        if own.is_empty() {
            self.waiting.remove(&whose);
        } else {
            self.round.push_back(whose);
        }
        Some(waiter)
    }

    /// Makes room for one more of `whose`: the youngest waiter of the caller who has the most, if that is not the same one.
    pub(super) fn displace_for(&mut self, whose: &Whose) -> Option<W> {
        let own = self.waiting.get(whose).map_or(0, VecDeque::len);
        let longest = self.waiting.values_mut().max_by_key(|queue| queue.len())?;
        if longest.len() <= own + 1 {
            return None;
        }
        self.length -= 1;
        longest.pop_back()
    }

    /// Forgets those who have left.
    pub(super) fn retain(&mut self, stays: impl Fn(&W) -> bool) {
        for queue in self.waiting.values_mut() {
            queue.retain(&stays);
        }
        self.waiting.retain(|_, queue| !queue.is_empty());
        self.round.retain(|whose| self.waiting.contains_key(whose));
        self.length = self.waiting.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(name: &str, duration: u32) -> Whose {
        Whose::of(&Session::new("acs:ram::1:role/r".into(), name, duration))
    }

    fn line(names: &str) -> Line<char> {
        let mut line = Line::default();
        names.chars().for_each(|name| line.join(whose(&name.to_string(), 900), name));
        line
    }

    fn served(mut line: Line<char>) -> String {
        let order = std::iter::from_fn(|| line.next()).collect();
        assert_eq!((line.len(), line.waiting.len(), line.round.len()), (0, 0, 0));
        order
    }

    #[test]
    fn callers_take_turns_and_each_keeps_its_order() {
        assert_eq!(served(line("aaabbac")), "abcabaa");
        assert_eq!(served(line("abc")), "abc");
    }

    #[test]
    fn sessions_of_other_durations_are_the_same_callers() {
        assert_eq!(whose("a", 900), whose("a", 3600));
        assert_ne!(whose("a", 900), whose("b", 900));
    }

    #[test]
    fn whoever_has_the_most_makes_room_for_whoever_has_less() {
        let mut line = line("aaab");
        assert_eq!(line.displace_for(&whose("b", 1)), Some('a'));
        assert_eq!(line.displace_for(&whose("b", 1)), None);
        assert_eq!(line.displace_for(&whose("a", 1)), None);
        assert_eq!(line.displace_for(&whose("c", 1)), Some('a'));
        assert_eq!(served(line), "ab");
    }

    #[test]
    fn those_who_left_are_forgotten() {
        let mut line = line("aabc");
        line.retain(|name| *name != 'b' && *name != 'c');
        assert_eq!(line.len(), 2);
        assert_eq!(served(line), "aa");
    }
}
