//! `/credentials-uri`: temporary credentials as the `alibabacloud-credentials` SDKs read them from
//! `ALIBABA_CLOUD_CREDENTIALS_URI`.

use axum::body::Body;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, json, time};
use super::parameters::Parameters;
use super::problem::Problem;
use super::sts::{self, Ask};
use super::visit::Visit;

/// What has to be left where a request says nothing, in seconds: the SDKs ask anew at each use of credentials that have
/// 15 minutes left or less.
const MIN_REMAINING: u32 = 16 * 60;

/// The names that the SDKs want, and no others.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = UriCredentials)]
pub(super) struct Credentials<'a> {
    #[schema(example = "Success")]
    code: &'static str,
    access_key_id: &'a str,
    access_key_secret: &'a str,
    security_token: &'a str,
    #[schema(format = DateTime)]
    expiration: String,
}

pub(super) async fn answer(visit: &mut Visit<'_>, body: Body) -> Result<Answer, Problem> {
    let caller = visit.app.admit(visit).await?.caller;
    let parameters = Parameters::read(visit.head, body, &sts::KNOWN, visit.app.body_limit).await?;
    let offer = visit.grant(parameters.text("grant")?, None)?;
    let mut ask = Ask::of(&parameters)?;
    ask.min_remaining.get_or_insert(MIN_REMAINING);
    let opened = sts::open(visit, offer, &caller, ask).await?;
    let answer = json(&Credentials {
        code: "Success",
        access_key_id: &opened.key.access_key.id,
        access_key_secret: opened.key.access_key.secret.expose(),
        security_token: opened.key.token().expose(),
        expiration: time(opened.key.expiration),
    });
    opened.tell(visit);
    Ok(answer)
}
