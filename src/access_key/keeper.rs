//! Holds the key of a source, and renews it before it ends.
//!
//! The rules are the vault's, for one key: one attempt at a time, which belongs to the keeper and not to who waits for it;
//! renewal behind an answer, with jitter; a failure is remembered and backed off; what is alive is served meanwhile.

use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::document::Obtained;
use super::error::{AccessKeyError, Fault};
use super::file;
use super::source::{Means, Source};
use crate::clock::CorrectedClock;
use crate::keys::{AccessKey, Secret};

/// The longest for one attempt, whatever it asks: less than a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long before its end a key is renewed; a short-lived one in the last quarter of its life. The SDKs take 3 to 15 minutes.
const AHEAD: TimeDelta = TimeDelta::minutes(15);

/// The first and the longest pause after a failure; it doubles in between.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// The least time between two attempts that are made because STS refuses the key.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// A source and the key it gave.
pub(super) struct Keeper {
    source: Source,
    means: Means,
    held: ArcSwapOption<Held>,
    /// When something is to be done, in milliseconds of the clock's run.
    next: AtomicU64,
    work: Mutex<Work>,
}

/// A key that a source gave.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: Arc<AccessKey>,
    /// When this key, and not the one before, was obtained.
    pub(super) since: DateTime<Utc>,
    pub(super) expiration: Option<DateTime<Utc>>,
    fingerprint: Option<[u8; 32]>,
}

#[derive(Default)]
struct Work {
    attempt: Option<Attempt>,
    failed: Option<Failed>,
    /// When STS last refused the key, in the clock's run.
    refused: Option<Duration>,
}

struct Failed {
    error: AccessKeyError,
    count: u32,
}

type Attempt = Shared<BoxFuture<'static, Result<(), AccessKeyError>>>;

/// Why the source is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reason {
    /// It is time to.
    Due,
    /// STS does not take the key.
    Refused,
}

