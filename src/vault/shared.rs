//! The second level: a load first looks at what other replicas have opened, and loads for them if nobody has.
//!
//! A request that is answered from the vault never comes here. What Redis cannot do in time is done without it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Vault;
use super::entry::{context, key, plain};
use super::error::{LONGEST_REMEMBERED, LoadError, Unopened};
use super::life::MARGIN;
use super::load::{Errand, Failed};
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;
use crate::replicas::{Claim, Lease, Outcome, Place, Replicas, Window};
use crate::sts::Retold;

/// How long a load waits for another replica: as long as one may take. A holder that dies is noticed much sooner.
const PATIENCE: Duration = Duration::from_secs(17);

/// No session lives longer: 12 hours, and 15 minutes by which STS takes a clock to be wrong.
const LONGEST_SESSION: TimeDelta = TimeDelta::minutes(12 * 60 + 15);

/// What the last resort has to live for yet.
const SHORTEST: TimeDelta = TimeDelta::milliseconds(1);

/// A failure as one replica tells it to another.
#[derive(Deserialize, Serialize)]
struct Told {
    error: Retold,
    /// In Unix milliseconds.
    retry_at: i64,
    count: u32,
}

impl Vault {
    /// The key that another replica has opened, or else one that this replica opens for all.
    pub(super) async fn share(
        &self,
        replicas: &Arc<Replicas>,
        session: &Session,
        access_key: &Arc<AccessKey>,
        errand: &Errand,
    ) -> Result<Arc<SessionKey>, Failed> {
        let place = replicas.place(context(session, access_key), PATIENCE);
        let loaded = self.find_or_open(&place, session, access_key, errand).await;
        if loaded.is_err() && errand.held_until.is_none() {
            // As a vault does with its own keys: while STS fails, what lives is given to its last second.
            let now = self.clock.cloud_time();
            let plain = place.last_resort(within(now, now + SHORTEST)).await;
            let now = self.clock.cloud_time();
            if let Some(key) = plain.and_then(|plain| found(&plain, now, now + SHORTEST)) {
                self.lasting.tally.served_while_failing();
                return Ok(key);
            }
        }
        loaded
    }

    async fn find_or_open(
        &self,
        place: &Place,
        session: &Session,
        access_key: &Arc<AccessKey>,
        errand: &Errand,
    ) -> Result<Arc<SessionKey>, Failed> {
        let mut news = place.listen();
        loop {
            let asked = self.clock.cloud_time();
            let claim = place.claim(within(asked, needed(errand, asked))).await;
            // What Redis says is judged by the time at which it is read, whatever its scripts compared it with.
            let now = self.clock.cloud_time();
            match claim {
                Claim::Key(plain) => match found(&plain, now, needed(errand, now)) {
                    Some(key) => return Ok(key),
                    None => break,
                },
                Claim::Old(lease, plain) => match found(&plain, now, needed(errand, now)) {
                    Some(key) => {
                        self.settle(place, Some(lease), &Ok(Arc::clone(&key)));
                        return Ok(key);
                    }
                    None => return self.open_for_all(place, lease, (session, access_key, errand)).await,
                },
                Claim::Failure(plain) => match failure(&plain, now) {
                    Some(failed) => return Err(failed),
                    None => break,
                },
                Claim::Lease(lease) => return self.open_for_all(place, lease, (session, access_key, errand)).await,
                Claim::Busy => news.told().await,
                Claim::Alone => break,
            }
        }
        let opened = self.open(session, access_key, errand).await;
        self.settle(place, None, &opened);
        opened
    }

    async fn open_for_all(
        &self,
        place: &Place,
        lease: Lease,
        (session, access_key, errand): (&Session, &Arc<AccessKey>, &Errand),
    ) -> Result<Arc<SessionKey>, Failed> {
        let opened = place.hold(&lease, self.open(session, access_key, errand)).await;
        self.settle(place, Some(lease), &opened);
        opened
    }

