//! One budget of calls for all replicas, and each one's share of it when Redis cannot divide it.

use std::time::Duration;

use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Replicas;
use super::presence::LIFE;
use super::script::TURN;

/// An eighth of a second's worth of calls may go out at once, whoever makes them.
const BURST: Duration = Duration::from_millis(125);

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
    /// Whoever has it asks; the others of this replica stand in line.
    line: Mutex<Share>,
}

/// What this replica may do without asking.
#[derive(Debug)]
struct Share {
    /// The next call.
    next: Instant,
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
        Self { interval, line: Mutex::new(Share { next: Instant::now() }) }
    }

    pub(super) async fn take(&self, replicas: &Replicas, patience: Duration) -> Result<(), NoTurn> {
        let end = Instant::now() + patience;
        let no_turn = NoTurn { retry_after: patience };
        let mut share = timeout_at(end, self.line.lock()).await.map_err(|_| no_turn)?;
        let left = end.saturating_duration_since(Instant::now());
        match self.ask(replicas, left).await {
            Answer::NotNow => Err(no_turn),
            Answer::Silence => self.wait(&mut share, replicas, end).await,
            Answer::Wait(wait) if wait.is_zero() => {
                self.went(&mut share, replicas);
                Ok(())
            }
            Answer::Wait(wait) => {
                // What was promised by a Redis that is gone is worth nothing: the next one to ask may be promised it too.
                if timeout(wait, replicas.link.lost()).await.is_ok() {
                    return self.wait(&mut share, replicas, end).await;
                }
                self.went(&mut share, replicas);
                Ok(())
            }
        }
    }

    pub(super) async fn spare(&self, replicas: &Replicas) -> Result<(), NoTurn> {
        let no_turn = NoTurn { retry_after: Duration::from_secs(1) };
        let Ok(mut share) = self.line.try_lock() else { return Err(no_turn) };
        let spared = match self.ask(replicas, Duration::ZERO).await {
            Answer::Wait(_) => true,
            Answer::NotNow => false,
            Answer::Silence => share.next <= Instant::now(),
        };
        if spared {
            self.went(&mut share, replicas);
        }
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
                u64::try_from(wait).map_or(Answer::NotNow, |wait| Answer::Wait(Duration::from_micros(wait)))
            }
        }
    }

    /// Waits for a turn of this replica's share.
    async fn wait(&self, share: &mut Share, replicas: &Replicas, end: Instant) -> Result<(), NoTurn> {
        if share.next > end {
            return Err(NoTurn { retry_after: share.next.saturating_duration_since(Instant::now()) });
        }
        sleep(share.next.saturating_duration_since(Instant::now())).await;
        self.went(share, replicas);
        Ok(())
    }

    /// Notes a call: should Redis be lost now, this replica goes on at its own pace.
    fn went(&self, share: &mut Share, replicas: &Replicas) {
        share.next = share.next.max(Instant::now()) + self.interval * replicas.presence.sharers();
    }
}
