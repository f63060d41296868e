//! One load for all replicas: who finds the outcome, who makes it, who waits.

use std::sync::Arc;
use std::time::Duration;

use redis::ScriptInvocation;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Replicas;
use super::news::Waiting;
use super::script::{CLAIM, Names, PROLONG, SETTLE};
use super::seal::{self, Digest, Kind};

/// How long the right to load lasts unless it is prolonged, and so the longest that a dead replica delays the others.
pub const LEASE: Duration = Duration::from_secs(5);
/// How often a lease is prolonged while the load lasts.
const PROLONGING: Duration = Duration::from_secs(1);
/// How often those who wait ask, should the message be lost.
const POLL: Duration = Duration::from_millis(300);

/// Where the outcome of one load is shared.
#[derive(Debug)]
pub struct Place {
    replicas: Arc<Replicas>,
    context: Vec<u8>,
    /// The names by each sealing key; the first one's is where entries are put.
    names: Vec<Digest>,
    keys: Names,
    /// Until then it is worth waiting for another replica.
    end: Instant,
}

/// What is to be done.
#[derive(Debug)]
pub enum Claim {
    /// Nothing: here is what another replica stored. It is authentic, and lives as long as was asked.
    Key(Zeroizing<Vec<u8>>),
    /// Nothing: this is how it failed. It is authentic.
    Failure(Zeroizing<Vec<u8>>),
    /// Settle this anew: it is authentic and lives as long as was asked, but an old sealing key sealed it.
    Old(Lease, Zeroizing<Vec<u8>>),
    /// Load it, for all.
    Lease(Lease),
    /// Wait: another replica loads it.
    Busy,
    /// Load it as if there were no other replica: Redis cannot be asked, or another one has been loading for too long.
    Alone,
}

/// The right to load.
#[derive(Debug)]
pub struct Lease {
    owner: String,
}

/// What came of a load.
#[derive(Debug)]
pub enum Outcome {
    /// It is to be had by all.
    Key {
        /// What is sealed and stored.
        plain: Zeroizing<Vec<u8>>,
        /// When it ends, in Unix milliseconds.
        end: i64,
        /// How long it is kept.
        life: Duration,
    },
    /// It failed in a way that is the same for all.
    Failure {
        /// What is sealed and stored.
        plain: Zeroizing<Vec<u8>>,
        /// How long it is kept: nobody tries again before.
        life: Duration,
    },
    /// It came to nothing that concerns the others.
    Nothing,
}

impl Place {
    pub(super) fn new(replicas: Arc<Replicas>, context: Vec<u8>, patience: Duration) -> Self {
        let names = replicas.ring.names(&context);
        let keys = replicas.keys.of(&names[0]);
        Self { replicas, context, names, keys, end: Instant::now() + patience }
    }

