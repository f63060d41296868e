//! The second level: a load first looks at what other replicas have opened, and loads for them if nobody has.
//!
//! A request that is answered from the vault never comes here. What Redis cannot do in time is done without it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Vault;
use super::error::{LoadError, Unopened};
use super::life::MARGIN;
use super::load::{Errand, Failed};
use crate::clock::Clock;
use crate::keys::{AccessKey, Secret, SessionKey};
use crate::policy::Session;
use crate::replicas::{Claim, Lease, Outcome, Place, Replicas};
use crate::sts::Retold;

/// How long a load waits for another replica: as long as one may take. A holder that dies is noticed much sooner.
const PATIENCE: Duration = Duration::from_secs(17);

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
            let now = self.clock.now();
            // As a vault does with its own keys: while STS fails, what lives is given to its last second.
            if let Some(plain) = place.last_resort(now.timestamp_millis()).await {
                self.lasting.tally.served_while_failing();
                return found(&plain, errand, now);
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
            let now = self.clock.now();
            match place.claim(now.timestamp_millis(), needed(errand, now).timestamp_millis()).await {
                Claim::Key(plain) => return found(&plain, errand, now),
                Claim::Old(lease, plain) => {
                    let found = found(&plain, errand, now);
                    self.settle(place, Some(lease), &found);
                    return found;
                }
                Claim::Failure(plain) => match failure(&plain, now) {
                    Some(failed) => return Err(failed),
                    None => break,
                },
                Claim::Lease(lease) => {
                    let opened = place.hold(&lease, self.open(session, access_key, errand)).await;
                    self.settle(place, Some(lease), &opened);
                    return opened;
                }
                Claim::Busy => news.told().await,
                Claim::Alone => break,
            }
        }
        let opened = self.open(session, access_key, errand).await;
        self.settle(place, None, &opened);
        opened
    }

    fn settle(&self, place: &Place, lease: Option<Lease>, opened: &Result<Arc<SessionKey>, Failed>) {
        let now = self.clock.now();
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
    let better = errand.held_until.map(|end| end + chrono::TimeDelta::milliseconds(1));
    better.unwrap_or(now).max(now + MARGIN)
}

/// Everything that decides what a load returns, each part with its length: the key of an entry of the vault, in bytes.
fn context(session: &Session, opener: &AccessKey) -> Vec<u8> {
    let (role, policy, duration) = (session.role(), session.policy(), session.duration().to_string());
    let parts = [
        Some(opener.id.as_str()),
        Some(&role.arn),
        Some(session.name()),
        policy.as_deref(),
        Some(&duration),
        role.external_id.as_deref(),
        role.source_identity.as_deref(),
    ];
    let mut context = Vec::new();
    for part in parts {
        context.push(u8::from(part.is_some()));
        write(&mut context, part.unwrap_or_default());
    }
    context
}

/// A session key in bytes; the buffer never grows, so no copy of a secret is left behind.
fn plain(key: &SessionKey) -> Zeroizing<Vec<u8>> {
    let AccessKey { id, secret, .. } = &key.access_key;
    let (issued, expiration) =
        (key.issued.timestamp_millis().to_string(), key.expiration.timestamp_millis().to_string());
    let parts = [id, secret.expose(), key.token().expose(), &issued, &expiration];
    let length = parts.iter().map(|part| 4 + part.len()).sum();
    let mut plain = Zeroizing::new(Vec::with_capacity(length));
    for part in parts {
        write(&mut plain, part);
    }
    plain
}

fn key(plain: &[u8]) -> Option<SessionKey> {
    let mut rest = plain;
    let [id, secret, token, issued, expiration] = [(); 5].map(|()| read(&mut rest));
    let moment = |text: Option<&str>| DateTime::from_timestamp_millis(text?.parse().ok()?);
    let access_key = AccessKey { id: id?.to_owned(), secret: Secret::new(secret?), token: Some(Secret::new(token?)) };
    rest.is_empty().then_some(SessionKey::new(access_key, moment(issued)?, moment(expiration)?))
}

/// What is authentic is a key: an entry of another form does not open.
fn found(plain: &[u8], errand: &Errand, now: DateTime<Utc>) -> Result<Arc<SessionKey>, Failed> {
    key(plain).map(Arc::new).ok_or_else(|| Failed::new(Arc::new(LoadError::BrokeOff), errand, now))
}

fn told(failed: &Failed) -> Option<Zeroizing<Vec<u8>>> {
    let error = failed.unopened.error.sts()?.retold()?;
    let told = Told { error, retry_at: failed.unopened.retry_at.timestamp_millis(), count: failed.count };
    serde_json::to_vec(&told).ok().map(Zeroizing::new)
}

/// The failure, unless it is over at `now`.
fn failure(plain: &[u8], now: DateTime<Utc>) -> Option<Failed> {
    let Told { error, retry_at, count } = serde_json::from_slice(plain).ok()?;
    let retry_at = DateTime::from_timestamp_millis(retry_at).filter(|retry_at| *retry_at > now)?;
    let error = Arc::new(LoadError::Sts(error.into()));
    Some(Failed { unopened: Unopened { error, retry_at }, count })
}

fn write(bytes: &mut Vec<u8>, part: &str) {
    bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(part.as_bytes());
}

fn read<'b>(bytes: &mut &'b [u8]) -> Option<&'b str> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    std::str::from_utf8(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Role;

    fn opener(id: &str) -> AccessKey {
        AccessKey { id: id.into(), secret: Secret::new("x"), token: None }
    }

    fn session(change: impl FnOnce(&mut Role)) -> Session {
        let mut role = Role::from("acs:ram::1:role/r");
        change(&mut role);
        Session::new(role, "ab", 3600)
    }

    #[test]
    fn sessions_that_differ_in_anything_have_different_contexts() {
        let plain = session(|_| {});
        let sessions = [
            plain.clone(),
            plain.clone().named("abc".into()),
            session(|role| role.arn.push('a')),
            plain.with_policy(""),
            plain.with_policy("b"),
            plain.clone().lasting(900),
            session(|role| role.external_id = Some("b".into())),
            session(|role| role.source_identity = Some("b".into())),
        ];
        let mut contexts: Vec<_> = sessions.iter().map(|session| context(session, &opener("LTAI"))).collect();
        contexts.push(context(&plain, &opener("LTAI2")));
        assert_eq!(contexts.iter().collect::<std::collections::HashSet<_>>().len(), contexts.len());
    }

    #[test]
    fn a_key_comes_back_as_it_was_and_nothing_else_is_one() {
        let access_key =
            AccessKey { id: "STS.x".into(), secret: Secret::new("hush"), token: Some(Secret::new("token/+=")) };
        let [issued, expiration] =
            [1_767_225_600_123, 1_767_229_200_000].map(|at| DateTime::from_timestamp_millis(at).unwrap());
        let plain = plain(&SessionKey::new(access_key, issued, expiration));
        assert_eq!(plain.capacity(), plain.len());
        let back = key(&plain).unwrap();
        assert_eq!(
            (back.access_key.id.as_str(), back.access_key.secret.expose(), back.token().expose()),
            ("STS.x", "hush", "token/+=")
        );
        assert_eq!((back.issued, back.expiration), (issued, expiration));
        for length in 0..plain.len() {
            assert!(key(&plain[..length]).is_none());
        }
        assert!(key(&[&plain[..], b"x"].concat()).is_none());
    }
}
