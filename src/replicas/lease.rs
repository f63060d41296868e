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
use super::window::Window;

/// How long the right to load lasts unless it is prolonged, and so the longest that a dead replica delays the others: less
/// than the 5 seconds that a request waits, with time left for another replica to load.
pub const LEASE: Duration = Duration::from_secs(3);
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
        /// Until when nobody tries again, in Unix milliseconds.
        end: i64,
        /// How long it is kept.
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

    /// What is to be done by someone for whom entries end in `window`.
    pub async fn claim(&self, window: Window) -> Claim {
        let claim = match self.ask(window, false).await {
            Err(Rejected) => {
                self.replicas.tally.rejected.add();
                tracing::warn!(
                    "entry in Redis rejected: it was changed, moved or sealed by another key, or its end is not credible"
                );
                self.ask(window, true).await.unwrap_or(Claim::Alone)
            }
            Ok(claim) => claim,
        };
        let claim = match claim {
            Claim::Lease(lease) => self.look_under_old_names(lease, window).await,
            Claim::Busy if Instant::now() >= self.end => Claim::Alone,
            claim => claim,
        };
        self.count(&claim);
        claim
    }

    async fn ask(&self, window: Window, anew: bool) -> Result<Claim, Rejected> {
        let owner = Uuid::new_v4().simple().to_string();
        let mut call = self.call(&CLAIM);
        call.arg(&owner).arg(milliseconds(LEASE)).arg(window.needed).arg(if anew { "anew" } else { "" });
        call.arg(window.now);
        let answer: Option<(String, Vec<u8>)> = self.replicas.link.run(&call).await;
        let open = |kind, entry: &[u8]| self.open(kind, entry, window).ok_or(Rejected);
        match answer {
            Some((what, entry)) => match what.as_str() {
                "key" => Ok(Claim::Key(open(Kind::Key, &entry)?)),
                "failure" => Ok(Claim::Failure(open(Kind::Failure, &entry)?)),
                "lease" => Ok(Claim::Lease(Lease { owner })),
                "busy" if is_under_way(&entry) => Ok(Claim::Busy),
                _ => Ok(Claim::Alone),
            },
            None => Ok(Claim::Alone),
        }
    }

    /// What `entry` holds, if it was sealed for this and ends in `window`.
    fn open(&self, kind: Kind, entry: &[u8], window: Window) -> Option<Zeroizing<Vec<u8>>> {
        let plain = self.replicas.ring.open(kind, &self.context, entry)?;
        seal::end(entry).is_some_and(|end| window.has(kind, end)).then_some(plain)
    }

    /// While sealing keys change, an entry may still stand under the name that an old one gave it.
    async fn look_under_old_names(&self, lease: Lease, window: Window) -> Claim {
        match self.look(&self.names[1..], window).await {
            Some(plain) => Claim::Old(lease, plain),
            None => Claim::Lease(lease),
        }
    }

    /// What another replica stored and ends in `window`, for when nothing better can be had.
    pub async fn last_resort(&self, window: Window) -> Option<Zeroizing<Vec<u8>>> {
        self.look(&self.names, window).await
    }

    async fn look(&self, names: &[Digest], window: Window) -> Option<Zeroizing<Vec<u8>>> {
        for name in names {
            let found = self.replicas.link.get(&self.replicas.keys.of(name).key).await;
            if let Some(plain) = found.flatten().and_then(|entry| self.open(Kind::Key, &entry, window)) {
                return Some(plain);
            }
        }
        None
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
            Outcome::Failure { plain, end, life } => {
                call.arg("failure").arg(seal(Kind::Failure, end, &plain)).arg(milliseconds(life));
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

/// Whether a lease of which so many milliseconds are left keeps others waiting: one that is over, or is to last longer
/// than any, is no lease.
fn is_under_way(left: &[u8]) -> bool {
    let left = std::str::from_utf8(left).ok().and_then(|left| left.parse().ok());
    left.is_some_and(|left| (1..=milliseconds(LEASE)).contains(&left))
}

/// At least one: Redis takes no life of nothing.
fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_is_over_or_lasts_too_long_keeps_nobody_waiting() {
        for (left, is_so) in
            [("1", true), ("3000", true), ("0", false), ("-1", false), ("3001", false), ("", false), ("soon", false)]
        {
            assert_eq!(is_under_way(left.as_bytes()), is_so, "{left}");
        }
    }
}