    fn settle(&self, place: &Place, lease: Option<Lease>, opened: &Result<Arc<SessionKey>, Failed>) {
        let now = self.clock.cloud_time();
        let until = |moment: DateTime<Utc>| (moment - now).to_std().unwrap_or_default();
        let outcome = match opened {
            Ok(key) => {
                let end = key.expiration.timestamp_millis();
                Outcome::Key { plain: plain(key), end, life: until(key.expiration) }
            }
            Err(failed) => match told(failed) {
                Some(plain) => {
                    let retry_at = failed.unopened.retry_at;
                    Outcome::Failure { plain, end: retry_at.timestamp_millis(), life: until(retry_at) }
                }
                None => Outcome::Nothing,
            },
        };
        place.settle(lease, outcome);
    }
}

/// Until when a key has to live to be worth taking.
fn needed(errand: &Errand, now: DateTime<Utc>) -> DateTime<Utc> {
    let better = errand.held_until.map(|end| end + TimeDelta::milliseconds(1));
    better.unwrap_or(now).max(now + MARGIN)
}

/// The ends that are believed at `now` of what has to live until `needed`.
fn within(now: DateTime<Utc>, needed: DateTime<Utc>) -> Window {
    Window {
        now: now.timestamp_millis(),
        needed: needed.timestamp_millis(),
        latest_key: (now + LONGEST_SESSION).timestamp_millis(),
        latest_failure: (now + LONGEST_REMEMBERED).timestamp_millis(),
    }
}

/// The key in `plain`, if it lives until `needed` and no longer than a session can. An entry that is authentic may still
/// be an old one, or that of a replica whose clock is wrong.
fn found(plain: &[u8], now: DateTime<Utc>, needed: DateTime<Utc>) -> Option<Arc<SessionKey>> {
    let key = key(plain)?;
    let (life, left) = (key.expiration - key.issued, key.expiration - now);
    let is_credible = TimeDelta::zero() < life && life <= LONGEST_SESSION && left <= LONGEST_SESSION;
    (is_credible && key.expiration >= needed).then(|| Arc::new(key))
}

fn told(failed: &Failed) -> Option<Zeroizing<Vec<u8>>> {
    let error = failed.unopened.error.sts()?.retold()?;
    let told = Told { error, retry_at: failed.unopened.retry_at.timestamp_millis(), count: failed.count };
    serde_json::to_vec(&told).ok().map(Zeroizing::new)
}

/// The failure, unless it is over at `now`, or lasts longer than any.
fn failure(plain: &[u8], now: DateTime<Utc>) -> Option<Failed> {
    let Told { error, retry_at, count } = serde_json::from_slice(plain).ok()?;
    let error = Arc::new(LoadError::Sts(error.into()));
    let unopened = Unopened { error, retry_at: DateTime::from_timestamp_millis(retry_at)? };
    unopened.is_current(now).then_some(Failed { unopened, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;

    #[test]
    fn a_key_from_redis_is_believed_only_with_the_life_that_a_session_can_have() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let hours = |hours| now + TimeDelta::hours(hours);
        let entry = |issued, expiration| plain(&SessionKey::new(opener_with_token(), issued, expiration));
        assert!(found(&entry(hours(-1), hours(11)), now, now).is_some());
        for (issued, expiration) in [
            (hours(-2), hours(-1)),
            (hours(-1), now - TimeDelta::milliseconds(1)),
            (hours(0), hours(13)),
            (hours(12), hours(24)),
            (hours(-24), hours(1)),
            (hours(2), hours(1)),
            (hours(0), hours(24 * 365 * 200)),
        ] {
            assert!(found(&entry(issued, expiration), now, now).is_none(), "{issued} {expiration}");
        }
        assert!(found(&entry(hours(0), hours(1)), now, hours(2)).is_none(), "too short for who asks");
    }

    #[test]
    fn a_failure_from_redis_lasts_no_longer_than_any_failure() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let told = |retry_at: DateTime<Utc>| {
            let error = serde_json::json!({"kind": "Refused", "code": "NoPermission", "status": 403, "message": ""});
            serde_json::json!({ "error": error, "retry_at": retry_at.timestamp_millis(), "count": 1 }).to_string()
        };
        for (seconds, is_believed) in [(-1, false), (0, false), (1, true), (300, true), (301, false), (1 << 32, false)]
        {
            let text = told(now + TimeDelta::seconds(seconds));
            assert_eq!(failure(text.as_bytes(), now).is_some(), is_believed, "{seconds}");
        }
    }

    fn opener_with_token() -> AccessKey {
        AccessKey { id: "STS.x".into(), secret: Secret::new("hush"), token: Some(Secret::new("token")) }
    }
}
