//! Every answer, held against what was promised.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What STS's `Date` cannot tell: two seconds that the clock lets pass, and the one that `Date` rounds down to.
const GRAIN: TimeDelta = TimeDelta::seconds(3);

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Who asked.
    pub(crate) session: usize,
    /// When the key ends, if there is one.
    pub(crate) expiration: Result<DateTime<Utc>, String>,
    /// STS's time.
    pub(crate) truth: DateTime<Utc>,
    /// What the vault takes for the time.
    pub(crate) believed: DateTime<Utc>,
    /// Whether no failure of STS has to do with it.
    pub(crate) healthy: bool,
    /// How long it took.
    pub(crate) waited: Duration,
}

/// The figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) answers: u64,
    pub(crate) while_healthy: u64,
    /// Answers without a key, when none was held.
    pub(crate) without: u64,
    /// The same while one was held that STS still took, but that this machine's clock, put forward, took for dead.
    pub(crate) by_the_clock: u64,
    /// Keys below the margin, given since STS failed.
    pub(crate) below_margin: u64,
    pub(crate) longest_wait: Duration,
    /// What must not be.
    pub(crate) breaches: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<(Figures, HashMap<usize, DateTime<Utc>>)>);

impl Ledger {
    /// Notes an answer, and what is wrong with it.
    pub(crate) fn note(&self, answer: &Answer) {
        let mut inner = self.0.lock().unwrap();
        let (figures, held) = &mut *inner;
        figures.answers += 1;
        figures.while_healthy += u64::from(answer.healthy);
        figures.longest_wait = figures.longest_wait.max(answer.waited);
        let best = held.entry(answer.session).or_insert(DateTime::UNIX_EPOCH);
        let breach = match &answer.expiration {
            Ok(expiration) => {
                *best = (*best).max(*expiration);
                figures.judge_key(answer, *expiration - answer.truth)
            }
            Err(error) => figures.judge_failure(answer, *best, error),
        };
        // The first ones tell the story.
        figures.breaches.extend(breach.filter(|_| figures.breaches.len() < 20));
    }

    pub(crate) fn figures(self) -> Figures {
        self.0.into_inner().unwrap().0
    }
}

impl Figures {
    fn judge_key(&mut self, answer: &Answer, left: TimeDelta) -> Option<String> {
        let margin = left + GRAIN >= TimeDelta::seconds(60);
        self.below_margin += u64::from(!margin);
        let fine = left + GRAIN > TimeDelta::zero() && (margin || !answer.healthy);
        (!fine).then(|| format!("a key with {left} left: {answer:?}"))
    }

    fn judge_failure(&mut self, answer: &Answer, best: DateTime<Utc>, error: &str) -> Option<String> {
        let dead = best <= answer.truth;
        let taken_for_dead = best <= answer.believed;
        self.without += u64::from(dead);
        self.by_the_clock += u64::from(!dead && taken_for_dead);
        (!taken_for_dead && !dead).then(|| format!("no key ({error}) although one lives until {best}: {answer:?}"))
    }
}
