//! `/sts`: temporary credentials.

use std::sync::Arc;

use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};

use super::answer::Answer;
use super::exit::Vended;
use super::offers::Offer;
use super::parameters::Parameters;
use super::problem::Problem;
use super::visit::Visit;
use crate::caller::Caller;
use crate::json;
use crate::keys::SessionKey;
use crate::policy::{CredentialsPermit, DURATIONS, Grant};
use crate::signing::moment::Extended;
use crate::vault::{self, LiveKey};

/// The parameters of this route.
pub(super) static KNOWN: [&str; 3] = ["grant", "duration", "minRemaining"];

pub(super) async fn answer(visit: &mut Visit<'_>, body: Body) -> Result<Answer, Problem> {
    let caller = visit.app.admit(visit).await?.caller;
    let parameters = Parameters::read(visit.head, body, &KNOWN, visit.app.body_limit).await?;
    let offer = visit.grant(parameters.text("grant")?, None)?;
    vend(visit, offer, &caller, Ask::of(&parameters)?).await
}

/// What is said of the credentials' life, in seconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Ask {
    duration: Option<u32>,
    pub(super) min_remaining: Option<u32>,
}

impl Ask {
    /// What `parameters` say of it.
    pub(super) fn of(parameters: &Parameters<'_>) -> Result<Self, Problem> {
        Ok(Self { duration: parameters.number("duration")?, min_remaining: parameters.number("minRemaining")? })
    }
}

pub(super) async fn vend(visit: &mut Visit<'_>, offer: &Offer, caller: &Caller, ask: Ask) -> Result<Answer, Problem> {
    let opened = open(visit, offer, caller, ask).await?;
    let answer = Answer::Json(credentials(offer, &opened));
    opened.tell(visit);
    Ok(answer)
}

/// A session that was opened.
pub(super) struct Opened {
    permit: CredentialsPermit,
    pub(super) key: Arc<SessionKey>,
    /// The cloud time at which the key was found.
    at: DateTime<Utc>,
    /// Why its key lives shorter than was asked for, if it does.
    clamped_by: Option<&'static str>,
}

impl Opened {
    /// Tells the trail that the key is handed out.
    pub(super) fn tell(self, visit: &mut Visit<'_>) {
        visit.record.vended(Vended::credentials(self.key, self.permit.into_dir(), self.clamped_by));
    }
}

/// Opens the session that `ask` means, or takes up the one that is open.
pub(super) async fn open(visit: &mut Visit<'_>, offer: &Offer, caller: &Caller, ask: Ask) -> Result<Opened, Problem> {
    let (app, now) = (visit.app, visit.machine_time());
    let least = ask.min_remaining.unwrap_or(0);
    if least > *DURATIONS.end() {
        return Err(super::parameters::invalid("minRemaining", "is at most 43,200 seconds"));
    }
    let permit = offer.grant.credentials(caller, ask.duration, now)?;
    app.charge_grant(&offer.grant, now)?;
    let least = TimeDelta::seconds(least.into());
    let LiveKey { key, at } = visit.session_key(&permit.session, least).await?;
    let clamped_by = match (key.expiration < at + least, permit.clamped) {
        (true, _) => Some("session"),
        (false, true) => Some("grant"),
        (false, false) => None,
    };
    Ok(Opened { permit, key, at, clamped_by })
}

/// The answer, written in one go. Its first four names are those that every published sample client reads.
fn credentials(offer: &Offer, opened: &Opened) -> String {
    /// What the names, three times and the key's id and secret take.
    const REST: usize = 384;
    let Opened { permit, key, at, clamped_by } = opened;
    let (token, dir) = (key.token().expose(), permit.dir());
    let mut out = json::with_room(REST + token.len() + offer.place.len() + dir.len());
    let push_text = if key.is_plain() { json::push_plain } else { json::push_text };
    out.push_str(r#"{"AccessKeyId":"#);
    push_text(&mut out, &key.access_key.id);
    out.push_str(r#","AccessKeySecret":"#);
    push_text(&mut out, key.access_key.secret.expose());
    out.push_str(r#","SecurityToken":"#);
    push_text(&mut out, token);
    out.extend([r#","Expiration":""#, Extended::of(key.expiration).as_str(), "\",", &offer.place]);
    out.push_str(r#","dir":"#);
    json::push_text(&mut out, dir);
    out.push_str(r#","serverTime":""#);
    out.push_str(Extended::of(*at).as_str());
    out.push_str(r#"","refreshAfter":""#);
    out.push_str(Extended::of(vault::refresh_after(key)).as_str());
    if let Some(reason) = clamped_by {
        out.push_str(r#"","clampedBy":""#);
        out.push_str(reason);
    }
    out.push_str("\"}");
    out
}

/// The members that say where the bucket is; they are the same in all answers of a grant.
pub(super) fn place(grant: &Grant) -> String {
    let mut out = String::new();
    out.push_str(r#""bucket":"#);
    json::push_text(&mut out, &grant.bucket);
    out.push_str(r#","region":"#);
    json::push_text(&mut out, &grant.region);
    out.push_str(r#","endpoint":"#);
    json::push_text(&mut out, &grant.address.endpoint);
    // SDKs have to be told of a custom domain.
    if grant.address.custom_domain {
        out.push_str(r#","cname":true"#);
    }
    out
}
