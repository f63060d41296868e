//! `/post-signature`: a signed form.

use axum::body::Body;
use uuid::Uuid;

use super::answer::Answer;
use super::exit::Vended;
use super::form_answer;
use super::parameters::{Parameters, invalid};
use super::problem::Problem;
use super::visit::Visit;
use crate::policy::{FormAsk, Naming, SignatureVersion};

static KNOWN: [&str; 7] = ["grant", "filename", "key", "contentType", "size", "expires", "signatureVersion"];

pub(super) async fn answer(visit: &mut Visit<'_>, body: Body) -> Result<Answer, Problem> {
    let caller = visit.app.admit(visit).await?.caller;
    let parameters = Parameters::read(visit.head, body, &KNOWN, visit.app.body_limit).await?;
    let offer = visit.grant(parameters.text("grant")?, parameters.text("key")?)?;
    let ask = FormAsk {
        naming: naming(&parameters)?,
        content_type: parameters.text("contentType")?,
        size: parameters.number("size")?,
        expires: parameters.number("expires")?,
        signature: signature_version(&parameters)?,
    };
    let permit = offer.grant.form(&caller, &ask, new_name(&mut Uuid::encode_buffer()), visit.now)?;
    visit.app.charge_grant(&offer.grant, visit.now)?;
    let (key, granted) = visit.signing_key(&permit.session, permit.life).await?;
    let answer = form_answer::of(offer, &permit, &key, granted);
    visit.record.vended(Vended::form(permit, key, granted));
    Ok(answer)
}

/// A name that no other object has, written into `buffer`.
pub(super) fn new_name(buffer: &mut [u8; 45]) -> &str {
    Uuid::new_v4().hyphenated().encode_lower(buffer)
}

pub(super) fn naming<'p>(parameters: &'p Parameters<'_>) -> Result<Naming<'p>, Problem> {
    Ok(Naming { key: parameters.text("key")?, filename: parameters.text("filename")? })
}

pub(super) fn signature_version(parameters: &Parameters<'_>) -> Result<Option<SignatureVersion>, Problem> {
    match parameters.text("signatureVersion")? {
        None => Ok(None),
        Some("v4") => Ok(Some(SignatureVersion::V4)),
        Some("v1") => Ok(Some(SignatureVersion::V1)),
        Some(_) => Err(invalid("signatureVersion", "is neither v4 nor v1")),
    }
}
