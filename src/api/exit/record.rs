//! What handlers learn of a request, for its exit.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::super::answer::Granted;
use super::super::offers::Offer;
use super::super::problem::Problem;
use crate::audit::{Event, Who};
use crate::caller::Caller;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::{FormKey, ObjectKey};

/// What handlers learn of a request. It costs no copy of a text that is held elsewhere.
#[derive(Debug, Default)]
pub(in crate::api) struct Record<'v> {
    caller: Who<Caller>,
    pub(super) address: Option<IpAddr>,
    /// The grant that the request counts with: the first that is asked for.
    counted: Option<&'v Offer>,
    /// The items of a batch ask for several grants.
    several: bool,
    pub(super) current: Facet<'v>,
    /// The items of a batch that are decided.
    pub(super) items: Vec<Item<'v>>,
}

#[derive(Debug)]
pub(super) struct Item<'v> {
    pub(super) facet: Facet<'v>,
    /// Code and status of the problem in its place.
    pub(super) problem: Option<(&'static str, u16)>,
}

/// What is learnt of one thing that is asked for.
#[derive(Debug, Default)]
pub(super) struct Facet<'v> {
    grant: Asked<'v>,
    pub(super) key: Option<String>,
    pub(super) vended: Option<Vended>,
}

/// The grant that is asked for.
#[derive(Debug, Default)]
enum Asked<'v> {
    #[default]
    Nothing,
    Unknown(String),
    Known(&'v Offer),
}

/// What was handed out.
#[derive(Debug)]
pub(in crate::api) struct Vended {
    /// `sts`, or the HTTP method of the form or URL.
    pub(super) allows: &'static str,
    /// The object, if it is one.
    pub(super) key: Option<String>,
    /// The directory, if it is all of it.
    pub(super) dir: Option<String>,
    by: By,
    /// When it ends.
    pub(super) expiration: DateTime<Utc>,
    /// Why it ends earlier than was asked for.
    pub(super) clamped_by: Option<&'static str>,
}

/// The key that was vended or that signed.
#[derive(Debug)]
enum By {
    Session(Arc<SessionKey>),
    AccessKey(Arc<AccessKey>),
}

impl Vended {
    /// A form for `dir` that `access_key` itself signed, good until `expiration`.
    pub(in crate::api) fn classic(access_key: Arc<AccessKey>, dir: String, expiration: DateTime<Utc>) -> Self {
        let by = By::AccessKey(access_key);
        Self { allows: "POST", key: None, dir: Some(dir), by, expiration, clamped_by: None }
    }

    /// The key itself, good for the directory.
    pub(in crate::api) fn credentials(key: Arc<SessionKey>, dir: String, clamped_by: Option<&'static str>) -> Self {
        let expiration = key.expiration;
        Self { allows: "sts", key: None, dir: Some(dir), by: By::Session(key), expiration, clamped_by }
    }

    /// A form for `objects` that `key` signed.
    pub(in crate::api) fn form(objects: FormKey, key: Arc<SessionKey>, granted: Granted) -> Self {
        let (object, dir) = match objects {
            FormKey::Exact(key) => (Some(key.into_string()), None),
            FormKey::Below(dir) => (None, Some(dir)),
        };
        Self { key: object, dir, ..Self::signed(key, "POST", granted) }
    }

    /// A URL for `method` and `object` that `key` signed.
    pub(in crate::api) fn url(method: &'static str, object: ObjectKey, key: Arc<SessionKey>, granted: Granted) -> Self {
        Self { key: Some(object.into_string()), ..Self::signed(key, method, granted) }
    }

    fn signed(key: Arc<SessionKey>, allows: &'static str, granted: Granted) -> Self {
        let Granted { expiration, clamped_by, .. } = granted;
        Self { allows, key: None, dir: None, by: By::Session(key), expiration, clamped_by }
    }

    /// The public half of the key that was vended or that signed.
    pub(super) fn access_key_id(&self) -> &str {
        match &self.by {
            By::Session(key) => &key.access_key.id,
            By::AccessKey(key) => &key.id,
        }
    }

    /// The SHA-256 of its token.
    pub(super) fn token_sha256(&self) -> Option<&str> {
        match &self.by {
            By::Session(key) => Some(key.token_sha256()),
            By::AccessKey(_) => None,
        }
    }
}

impl<'v> Record<'v> {
    /// Where the request comes from, before all proxies that are known.
    pub(in crate::api) fn address(&mut self, address: IpAddr) {
        self.address = Some(address);
    }

    /// Who asks.
    pub(in crate::api) fn caller(&mut self, caller: &Caller) {
        let known = caller.id().is_some();
        self.caller = if known { Who::Known(caller.clone()) } else { Who::Anonymous };
    }

    /// What is asked for, before anything of it is verified: the grant, or the name for which there is none, and a key.
    pub(in crate::api) fn asked(&mut self, grant: Result<&'v Offer, &str>, unverified_key: Option<&str>) {
        self.current.key = unverified_key.map(cut);
        self.current.grant = match grant {
            Err(unknown) => Asked::Unknown(cut(unknown)),
            Ok(offer) => Asked::Known(offer),
        };
        if let Ok(offer) = grant {
            self.several |= !std::ptr::eq(*self.counted.get_or_insert(offer), offer);
        }
    }

    /// What is handed out.
    pub(in crate::api) fn vended(&mut self, vended: Vended) {
        self.current.vended = Some(vended);
    }

    /// An item of a batch is decided and the next one begins.
    pub(in crate::api) fn next(&mut self, problem: Option<&Problem>) {
        let facet = std::mem::take(&mut self.current);
        let problem = problem.map(|problem| (problem.code(), problem.status().as_u16()));
        self.items.push(Item { facet, problem });
    }

    /// Where the request counts: with its grant, if it is about one and no more.
    pub(super) fn counted(&self) -> Option<&'v Offer> {
        self.counted.filter(|_| !self.several)
    }

    /// Who asked, as the trail has it.
    pub(super) fn who(&self) -> Who<&str> {
        match &self.caller {
            Who::Unproven => Who::Unproven,
            Who::Anonymous => Who::Anonymous,
            Who::Known(caller) => caller.id().map_or(Who::Anonymous, |id| Who::Known(within(id))),
        }
    }
}

impl Facet<'_> {
    /// The name of the grant that was asked for.
    pub(super) fn grant(&self) -> Option<&str> {
        match &self.grant {
            Asked::Nothing => None,
            Asked::Unknown(name) => Some(name),
            Asked::Known(offer) => Some(&offer.grant.name),
        }
    }
}

/// A text that a client chose, no longer than the trail takes.
fn cut(text: &str) -> String {
    within(text).to_owned()
}

fn within(text: &str) -> &str {
    &text[..text.floor_char_boundary(Event::LONGEST)]
}
