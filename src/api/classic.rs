//! The paths of the published samples, so that their pages work unmodified. Off unless `[classic] enabled = true`.
//!
//! Their requests carry no parameters of ours, so whatever stands in the query is left alone.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;

use super::App;
use super::exit::{Record, Vended};
use super::presigned_url::as_text;
use super::problem::Problem;
use super::{form_answer, sts, url_answer};
use crate::policy::{FormAsk, SignatureVersion};
use crate::vault::LoadError;

pub(super) async fn credentials(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let now = app.clock.now();
    let caller = app.admit(&request, now).await?.caller;
    let record = Record::of(&request);
    record.asked(app.classic.as_deref(), None);
    let grant = app.grant(app.classic.as_deref(), &record)?;
    sts::vend(&app, grant, &caller, sts::Ask::default(), &record, now).await
}

pub(super) async fn form(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let now = app.clock.now();
    let caller = app.admit(&request, now).await?.caller;
    let record = Record::of(&request);
    record.asked(app.classic.as_deref(), None);
    let grant = app.grant(app.classic.as_deref(), &record)?;
    let ask = FormAsk { signature: Some(SignatureVersion::V4), ..FormAsk::default() };
    let permit = grant.form(&caller, &ask, "", now)?;
    app.charge_grant(grant, now)?;
    let access_key = app.vault.access_key().await.map_err(|error| Problem::from(&LoadError::AccessKey(error)))?;
    if access_key.token.is_some() {
        return Err(temporary_key());
    }
    let expiration = now + TimeDelta::seconds(permit.life.seconds.into());
    record.vended(|| Vended { dir: Some(permit.dir.clone()), ..Vended::by(&access_key, "POST", expiration) });
    Ok(form_answer::classic(grant, &permit, &access_key, expiration))
}

/// The five fields of a classic form have no place for a token, without which OSS refuses what a temporary key signed.
fn temporary_key() -> Problem {
    let detail = "classic forms need a lasting AccessKey, and the one in use is temporary";
    Problem::new(StatusCode::BAD_GATEWAY, "access_key_temporary", detail)
        .hint("give the AccessKey of a RAM user in [access_key], or let the page use /post-signature")
}

pub(super) async fn url(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let now = app.clock.now();
    let caller = app.admit(&request, now).await?.caller;
    let record = Record::of(&request);
    record.asked(app.classic.as_deref(), None);
    let grant = app.grant(app.classic.as_deref(), &record)?;
    let permit = grant.classic_url(&caller, &uuid::Uuid::new_v4().to_string(), now)?;
    app.charge_grant(grant, now)?;
    let (key, granted) = app.signing_key(&permit.session, permit.life, now).await?;
    record.vended(|| Vended::url(&permit, &key, granted));
    Ok(as_text(url_answer::of(grant, permit, &key, granted)))
}
