//! `/credentials-uri`: temporary credentials as the `alibabacloud-credentials` SDKs read them from
//! `ALIBABA_CLOUD_CREDENTIALS_URI`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;

use super::App;
use super::answer::{json, time};
use super::exit::Record;
use super::parameters::Parameters;
use super::problem::Problem;
use super::sts::{self, Ask};

/// What has to be left where a request says nothing, in seconds: the SDKs ask anew at each use of credentials that have
/// 15 minutes left or less.
const MIN_REMAINING: u32 = 16 * 60;

/// The names that the SDKs want, and no others.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    code: &'static str,
    access_key_id: &'a str,
    access_key_secret: &'a str,
    security_token: &'a str,
    expiration: String,
}

pub(super) async fn answer(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let now = app.clock.now();
    let caller = app.admit(&request, now).await?.caller;
    let record = Record::of(&request);
    let parameters = Parameters::read(request, &sts::KNOWN, app.body_limit).await?;
    let grant = parameters.text("grant")?;
    record.asked(grant, None);
    let grant = app.grant(grant, &record)?;
    let mut ask = Ask::of(&parameters)?;
    ask.min_remaining.get_or_insert(MIN_REMAINING);
    let key = sts::open(&app, grant, &caller, ask, &record, now).await?.key;
    Ok(json(&Credentials {
        code: "Success",
        access_key_id: &key.access_key.id,
        access_key_secret: key.access_key.secret.expose(),
        security_token: key.token().expose(),
        expiration: time(key.expiration),
    }))
}
