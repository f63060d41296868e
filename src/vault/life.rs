//! How long a session key is good for what.

use chrono::{DateTime, TimeDelta, Utc};

use super::error::LoadError;
use crate::keys::SessionKey;

/// What a session key must have left to be handed out: 60 seconds, the time in which a page receives it, signs an upload
/// and reaches OSS, with a clock that may be some seconds off.
pub const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// How long before its end a key of an hour or more is renewed; a shorter one in the last quarter of its life.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// When whoever holds `key` should come for the next one.
#[must_use]
pub fn refresh_after(key: &SessionKey) -> DateTime<Utc> {
    key.expiration - ahead(key)
}

/// When the vault starts to renew `key` behind an answer: a little before clients come for it, and not at the same
/// moment for keys that were opened together. `random` is any number.
pub(super) fn renew_after(key: &SessionKey, random: u64) -> DateTime<Utc> {
    let spread = (ahead(key) / 5).num_milliseconds().unsigned_abs();
    let jitter = i64::try_from(random % (spread + 1)).unwrap_or(0);
    refresh_after(key) - TimeDelta::milliseconds(jitter)
}

/// Whether more than half of the life of `key` is gone.
fn is_past_half(key: &SessionKey, now: DateTime<Utc>) -> bool {
    (now - key.issued) * 2 > key.expiration - key.issued
}

/// Whether `key` does not live until `until` and is worth renewing for it.
pub(super) fn falls_short(key: &SessionKey, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    key.expiration < until && is_past_half(key, now)
}

/// Whether `key` may be handed out.
pub(super) fn is_fresh(key: &SessionKey, now: DateTime<Utc>) -> bool {
    key.expiration - now >= MARGIN
}

/// `key`, unless it is useless from the start, which only a wrong clock explains.
pub(super) fn usable(key: SessionKey, now: DateTime<Utc>) -> Result<SessionKey, LoadError> {
    if is_fresh(&key, now) { Ok(key) } else { Err(LoadError::AllButOver { expiration: key.expiration }) }
}

/// In whole milliseconds: lengths of time are dear to divide, and every answer asks for this.
fn ahead(key: &SessionKey) -> TimeDelta {
    let life = key.expiration.timestamp_millis() - key.issued.timestamp_millis();
    AHEAD.min(TimeDelta::milliseconds(life / 4))
}
