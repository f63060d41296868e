//! `/sts`: temporary credentials.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::App;
use super::answer::{json, time};
use super::exit::{Record, Vended};
use super::parameters::Parameters;
use super::problem::Problem;
use crate::caller::Caller;
use crate::keys::SessionKey;
use crate::policy::{CredentialsPermit, DURATIONS, Grant};
use crate::vault;

/// The parameters of this route.
pub(super) const KNOWN: [&str; 3] = ["grant", "duration", "minRemaining"];

/// The answer. Its first four names are those that every published sample client reads.
#[derive(Serialize)]
struct Credentials<'a> {
    #[serde(rename = "AccessKeyId")]
    access_key_id: &'a str,
    #[serde(rename = "AccessKeySecret")]
    access_key_secret: &'a str,
    #[serde(rename = "SecurityToken")]
    security_token: &'a str,
    #[serde(rename = "Expiration")]
    expiration: String,
    bucket: &'a str,
    region: &'a str,
    endpoint: &'a str,
    /// Present for a custom domain: SDKs have to be told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cname: bool,
    dir: &'a str,
    #[serde(rename = "serverTime")]
    server_time: String,
    #[serde(rename = "refreshAfter")]
    refresh_after: String,
    #[serde(rename = "clampedBy", skip_serializing_if = "Option::is_none")]
    clamped_by: Option<&'static str>,
}

pub(super) async fn answer(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let now = app.clock.now();
    let caller = app.admit(&request, now).await?.caller;
    let record = Record::of(&request);
    let parameters = Parameters::read(request, &KNOWN, app.body_limit).await?;
    let grant = parameters.text("grant")?;
    record.asked(grant, None);
    let grant = app.grant(grant, &record)?;
    vend(&app, grant, &caller, Ask::of(&parameters)?, &record, now).await
}

/// What is said of the credentials' life, in seconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Ask {
    duration: Option<u32>,
    pub(super) min_remaining: Option<u32>,
}

impl Ask {
    /// What `parameters` say of it.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self { duration: parameters.number("duration")?, min_remaining: parameters.number("minRemaining")? })
    }
}

pub(super) async fn vend(
    app: &App,
    grant: &Grant,
    caller: &Caller,
    ask: Ask,
    record: &Record,
    now: DateTime<Utc>,
) -> Result<Response, Problem> {
    let Opened { permit, key, clamped_by } = open(app, grant, caller, ask, record, now).await?;
    Ok(json(&credentials(grant, &permit.dir, &key, clamped_by, now)))
}

/// A session that was opened.
pub(super) struct Opened {
    permit: CredentialsPermit,
    pub(super) key: Arc<SessionKey>,
    /// Why its key lives shorter than was asked for, if it does.
    clamped_by: Option<&'static str>,
}

/// Opens the session that `ask` means, or takes up the one that is open.
pub(super) async fn open(
    app: &App,
    grant: &Grant,
    caller: &Caller,
    ask: Ask,
    record: &Record,
    now: DateTime<Utc>,
) -> Result<Opened, Problem> {
    let least = ask.min_remaining.unwrap_or(0);
    if least > *DURATIONS.end() {
        return Err(super::parameters::invalid("minRemaining", "is at most 43,200 seconds"));
    }
    let permit = grant.credentials(caller, ask.duration, now)?;
    app.charge_grant(grant, now)?;
    let until = now + TimeDelta::seconds(least.into());
    let key = app.vault.session_key(&permit.session, until).await.map_err(|error| Problem::unopened(&error, now))?;
    let clamped_by = match (key.expiration < until, permit.clamped) {
        (true, _) => Some("session"),
        (false, true) => Some("grant"),
        (false, false) => None,
    };
    record.vended(|| Vended::credentials(&key, &permit.dir, clamped_by));
    Ok(Opened { permit, key, clamped_by })
}

fn credentials<'a>(
    grant: &'a Grant,
    dir: &'a str,
    key: &'a SessionKey,
    clamped_by: Option<&'static str>,
    now: DateTime<Utc>,
) -> Credentials<'a> {
    Credentials {
        access_key_id: &key.access_key.id,
        access_key_secret: key.access_key.secret.expose(),
        security_token: key.token().expose(),
        expiration: time(key.expiration),
        bucket: &grant.bucket,
        region: &grant.region,
        endpoint: &grant.address.endpoint,
        cname: grant.address.custom_domain,
        dir,
        server_time: time(now),
        refresh_after: time(vault::refresh_after(key)),
        clamped_by,
    }
}
