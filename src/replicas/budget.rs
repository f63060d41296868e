//! One budget of calls for all replicas, and each one's share of it when Redis cannot divide it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::Replicas;
use super::presence::LIFE;
use super::script::TURN;

/// An eighth of a second's worth of calls may go out at once, whoever makes them.
const BURST: Duration = Duration::from_millis(125);

/// So many of a replica ask or wait for a turn at the same time: few, so that little is promised when Redis is lost, but
/// more than one, so that a Redis far away does not set the pace.
const ASKING: usize = 4;

/// How long a call that nobody waits for stands in line, and when it may come again.
const SPARE_PATIENCE: Duration = Duration::from_secs(1);

/// There is no turn in time.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("all replicas together have no call to spare")]
pub struct NoTurn {
    /// After this it is worth trying again.
    pub retry_after: Duration,
}

#[derive(Debug)]
pub(super) struct Turns {
    interval: Duration,
    /// Whoever has a permit asks; the others of this replica stand in line.
    line: Semaphore,
    /// The same for calls that nobody waits for; they never stand before the others.
    spare_line: Semaphore,
    /// When this replica makes its next call, if it does not ask.
    next: Mutex<Instant>,
}

/// What Redis says.
enum Answer {
    Wait(Duration),
    NotNow,
    Silence,
}

impl Turns {
    pub(super) fn new(calls_per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / calls_per_second.max(1);
        Self { interval, line: Semaphore::new(ASKING), spare_line: Semaphore::new(1), next: Mutex::new(Instant::now()) }
    }

    pub(super) async fn take(&self, replicas: &Replicas, patience: Duration) -> Result<(), NoTurn> {
        let end = Instant::now() + patience;
        let no_turn = NoTurn { retry_after: patience };
        let permit = timeout_at(end, self.line.acquire()).await.map_err(|_late| no_turn)?;
        let _permit = permit.expect("the line is never closed");
        let left = end.saturating_duration_since(Instant::now());
        match self.ask(replicas, left).await {
            Answer::NotNow => Err(no_turn),
            Answer::Silence => self.wait(replicas, end).await,
            // What was promised by a Redis that is gone is worth nothing: the next one may promise it again.
            Answer::Wait(wait) if !wait.is_zero() && timeout(wait, replicas.link.lost()).await.is_ok() => {
                self.wait(replicas, end).await
            }
            Answer::Wait(_) => {
                self.went(replicas);
                Ok(())
            }
        }
    }

    pub(super) async fn spare(&self, replicas: &Replicas) -> Result<(), NoTurn> {
        let no_turn = NoTurn { retry_after: SPARE_PATIENCE };
        let permit = timeout(SPARE_PATIENCE, self.spare_line.acquire()).await.map_err(|_late| no_turn)?;
        let _permit = permit.expect("the line is never closed");
        let spared = match self.ask(replicas, Duration::ZERO).await {
            Answer::Wait(_) => {
                self.went(replicas);
                true
            }
            Answer::NotNow => false,
            Answer::Silence => self.reserve(replicas, Instant::now()).is_some(),
        };
        spared.then_some(()).ok_or(no_turn)
    }

    async fn ask(&self, replicas: &Replicas, patience: Duration) -> Answer {
        let micros = |length: Duration| length.as_micros().to_string();
        // A call that nobody waits for leaves half of the burst to those that someone will wait for.
        let burst = if patience.is_zero() { BURST / 2 } else { BURST };
        let mut call = TURN.key(replicas.keys.budget());
        call.key(replicas.keys.presence())
            .arg(&replicas.presence.id)
            .arg(LIFE.as_millis().to_string())
            .arg(micros(self.interval))
            .arg(micros(burst.max(self.interval)))
            .arg(micros(patience))
            .arg(replicas.presence.most());
        match replicas.link.run::<(i64, u32, String)>(&call).await {
            None => Answer::Silence,
            Some((wait, seen, _at)) => {
                replicas.presence.sighted(seen);
                answer(wait, patience)
            }
        }
    }

    /// Waits for a turn of this replica's share.
    async fn wait(&self, replicas: &Replicas, end: Instant) -> Result<(), NoTurn> {
        let no_turn = NoTurn { retry_after: self.interval * replicas.presence.sharers() };
        sleep_until(self.reserve(replicas, end).ok_or(no_turn)?).await;
        Ok(())
    }

    /// The next turn of this replica's share, unless it is after `end`.
    fn reserve(&self, replicas: &Replicas, end: Instant) -> Option<Instant> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        if turn > end {
            return None;
        }
        *next = turn + self.interval * replicas.presence.sharers();
        Some(turn)
    }

    /// Notes a call whose turn Redis gave: should it be lost now, this replica goes on at its own pace, without a burst.
    fn went(&self, replicas: &Replicas) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + self.interval * replicas.presence.sharers());
    }
}

/// What it means that Redis says to wait for so many microseconds. It says no rather than to wait for longer than was
/// asked: a longer wait is none of its answers.
fn answer(wait: i64, patience: Duration) -> Answer {
    match u64::try_from(wait).map(Duration::from_micros) {
        Ok(wait) if wait <= patience => Answer::Wait(wait),
        Ok(_not_credible) => Answer::Silence,
        Err(_negative) => Answer::NotNow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_beyond_the_patience_is_no_answer_of_redis() {
        let patience = Duration::from_secs(5);
        assert!(matches!(answer(5_000_000, patience), Answer::Wait(wait) if wait == patience));
        assert!(matches!(answer(5_000_001, patience), Answer::Silence));
        assert!(matches!(answer(i64::MAX, Duration::ZERO), Answer::Silence));
        assert!(matches!(answer(-1, patience), Answer::NotNow));
    }
}