    /// Listens for what other replicas settle here from now on.
    #[must_use]
    pub fn listen(&self) -> Listening<'_> {
        Listening { place: self, waiting: self.replicas.news.about(self.names[0]) }
    }

    /// What is to be done by someone who needs what lives until `end`, in Unix milliseconds.
    pub async fn claim(&self, end: i64) -> Claim {
        let claim = match self.ask(end, false).await {
            Err(Rejected) => {
                self.replicas.tally.rejected.add();
                tracing::warn!("what Redis holds does not open: it was changed, moved, or sealed by another key");
                self.ask(end, true).await.unwrap_or(Claim::Alone)
            }
            Ok(claim) => claim,
        };
        let claim = match claim {
            Claim::Lease(lease) => self.look_under_old_names(lease, end).await,
            Claim::Busy if Instant::now() >= self.end => Claim::Alone,
            claim => claim,
        };
        self.count(&claim);
        claim
    }

    async fn ask(&self, end: i64, anew: bool) -> Result<Claim, Rejected> {
        let owner = Uuid::new_v4().simple().to_string();
        let mut call = self.call(&CLAIM);
        call.arg(&owner).arg(milliseconds(LEASE)).arg(end).arg(if anew { "anew" } else { "" });
        let answer: Option<(String, Vec<u8>)> = self.replicas.link.run(&call).await;
        let open = |kind, entry: &[u8]| self.replicas.ring.open(kind, &self.context, entry).ok_or(Rejected);
        match answer {
            Some((what, entry)) => match what.as_str() {
                "key" => Ok(Claim::Key(open(Kind::Key, &entry)?)),
                "failure" => Ok(Claim::Failure(open(Kind::Failure, &entry)?)),
                "lease" => Ok(Claim::Lease(Lease { owner })),
                "busy" => Ok(Claim::Busy),
                _ => Ok(Claim::Alone),
            },
            None => Ok(Claim::Alone),
        }
    }

    /// While sealing keys change, an entry may still stand under the name that an old one gave it.
    async fn look_under_old_names(&self, lease: Lease, end: i64) -> Claim {
        for name in &self.names[1..] {
            let found = self.replicas.link.get(&self.replicas.keys.of(name).key).await;
            let Some(entry) = found.flatten() else { continue };
            if let Some(plain) = self.replicas.ring.open(Kind::Key, &self.context, &entry)
                && seal::end(&entry).is_some_and(|ends| ends >= end)
            {
                return Claim::Old(lease, plain);
            }
        }
        Claim::Lease(lease)
    }

    fn count(&self, claim: &Claim) {
        let tally = &self.replicas.tally;
        match claim {
            Claim::Key(_) | Claim::Old(..) => tally.found.add(),
            Claim::Failure(_) => tally.failures_found.add(),
            Claim::Lease(_) => tally.leased.add(),
            Claim::Busy => {}
            Claim::Alone => tally.alone.add(),
        }
    }

    /// The outcome of `load`, with `lease` prolonged until then.
    pub async fn hold<T>(&self, lease: &Lease, load: impl Future<Output = T>) -> T {
        let mut load = std::pin::pin!(load);
        let mut ticks = interval_at(Instant::now() + PROLONGING, PROLONGING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                outcome = &mut load => return outcome,
                _ = ticks.tick() => {}
            }
            let mut call = PROLONG.key(&self.keys.lease);
            call.arg(&lease.owner).arg(milliseconds(LEASE));
            tokio::select! {
                outcome = &mut load => return outcome,
                // A lease that was lost is another replica's; the worst is one call too many.
                _ = self.replicas.link.run::<u32>(&call) => {}
            }
        }
    }

    /// Shares `outcome` behind the caller's back, gives `lease` back, and tells those who wait.
    pub fn settle(&self, lease: Option<Lease>, outcome: Outcome) {
        let mut call = self.call(&SETTLE);
        call.arg(lease.map_or_else(String::new, |lease| lease.owner));
        let seal =
            |kind, end, plain: &[u8]| self.replicas.ring.seal(kind, &self.context, end, plain).unwrap_or_default();
        match outcome {
            Outcome::Key { plain, end, life } => {
                call.arg("key").arg(seal(Kind::Key, end, &plain)).arg(milliseconds(life));
            }
            Outcome::Failure { plain, life } => {
                call.arg("failure").arg(seal(Kind::Failure, 0, &plain)).arg(milliseconds(life));
            }
            Outcome::Nothing => {
                call.arg("nothing").arg("").arg(0);
            }
        }
        call.arg(self.replicas.keys.channel()).arg(&self.names[0][..]);
        let (replicas, call) = (Arc::clone(&self.replicas), call);
        tokio::spawn(async move { replicas.link.run::<u32>(&call).await });
    }

    fn call<'s>(&self, script: &'s redis::Script) -> ScriptInvocation<'s> {
        let mut call = script.prepare_invoke();
        call.key(&self.keys.key).key(&self.keys.failure).key(&self.keys.lease);
        call
    }
}

/// What Redis holds does not open.
struct Rejected;

/// One who waits at a place.
#[derive(Debug)]
pub struct Listening<'p> {
    place: &'p Place,
    waiting: Waiting<'p>,
}

impl Listening<'_> {
    /// Ends when it is worth asking again: something was settled, or could have been, or Redis is lost.
    pub async fn told(&mut self) {
        let replicas = &self.place.replicas;
        replicas.tally.waited.add();
        tokio::select! {
            () = self.waiting.told() => {}
            () = replicas.link.lost() => {}
            () = sleep(POLL) => {}
        }
    }
}

/// At least one: Redis takes no life of nothing.
fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1)
}
