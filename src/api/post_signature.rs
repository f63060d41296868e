//! `/post-signature`: a signed form.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::App;
use super::exit::{Record, Vended};
use super::form_answer;
use super::parameters::{Parameters, invalid};
use super::problem::Problem;
use crate::policy::{FormAsk, Naming, SignatureVersion};

const KNOWN: [&str; 7] = ["grant", "filename", "key", "contentType", "size", "expires", "signatureVersion"];

pub(super) async fn answer(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let now = app.clock.now();
    let caller = app.admit(&request, now).await?.caller;
    let record = Record::of(&request);
    let parameters = Parameters::read(request, &KNOWN, app.body_limit).await?;
    let grant = parameters.text("grant")?;
    record.asked(grant, parameters.text("key")?);
    let grant = app.grant(grant, &record)?;
    let ask = FormAsk {
        naming: naming(&parameters)?,
        content_type: parameters.text("contentType")?,
        size: parameters.number("size")?,
        expires: parameters.number("expires")?,
        signature: signature_version(&parameters)?,
    };
    let permit = grant.form(&caller, &ask, &uuid::Uuid::new_v4().to_string(), now)?;
    app.charge_grant(grant, now)?;
    let (key, granted) = app.signing_key(&permit.session, permit.life, now).await?;
    record.vended(|| Vended::form(&permit, &key, granted));
    Ok(form_answer::of(grant, &permit, &key, granted))
}

pub(super) fn naming(parameters: &Parameters) -> Result<Naming<'_>, Problem> {
    Ok(Naming { key: parameters.text("key")?, filename: parameters.text("filename")? })
}

pub(super) fn signature_version(parameters: &Parameters) -> Result<Option<SignatureVersion>, Problem> {
    match parameters.text("signatureVersion")? {
        None => Ok(None),
        Some("v4") => Ok(Some(SignatureVersion::V4)),
        Some("v1") => Ok(Some(SignatureVersion::V1)),
        Some(_) => Err(invalid("signatureVersion", "is neither v4 nor v1")),
    }
}
