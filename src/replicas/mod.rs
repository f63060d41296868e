//! What the replicas of one server share through Redis: sealed outcomes, the right to load, and one budget of calls.
//!
//! 1. Redis is never needed. What cannot be had from it in time is done as if there were no Redis: whoever asks learns
//!    [`Claim::Alone`] or takes a turn of this replica's own share.
//! 2. One time-out is enough: the link is then taken for broken, nobody asks, and a task behind the requests looks for
//!    Redis until it answers again. So an outage costs each request that is under way one time-out, and later ones nothing.
//! 3. What is stored is sealed by AES-256-GCM with its whole context as associated data, so that an entry that was moved,
//!    changed, or made by somebody else does not open; then it is as good as absent. Names in Redis are keyed digests of
//!    the context and say nothing; that two contexts should have one name is caught by the seal.
//! 4. The right to load is a lease of [`LEASE`] with an owner, prolonged while the load lasts; a holder that dies delays
//!    the others by no more. They hear of the outcome by a message and, should that be lost, by asking again.
//! 5. The budget is a bucket in Redis, filled by its time. Each replica asks for few turns at a time, so what was promised
//!    when Redis is lost or flushed is next to nothing. Without Redis a replica has its share: the whole by the number of
//!    replicas seen lately.
//!
//! Times in Redis are its own; the life of what is stored is told by whoever stores it. Nothing that Redis answers is
//! believed for what its scripts compare: every end, wait, debt and count is held to its bounds where it is read.

mod budget;
mod connect;
mod keeper;
mod lease;
mod link;
mod news;
mod options;
mod presence;
mod script;
mod seal;
mod spent;
mod tally;
mod window;

use std::sync::Arc;
use std::time::Duration;

pub use self::budget::NoTurn;
use self::budget::Turns;
pub use self::lease::{Claim, LEASE, Lease, Outcome, Place};
use self::link::Link;
use self::news::News;
pub use self::options::{Mode, Options, SealingKey, Unusable};
use self::presence::Presence;
use self::script::Keys;
use self::seal::Ring;
use self::tally::Tally;
pub use self::tally::{Counts, State};
pub use self::window::Window;

/// What this replica shares with the others. It ends when the last handle is dropped.
#[derive(Debug)]
pub struct Replicas {
    link: Link,
    ring: Ring,
    keys: Keys,
    news: Arc<News>,
    presence: Arc<Presence>,
    turns: Turns,
    tally: Arc<Tally>,
}

impl Replicas {
    /// Begins to look for Redis, behind whoever asks, at once or when there is a tokio runtime; `calls_per_second` is the budget of all replicas together.
    pub fn open(options: &Options, calls_per_second: u32) -> Result<Arc<Self>, Unusable> {
        let (keys, tally) = (Keys::new(&options.prefix), Arc::<Tally>::default());
        let ring = Ring::new(&options.sealing_keys)?;
        let news = Arc::<News>::default();
        let presence = Arc::new(Presence::new(options.replicas));
        let door = connect::Door::new(options, Arc::clone(&news), keys.channel())?;
        let link = Link::keep(door, options, keys.clone(), Arc::clone(&presence), Arc::clone(&tally));
        Ok(Arc::new(Self { link, ring, keys, news, presence, turns: Turns::new(calls_per_second), tally }))
    }

    /// The place of what `context` names in full, for one load that waits `patience` for others at the longest. Two
    /// contexts are never answered with the same entry.
    #[must_use]
    pub fn place(self: &Arc<Self>, context: Vec<u8>, patience: Duration) -> Place {
        Place::new(Arc::clone(self), context, patience)
    }

    /// Waits for this replica's turn to make a call, `patience` at the longest.
    pub async fn turn(&self, patience: Duration) -> Result<(), NoTurn> {
        self.turns.take(self, patience).await
    }

    /// Takes a call that nobody waits for, if there is one to spare.
    pub async fn spare(&self) -> Result<(), NoTurn> {
        self.turns.spare(self).await
    }

    /// What was done since the start, and how Redis is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.tally.counts(self.link.is_up(), self.presence.seen())
    }
}