impl Keeper {
    pub(super) fn new(source: Source, means: Means) -> Self {
        Self { source, means, held: ArcSwapOption::empty(), next: AtomicU64::new(0), work: Mutex::default() }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// The key that is held, alive or not.
    pub(super) fn held(&self) -> Option<Arc<Held>> {
        self.held.load_full()
    }

    /// The key to use now, if it is not time to look after it.
    pub(super) fn at_hand(&self, clock: &CorrectedClock) -> Option<Arc<AccessKey>> {
        let is_time = milliseconds(clock.elapsed()) >= self.next.load(Ordering::Relaxed);
        if is_time { None } else { self.alive(clock).map(|held| Arc::clone(&held.key)) }
    }

    /// The key to use now. Nobody waits while one is alive, but for a look at a file.
    pub(super) async fn current(
        self: &Arc<Self>,
        clock: &Arc<CorrectedClock>,
    ) -> Result<Arc<AccessKey>, AccessKeyError> {
        let alive = self.alive(clock);
        if milliseconds(clock.elapsed()) < self.next.load(Ordering::Relaxed) {
            if let Some(held) = alive {
                return Ok(Arc::clone(&held.key));
            }
            if let Some(error) = self.failure() {
                return Err(error);
            }
        }
        let attempt = self.attempt(clock, Reason::Due);
        match alive {
            Some(held) if self.source.watched().is_none() => Ok(Arc::clone(&held.key)),
            _ => match (attempt.await, self.alive(clock)) {
                (_, Some(held)) => Ok(Arc::clone(&held.key)),
                (Err(error), None) => Err(error),
                (Ok(()), None) => Err(self.error(Fault::Expired)),
            },
        }
    }

    /// Another key than `refused`, which STS does not take, if the source has one by now. It is asked once in a while.
    pub(super) async fn instead_of(
        self: &Arc<Self>,
        refused: &AccessKey,
        clock: &Arc<CorrectedClock>,
    ) -> Option<Arc<AccessKey>> {
        let other = || self.alive(clock).map(|held| Arc::clone(&held.key)).filter(|key| !is_same(key, refused));
        if let Some(key) = other() {
            return Some(key);
        }
        let under_way = self.lock().attempt.clone().filter(|attempt| attempt.peek().is_none());
        let attempt = match under_way {
            Some(attempt) => attempt,
            None if self.may_ask_again(clock) => self.attempt(clock, Reason::Refused),
            None => return None,
        };
        // How it ended shows in what is held.
        drop(attempt.await);
        other()
    }

    fn may_ask_again(&self, clock: &CorrectedClock) -> bool {
        let (mut work, now) = (self.lock(), clock.elapsed());
        let may = work.refused.is_none_or(|last| now >= last + AFTER_REFUSAL);
        if may {
            work.refused = Some(now);
        }
        may
    }

    fn alive(&self, clock: &CorrectedClock) -> Option<Arc<Held>> {
        let held = self.held.load_full()?;
        let is_over = held.expiration.is_some_and(|expiration| expiration <= clock.cloud_time());
        if is_over { None } else { Some(held) }
    }

    fn failure(&self) -> Option<AccessKeyError> {
        self.lock().failed.as_ref().map(|failed| failed.error.clone())
    }

    fn error(&self, fault: Fault) -> AccessKeyError {
        AccessKeyError { place: self.source.name(), fault }
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt that is under way, or a new one. It is a task of its own and ends whoever waits.
    fn attempt(self: &Arc<Self>, clock: &Arc<CorrectedClock>, reason: Reason) -> Attempt {
        let mut work = self.lock();
        if let Some(attempt) = work.attempt.as_ref().filter(|attempt| attempt.peek().is_none()) {
            return attempt.clone();
        }
        let (keeper, clock) = (Arc::clone(self), Arc::clone(clock));
        let task = tokio::spawn(async move { keeper.renew(&clock, reason).await });
        let broke_off = self.error(Fault::BrokeOff);
        let attempt = task.map(|ended| ended.unwrap_or(Err(broke_off))).boxed().shared();
        work.attempt = Some(attempt.clone());
        attempt
    }

    async fn renew(&self, clock: &CorrectedClock, reason: Reason) -> Result<(), AccessKeyError> {
        let outcome = tokio::select! {
            outcome = self.ask(clock, reason) => outcome,
            () = clock.sleep(PATIENCE) => Err(self.error(Fault::TookTooLong)),
        };
        match outcome {
            Ok(Some(obtained)) if obtained.expiration.is_some_and(|end| end <= clock.cloud_time()) => {
                self.fail(self.error(Fault::Expired), clock)
            }
            Ok(Some(obtained)) => {
                self.hold(obtained, clock);
                Ok(())
            }
            Ok(None) => {
                self.rest(self.source.pause(), clock);
                Ok(())
            }
            Err(error) => self.fail(error, clock),
        }
    }

    /// What the source gives; nothing if what it was read from has not changed, and the key need not be renewed.
    async fn ask(&self, clock: &CorrectedClock, reason: Reason) -> Result<Option<Obtained>, AccessKeyError> {
        let known = self.alive(clock).filter(|held| reason == Reason::Due && !is_due(held, clock.cloud_time()));
        let known = known.and_then(|held| held.fingerprint);
        if let (Some(known), Some(file)) = (known, self.source.watched()) {
            let text = file::read(file).await.map_err(|fault| self.error(fault))?;
            if file::fingerprint(&text) == known {
                return Ok(None);
            }
        }
        self.source.obtain(&self.means, clock).await.map(Some)
    }

    fn hold(&self, obtained: Obtained, clock: &CorrectedClock) {
        let Obtained { key, expiration, fingerprint } = obtained;
        let now = clock.cloud_time();
        let before = self.held.load_full();
        let unchanged = before.as_ref().filter(|held| is_same(&held.key, &key));
        let (key, since) = if let Some(held) = unchanged {
            (Arc::clone(&held.key), held.since)
        } else {
            let replaced = before.as_ref().map(|held| held.key.id.as_str());
            let expiration = expiration.map(tracing::field::display);
            tracing::info!(
                source = self.source.name(),
                id = key.id,
                replaced,
                expiration,
                "the AccessKey was obtained"
            );
            (Arc::new(key), now)
        };
        self.held.store(Some(Arc::new(Held { key, since, expiration, fingerprint })));
        let pause = self.source.pause();
        let until_due = expiration.map_or(pause, |end| until_due(end, now));
        self.rest(if self.source.watched().is_some() { pause } else { until_due }, clock);
    }

    /// All is well; nothing is to be done for so long.
    fn rest(&self, pause: Duration, clock: &CorrectedClock) {
        if self.lock().failed.take().is_some() {
            tracing::info!(source = self.source.name(), "the source of the AccessKey answers again");
        }
        self.next.store(milliseconds(clock.elapsed() + pause), Ordering::Relaxed);
    }

    /// Told once: only the first of several failures of one kind is a warning.
    fn fail(&self, error: AccessKeyError, clock: &CorrectedClock) -> Result<(), AccessKeyError> {
        let mut work = self.lock();
        let is_news = work.failed.as_ref().is_none_or(|failed| failed.error.to_string() != error.to_string());
        if is_news {
            let still = self.alive(clock).map(|held| held.key.id.clone());
            tracing::warn!(source = self.source.name(), %error, still, hint = error.hint(), "no AccessKey was obtained");
        }
        let count = work.failed.as_ref().map_or(1, |failed| failed.count.saturating_add(1));
        work.failed = Some(Failed { error: error.clone(), count });
        let pause = if self.source.watched().is_some() { self.source.pause() } else { back_off(count) };
        self.next.store(milliseconds(clock.elapsed() + pause), Ordering::Relaxed);
        Err(error)
    }
}

impl Debug for Keeper {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("source", &self.source).field("held", &self.held.load()).finish_non_exhaustive()
    }
}

/// Whether two keys are one and the same.
pub(super) fn is_same(one: &AccessKey, other: &AccessKey) -> bool {
    // No token is as good as an empty one.
    fn secrets(key: &AccessKey) -> [&[u8]; 2] {
        [key.secret.expose().as_bytes(), key.token.as_ref().map_or("", Secret::expose).as_bytes()]
    }
    let ([secret, token], [other_secret, other_token]) = (secrets(one), secrets(other));
    one.id == other.id && bool::from(secret.ct_eq(other_secret) & token.ct_eq(other_token))
}

/// How long before its end a key that comes `now` and ends at `end` is renewed.
fn ahead(end: DateTime<Utc>, now: DateTime<Utc>) -> TimeDelta {
    AHEAD.min((end - now) / 4)
}

/// When a key that ends at `end` is to be renewed: ahead of that, and not at the same moment by all replicas.
fn until_due(end: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    let ahead = ahead(end, now);
    let jitter = random_below((ahead / 5).to_std().unwrap_or_default());
    (end - ahead - now).to_std().unwrap_or_default().saturating_sub(jitter)
}

/// Whether a key whose file has not changed is renewed all the same.
fn is_due(held: &Held, now: DateTime<Utc>) -> bool {
    held.expiration.is_some_and(|end| end - now <= ahead(end, held.since))
}

fn back_off(count: u32) -> Duration {
    let [first, longest] = PAUSES;
    let doubled = (first * 2_u32.pow(count.saturating_sub(1).min(6))).min(longest);
    first + random_below(doubled.saturating_sub(first))
}

fn random_below(limit: Duration) -> Duration {
    Duration::from_millis(Uuid::new_v4().as_u64_pair().1 % milliseconds(limit).max(1))
}

pub(super) fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
