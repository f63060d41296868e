//! What handlers learn of a request, for its exit.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::extract::Request;
use chrono::{DateTime, Utc};

use super::super::answer::{DEFAULT_GRANT, Granted};
use super::super::problem::Problem;
use crate::audit::{Event, Who};
use crate::caller::Caller;
use crate::keys::{AccessKey, SessionKey};
use crate::metrics::OfGrant;
use crate::policy::{FormKey, FormPermit, UrlPermit};

/// What handlers learn of a request. Facts are noted only where there is a trail; whose request it is, always.
#[derive(Clone, Debug, Default)]
pub(in crate::api) struct Record(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// The counts of the grant that is asked for.
    counts: OnceLock<Arc<OfGrant>>,
    /// The items of a batch ask for several grants.
    several: AtomicBool,
    facts: Option<Mutex<Facts>>,
}

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) caller: Who<String>,
    pub(super) address: Option<IpAddr>,
    pub(super) current: Facet,
    /// The items of a batch that are decided.
    pub(super) items: Vec<Item>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) facet: Facet,
    /// Code and status of the problem in its place.
    pub(super) problem: Option<(&'static str, u16)>,
}

/// What is learnt of one thing that is asked for.
#[derive(Debug, Default)]
pub(super) struct Facet {
    pub(super) grant: Option<String>,
    pub(super) key: Option<String>,
    pub(super) vended: Option<Vended>,
}

/// What was handed out.
#[derive(Debug)]
pub(in crate::api) struct Vended {
    /// `sts`, or the HTTP method of the form or URL.
    pub(in crate::api) allows: &'static str,
    /// The object, if it is one.
    pub(in crate::api) key: Option<String>,
    /// The directory, if it is all of it.
    pub(in crate::api) dir: Option<String>,
    /// The public half of the key that was vended or that signed.
    pub(in crate::api) access_key_id: String,
    /// The SHA-256 of its token.
    pub(in crate::api) token_sha256: Option<String>,
    /// When it ends.
    pub(in crate::api) expiration: DateTime<Utc>,
    /// Why it ends earlier than was asked for.
    pub(in crate::api) clamped_by: Option<&'static str>,
}

impl Vended {
    /// What `access_key` itself signed, good until `expiration`.
    pub(in crate::api) fn by(access_key: &AccessKey, allows: &'static str, expiration: DateTime<Utc>) -> Self {
        let access_key_id = access_key.id.clone();
        Self { allows, key: None, dir: None, access_key_id, token_sha256: None, expiration, clamped_by: None }
    }

    /// The key itself, good for the directory.
    pub(in crate::api) fn credentials(key: &SessionKey, dir: &str, clamped_by: Option<&'static str>) -> Self {
        let token_sha256 = Some(key.token_sha256().to_owned());
        let of_key = Self::by(&key.access_key, "sts", key.expiration);
        Self { dir: Some(dir.to_owned()), token_sha256, clamped_by, ..of_key }
    }

    /// A form that `key` signed.
    pub(in crate::api) fn form(permit: &FormPermit, key: &SessionKey, granted: Granted) -> Self {
        let signed = Self::signed(key, "POST", granted);
        match &permit.key {
            FormKey::Exact(key) => Self { key: Some(key.as_str().to_owned()), ..signed },
            FormKey::Below(dir) => Self { dir: Some(dir.clone()), ..signed },
        }
    }

    /// A URL that `key` signed.
    pub(in crate::api) fn url(permit: &UrlPermit, key: &SessionKey, granted: Granted) -> Self {
        Self { key: Some(permit.key.as_str().to_owned()), ..Self::signed(key, permit.method, granted) }
    }

    fn signed(key: &SessionKey, allows: &'static str, granted: Granted) -> Self {
        let token_sha256 = Some(key.token_sha256().to_owned());
        let of_key = Self::by(&key.access_key, allows, granted.expiration);
        Self { token_sha256, clamped_by: granted.clamped_by, ..of_key }
    }
}

impl Record {
    /// A new one; facts are noted in it `for_trail`.
    pub(super) fn new(for_trail: bool) -> Self {
        Self(Arc::new(Noted { facts: for_trail.then(Mutex::default), ..Noted::default() }))
    }

    /// The record of `request`.
    pub(in crate::api) fn of(request: &Request) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// Where the request comes from, before all proxies that are known.
    pub(in crate::api) fn address(&self, address: IpAddr) {
        self.note(|facts| facts.address = Some(address));
    }

    /// Who asks.
    pub(in crate::api) fn caller(&self, caller: &Caller) {
        self.note(|facts| facts.caller = caller.id().map_or(Who::Anonymous, |id| Who::Known(cut(id))));
    }

    /// What is asked for, before anything of it is verified.
    pub(in crate::api) fn asked(&self, grant: Option<&str>, unverified_key: Option<&str>) {
        self.note(|facts| {
            facts.current.grant = Some(cut(grant.unwrap_or(DEFAULT_GRANT)));
            facts.current.key = unverified_key.map(cut);
        });
    }

    /// The grant that is asked for exists, and this is counted of it.
    pub(in crate::api) fn grant(&self, counts: &Arc<OfGrant>) {
        let first = self.0.counts.get_or_init(|| Arc::clone(counts));
        if !Arc::ptr_eq(first, counts) {
            self.0.several.store(true, Ordering::Relaxed);
        }
    }

    /// Where the request counts: with its grant, if it is about one and no more.
    pub(super) fn counts(&self) -> Option<&OfGrant> {
        self.0.counts.get().filter(|_| !self.0.several.load(Ordering::Relaxed)).map(|counts| &**counts)
    }

    /// What was noted, if there is a trail for it.
    pub(super) fn facts(&self) -> Option<MutexGuard<'_, Facts>> {
        self.0.facts.as_ref().map(|facts| facts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is handed out.
    pub(in crate::api) fn vended(&self, vended: impl FnOnce() -> Vended) {
        self.note(|facts| facts.current.vended = Some(vended()));
    }

    /// An item of a batch is decided and the next one begins.
    pub(in crate::api) fn next(&self, problem: Option<&Problem>) {
        self.note(|facts| {
            let facet = std::mem::take(&mut facts.current);
            let problem = problem.map(|problem| (problem.code(), problem.status().as_u16()));
            facts.items.push(Item { facet, problem });
        });
    }

    fn note(&self, note: impl FnOnce(&mut Facts)) {
        if let Some(mut facts) = self.facts() {
            note(&mut facts);
        }
    }
}

/// A text that a client chose, no longer than the trail takes.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(Event::LONGEST)].to_owned()
}
