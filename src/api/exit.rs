//! One audit event on every exit of a vending route: success, refusal, failure, time limit, and a caller that hangs up.
//!
//! A [`Watch`] is set when the request comes in and speaks when it is dropped, whatever the way out; handlers note in a
//! [`Record`] what they learn.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request};
use axum::http::Method;
use chrono::{DateTime, SecondsFormat, Utc};

use super::App;
use super::answer::{DEFAULT_GRANT, Granted, time};
use super::problem::Problem;
use crate::audit::{Event, Trail, Who};
use crate::caller::Caller;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::{FormKey, FormPermit, UrlPermit};

/// The routes that vend; the rest tell nothing that needs a trail.
const VENDING: [&str; 4] = ["/sts", "/credentials-uri", "/post-signature", "/presigned-url"];
const CLASSIC: [&str; 3] =
    ["/get_sts_token_for_oss_upload", "/get_post_signature_for_oss_upload", "/get_presigned_url_for_oss_upload"];

/// What handlers learn of a request; it notes nothing where there is no trail.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Option<Arc<Mutex<Facts>>>);

#[derive(Debug, Default)]
struct Facts {
    caller: Who<String>,
    address: Option<IpAddr>,
    current: Facet,
    /// The items of a batch that are decided.
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    facet: Facet,
    /// Code and status of the problem in its place.
    problem: Option<(&'static str, u16)>,
}

/// What is learnt of one thing that is asked for.
#[derive(Debug, Default)]
struct Facet {
    grant: Option<String>,
    key: Option<String>,
    vended: Option<Vended>,
}

/// What was handed out.
#[derive(Debug)]
pub(super) struct Vended {
    /// `sts`, or the HTTP method of the form or URL.
    pub(super) allows: &'static str,
    /// The object, if it is one.
    pub(super) key: Option<String>,
    /// The directory, if it is all of it.
    pub(super) dir: Option<String>,
    /// The public half of the key that was vended or that signed.
    pub(super) access_key_id: String,
    /// The SHA-256 of its token.
    pub(super) token_sha256: Option<String>,
    /// When it ends.
    pub(super) expiration: DateTime<Utc>,
    /// Why it ends earlier than was asked for.
    pub(super) clamped_by: Option<&'static str>,
}

impl Vended {
    /// What `access_key` itself signed, good until `expiration`.
    pub(super) fn by(access_key: &AccessKey, allows: &'static str, expiration: DateTime<Utc>) -> Self {
        let access_key_id = access_key.id.clone();
        Self { allows, key: None, dir: None, access_key_id, token_sha256: None, expiration, clamped_by: None }
    }

    /// The key itself, good for the directory.
    pub(super) fn credentials(key: &SessionKey, dir: &str, clamped_by: Option<&'static str>) -> Self {
        let token_sha256 = Some(key.token_sha256().to_owned());
        let of_key = Self::by(&key.access_key, "sts", key.expiration);
        Self { dir: Some(dir.to_owned()), token_sha256, clamped_by, ..of_key }
    }

    /// A form that `key` signed.
    pub(super) fn form(permit: &FormPermit, key: &SessionKey, granted: Granted) -> Self {
        let signed = Self::signed(key, "POST", granted);
        match &permit.key {
            FormKey::Exact(key) => Self { key: Some(key.as_str().to_owned()), ..signed },
            FormKey::Below(dir) => Self { dir: Some(dir.clone()), ..signed },
        }
    }

    /// A URL that `key` signed.
    pub(super) fn url(permit: &UrlPermit, key: &SessionKey, granted: Granted) -> Self {
        Self { key: Some(permit.key.as_str().to_owned()), ..Self::signed(key, permit.method, granted) }
    }

    fn signed(key: &SessionKey, allows: &'static str, granted: Granted) -> Self {
        let token_sha256 = Some(key.token_sha256().to_owned());
        let of_key = Self::by(&key.access_key, allows, granted.expiration);
        Self { token_sha256, clamped_by: granted.clamped_by, ..of_key }
    }
}

impl Record {
    /// The record of `request`.
    pub(super) fn of(request: &Request) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// Where the request comes from, before all proxies that are known.
    pub(super) fn address(&self, address: IpAddr) {
        self.note(|facts| facts.address = Some(address));
    }

    /// Who asks.
    pub(super) fn caller(&self, caller: &Caller) {
        self.note(|facts| facts.caller = caller.id().map_or(Who::Anonymous, |id| Who::Known(cut(id))));
    }

