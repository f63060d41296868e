//! What a request does whose session key is not in the cache: it starts a load or joins one, and waits no longer than it may.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::error::{LoadError, Pending, Unopened};
use super::life;
use super::request::RequestTime;
use super::slot::{Slot, Step};
use super::{LiveKey, Vault};
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;

impl Vault {
    /// The key of `wanted`, after whatever has to be waited for.
    pub(super) async fn decide(
        self: &Arc<Self>,
        wanted: &Session,
        life: TimeDelta,
        request: &RequestTime,
    ) -> Result<LiveKey, Unopened> {
        let end = request.waits_until(self.clock.elapsed());
        let key = match self.opener(end).await {
            Ok(opener) => {
                let now = self.clock.cloud_time();
                let (slot, given_up) = self.lasting.slots.place(wanted, &opener, now);
                self.lasting.tally.evicted(given_up);
                self.take_over(&slot, now);
                self.ask(&slot, &opener, life, end).await
            }
            Err(unopened) => {
                let alive = self.opened_before(wanted, self.clock.cloud_time());
                alive.map(|key| self.served_while_failing(key)).ok_or(unopened)
            }
        };
        key.map(|key| LiveKey { key, at: self.clock.cloud_time() })
    }

    /// The AccessKey itself, for what only it can sign; a request waits for it as long as for a session.
    pub async fn access_key_for(&self, request: &RequestTime) -> Result<Arc<AccessKey>, Unopened> {
        self.opener(request.waits_until(self.clock.elapsed())).await
    }

    /// The AccessKey, if it is there before `end` of the clock's run.
    async fn opener(&self, end: Duration) -> Result<Arc<AccessKey>, Unopened> {
        match self.before(end, self.access_key()).await {
            Some(Ok(opener)) => Ok(opener),
            Some(Err(error)) => {
                Err(Unopened { error: Arc::new(LoadError::AccessKey(error)), retry_at: self.clock.cloud_time() })
            }
            None => Err(Unopened::pending(Pending::AccessKey, self.clock.cloud_time())),
        }
    }

    /// The outcome of `work`, unless the clock's run comes to `end` before it.
    async fn before<T>(&self, end: Duration, work: impl Future<Output = T>) -> Option<T> {
        let left = end.saturating_sub(self.clock.elapsed());
        tokio::select! {
            biased;
            outcome = work => Some(outcome),
            () = self.clock.sleep(left) => None,
        }
    }

    async fn ask(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        opener: &Arc<AccessKey>,
        life: TimeDelta,
        end: Duration,
    ) -> Result<Arc<SessionKey>, Unopened> {
        let mut has_asked_again = false;
        let unopened = loop {
            let now = self.clock.cloud_time();
            match slot.step(now, now + life, |errand| self.launch(slot, opener, errand)) {
                Step::Ready(key) => return Ok(key),
                Step::ReadyWhileFailing(key) => return Ok(self.served_while_failing(key)),
                Step::Failed(unopened) => break unopened,
                Step::Wait(flight) => match self.before(end, flight).await {
                    Some(Ok(key)) if !has_asked_again && self.is_worth_asking_again(&key, life) => {
                        has_asked_again = true;
                    }
                    Some(Ok(key)) => return Ok(key),
                    Some(Err(unopened)) => break unopened,
                    None => break Unopened::pending(Pending::Sts, self.clock.cloud_time()),
                },
            }
        };
        self.alive_all_the_same(slot).map(|key| self.served_while_failing(key)).ok_or(unopened)
    }

    /// Whether a key that was waited for is no answer: the clock was corrected meanwhile, by which it is about to end, or
    /// another replica opened it, it is near its end and a longer one is needed.
    fn is_worth_asking_again(&self, key: &SessionKey, life: TimeDelta) -> bool {
        let now = self.clock.cloud_time();
        let falls_short = self.replicas.is_some() && life::falls_short(key, now + life, now);
        falls_short || !life::is_fresh(key, now)
    }

    /// What is alive when a load has failed: it may have set the clock right, by which a key that seemed to be over is
    /// not; and what was opened by an AccessKey that a reload has replaced is better than nothing.
    fn alive_all_the_same(&self, slot: &Slot) -> Option<Arc<SessionKey>> {
        let now = self.clock.cloud_time();
        slot.live_key(now).or_else(|| self.opened_before(&slot.session, now))
    }

    /// What is alive of `session`, whichever AccessKey opened it.
    fn opened_before(&self, session: &Session, now: DateTime<Utc>) -> Option<Arc<SessionKey>> {
        self.openers().iter().find_map(|opener| self.lasting.slots.find(session, opener)?.live_key(now))
    }
}
