//! The paths of the published samples, so that their pages work unmodified. Off unless `[classic] enabled = true`.
//!
//! Their requests carry no parameters of ours, so whatever stands in the query is left alone.

use axum::http::StatusCode;
use chrono::TimeDelta;
use uuid::Uuid;

use super::answer::Answer;
use super::exit::Vended;
use super::post_signature::new_name;
use super::presigned_url::as_text;
use super::problem::Problem;
use super::visit::Visit;
use super::{form_answer, sts, url_answer};
use crate::policy::{FormAsk, SignatureVersion};

pub(super) async fn credentials(visit: &mut Visit<'_>) -> Result<Answer, Problem> {
    let caller = visit.app.admit(visit).await?.caller;
    let offer = visit.grant(visit.app.classic.as_deref(), None)?;
    sts::vend(visit, offer, &caller, sts::Ask::default()).await
}

pub(super) async fn form(visit: &mut Visit<'_>) -> Result<Answer, Problem> {
    let (app, now) = (visit.app, visit.machine_time());
    let caller = app.admit(visit).await?.caller;
    let grant = &visit.grant(app.classic.as_deref(), None)?.grant;
    let ask = FormAsk { signature: Some(SignatureVersion::V4), ..FormAsk::default() };
    if !grant.content_types.is_empty() {
        return Err(typed());
    }
    let permit = grant.form(&caller, &ask, "", now)?;
    app.charge_grant(grant, now)?;
    let found = app.vault.access_key_for(&visit.time).await;
    let access_key = found.map_err(|unopened| Problem::unopened(&unopened, app.clock.cloud_time()))?;
    if access_key.token.is_some() {
        return Err(temporary_key());
    }
    let expiration = app.clock.cloud_time() + TimeDelta::seconds(permit.life.seconds.into());
    let answer = form_answer::classic(grant, &permit, &access_key, expiration);
    visit.record.vended(Vended::classic(access_key, permit.dir().to_owned(), expiration));
    Ok(answer)
}

/// OSS refuses a form that does not send a field which its policy names, and the pages of the samples send no type.
fn typed() -> Problem {
    let detail = "classic forms send no type, and the grant's content_types allow certain types only";
    Problem::new(StatusCode::FORBIDDEN, "content_type_not_allowed", detail)
        .hint("let the page use /post-signature, or set classic.grant to a grant without content_types")
}

/// The five fields of a classic form have no place for a token, without which OSS refuses what a temporary key signed.
fn temporary_key() -> Problem {
    let detail = "classic forms need a lasting AccessKey, and the one in use is temporary";
    Problem::new(StatusCode::BAD_GATEWAY, "access_key_temporary", detail)
        .hint("give the AccessKey of a RAM user in [access_key], or let the page use /post-signature")
}

pub(super) async fn url(visit: &mut Visit<'_>) -> Result<Answer, Problem> {
    let (app, now) = (visit.app, visit.machine_time());
    let caller = app.admit(visit).await?.caller;
    let offer = visit.grant(app.classic.as_deref(), None)?;
    let permit = offer.grant.classic_url(&caller, new_name(&mut Uuid::encode_buffer()), now)?;
    app.charge_grant(&offer.grant, now)?;
    let (key, granted) = visit.signing_key(&permit.session, permit.life).await?;
    let answer = url_answer::of(offer, &permit, &key, granted);
    visit.record.vended(Vended::url(permit.method, permit.key, key, granted));
    Ok(as_text(&answer))
}