    /// What is asked for, before anything of it is verified.
    pub(super) fn asked(&self, grant: Option<&str>, unverified_key: Option<&str>) {
        self.note(|facts| {
            facts.current.grant = Some(cut(grant.unwrap_or(DEFAULT_GRANT)));
            facts.current.key = unverified_key.map(cut);
        });
    }

    /// What is handed out.
    pub(super) fn vended(&self, vended: impl FnOnce() -> Vended) {
        self.note(|facts| facts.current.vended = Some(vended()));
    }

    /// An item of a batch is decided and the next one begins.
    pub(super) fn next(&self, problem: Option<&Problem>) {
        self.note(|facts| {
            let facet = std::mem::take(&mut facts.current);
            let problem = problem.map(|problem| (problem.code(), problem.status().as_u16()));
            facts.items.push(Item { facet, problem });
        });
    }

    fn note(&self, note: impl FnOnce(&mut Facts)) {
        if let Some(facts) = &self.0 {
            note(&mut lock(facts));
        }
    }
}

/// A request to a vending route until its exit.
#[derive(Debug)]
pub(super) struct Watch {
    trail: Arc<Trail>,
    facts: Arc<Mutex<Facts>>,
    request_id: Arc<str>,
    at: DateTime<Utc>,
    began: Instant,
    peer: Option<IpAddr>,
    route: String,
    method: Method,
    outcome: &'static str,
    status: Option<u16>,
}

impl Watch {
    /// Watches `request` if it is one to vend and there is a trail, and gives it a [`Record`].
    pub(super) fn set(app: &App, request: &mut Request, request_id: &Arc<str>) -> Option<Self> {
        let trail = Arc::clone(app.audit.as_ref()?);
        let path = request.uri().path();
        let vends = VENDING.contains(&path) || (app.classic.is_some() && CLASSIC.contains(&path));
        if !vends || request.method() == Method::OPTIONS {
            return None;
        }
        let facts = Arc::<Mutex<Facts>>::default();
        let watch = Self {
            trail,
            facts: Arc::clone(&facts),
            request_id: Arc::clone(request_id),
            at: app.clock.now(),
            began: Instant::now(),
            peer: request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip()),
            route: path.to_owned(),
            method: request.method().clone(),
            outcome: "abandoned",
            status: None,
        };
        request.extensions_mut().insert(Record(Some(facts)));
        Some(watch)
    }

    /// The request is answered with `status`, and with a problem of this code if it is one.
    pub(super) fn answered(mut self, status: u16, problem: Option<&'static str>) {
        self.outcome = problem.unwrap_or("vended");
        self.status = Some(status);
    }

    fn event<'a>(&'a self, facts: &'a Facts, of: &'a Facet, time: &'a str) -> Event<'a> {
        let borrowed = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        let handed = of.vended.as_ref().filter(|_| self.outcome == "vended");
        Event {
            time,
            request_id: &self.request_id,
            caller: facts.caller.as_deref(),
            peer: facts.address.or(self.peer),
            route: &self.route,
            method: self.method.as_str(),
            item: None,
            grant: borrowed(&of.grant),
            outcome: self.outcome,
            status: self.status,
            allows: handed.map(|vended| vended.allows),
            key: handed.map_or(borrowed(&of.key), |vended| borrowed(&vended.key)),
            dir: handed.and_then(|vended| borrowed(&vended.dir)),
            access_key_id: handed.map(|vended| Cow::Borrowed(vended.access_key_id.as_str())),
            token_sha256: handed.and_then(|vended| borrowed(&vended.token_sha256)),
            expiration: handed.map(|vended| Cow::Owned(self::time(vended.expiration))),
            clamped_by: handed.and_then(|vended| vended.clamped_by),
            micros: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// An item of a batch shares the fate of its request; if that was answered, it has its own.
    fn item<'a>(&'a self, facts: &'a Facts, index: usize, item: &'a Item, time: &'a str) -> Event<'a> {
        let event = Event { item: Some(index), ..self.event(facts, &item.facet, time) };
        match item.problem {
            Some((code, status)) if self.outcome == "vended" => Event { outcome: code, status: Some(status), ..event },
            _ => event,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let facts = lock(&self.facts);
        let time = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        if facts.items.is_empty() {
            return self.trail.record(&self.event(&facts, &facts.current, &time));
        }
        for (index, item) in facts.items.iter().enumerate() {
            self.trail.record(&self.item(&facts, index, item, &time));
        }
    }
}

fn lock(facts: &Mutex<Facts>) -> MutexGuard<'_, Facts> {
    facts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text that a client chose, no longer than the trail takes.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(Event::LONGEST)].to_owned()
}
