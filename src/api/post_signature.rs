//! `/post-signature`: a signed form.

use axum::body::Body;
use uuid::Uuid;

use super::answer::Answer;
use super::exit::Vended;
use super::form_answer;
use super::parameters::{Parameter, Parameters, invalid};
use super::problem::Problem;
use super::visit::Visit;
use crate::policy::{FormAsk, SignatureVersion};

static KNOWN: [&str; 8] =
    ["grant", "filename", "key", "contentType", "size", "expires", "forbidOverwrite", "signatureVersion"];

pub(super) async fn answer(visit: &mut Visit<'_>, body: Body) -> Result<Answer, Problem> {
    let caller = visit.app.admit(visit).await?.caller;
    let parameters = Parameters::read(visit.head, body, &KNOWN, visit.app.body_limit).await?;
    let offer = visit.grant(parameters.text("grant")?, parameters.text("key")?)?;
    let permit =
        offer.grant.form(&caller, &ask(&parameters)?, new_name(&mut Uuid::encode_buffer()), visit.machine_time())?;
    visit.app.charge_grant(&offer.grant, visit.machine_time())?;
    let (key, granted) = visit.signing_key(&permit.session, permit.life).await?;
    let answer = form_answer::of(offer, &permit, &key, granted);
    visit.record.vended(Vended::form(permit.key, key, granted));
    Ok(answer)
}

/// A name that no other object has, written into `buffer`.
pub(super) fn new_name(buffer: &mut [u8; 45]) -> &str {
    Uuid::new_v4().hyphenated().encode_lower(buffer)
}

fn ask<'p>(parameters: &'p Parameters<'_>) -> Result<FormAsk<'p>, Problem> {
    let mut ask = FormAsk::default();
    for parameter in parameters.iter() {
        match parameter.name {
            "key" => ask.naming.key = Some(parameter.text()?),
            "filename" => ask.naming.filename = Some(parameter.text()?),
            "contentType" => ask.content_type = Some(parameter.text()?),
            "size" => ask.size = Some(parameter.number()?),
            "expires" => ask.expires = Some(parameter.number()?),
            "forbidOverwrite" => ask.forbid_overwrite = parameter.flag()?,
            "signatureVersion" => ask.signature = Some(signature_version(parameter)?),
            _other_than_asked_of_the_form => {}
        }
    }
    if ask.naming.key.is_none() && ask.naming.filename.is_none() {
        refuse_null_names(parameters)?;
    }
    Ok(ask)
}

/// A form for the whole directory is given only where no name was said at all: a name that a client wanted to send and
/// lost on the way must not become more than one key.
fn refuse_null_names(parameters: &Parameters<'_>) -> Result<(), Problem> {
    match ["key", "filename"].into_iter().find(|name| parameters.is_null(name)) {
        Some(name) => Err(invalid(name, "is null").hint(
            "send a name as text; for a form that takes any key of the directory, leave both \"key\" and \"filename\" out",
        )),
        None => Ok(()),
    }
}

/// The scheme that is meant by `v4` or `v1`.
pub(super) fn signature_version(parameter: &Parameter<'_>) -> Result<SignatureVersion, Problem> {
    match parameter.text()? {
        "v4" => Ok(SignatureVersion::V4),
        "v1" => Ok(SignatureVersion::V1),
        _ => Err(invalid(parameter.name, "is neither v4 nor v1")),
    }
}
