//! `/presigned-url`: a signed URL, or up to [`MAX_ITEMS`] of them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::answer::{Answer, text};
use super::exit::Vended;
use super::gate::Visitor;
use super::parameters::{Parameters, invalid};
use super::post_signature::{new_name, signature_version};
use super::problem::Problem;
use super::url_answer::{self, UrlAnswer};
use super::visit::Visit;
use crate::caller::Caller;
use crate::policy::UrlAsk;
use crate::signing::moment::Extended;

/// The most URLs of one request: what a page shows at once, and still a small answer.
const MAX_ITEMS: usize = 100;

static KNOWN: [&str; 17] = [
    "grant",
    "key",
    "filename",
    "method",
    "expires",
    "contentType",
    "contentMd5",
    "size",
    "process",
    "versionId",
    "responseContentType",
    "responseContentDisposition",
    "storageClass",
    "forbidOverwrite",
    "trafficLimit",
    "signatureVersion",
    "items",
];

pub(super) async fn answer(visit: &mut Visit<'_>, body: Body) -> Result<Answer, Problem> {
    let visitor = visit.app.admit(visit).await?;
    let mut parameters = Parameters::read(visit.head, body, &KNOWN, visit.app.body_limit).await?;
    if let Some(items) = parameters.take_list("items")? {
        let items: Vec<&RawValue> = serde_json::from_str(items.get()).map_err(|_| invalid("items", "is not a list"))?;
        return Box::pin(batch(visit, &visitor, &Items { common: &parameters, items: &items })).await;
    }
    let answer = one(visit, &visitor.caller, &parameters, None).await?;
    Ok(if wants_text(&visit.head.headers) { as_text(&answer) } else { Answer::Json(answer.json) })
}

async fn one(
    visit: &mut Visit<'_>,
    caller: &Caller,
    parameters: &Parameters<'_>,
    default_grant: Option<&str>,
) -> Result<UrlAnswer, Problem> {
    let offer = visit.grant(parameters.text("grant")?.or(default_grant), parameters.text("key")?)?;
    let permit = {
        let mut ask = UrlAsk::default();
        read(&mut ask, parameters)?;
        offer.grant.url(caller, &ask, new_name(&mut Uuid::encode_buffer()), visit.machine_time())?
    };
    visit.app.charge_grant(&offer.grant, visit.machine_time())?;
    let (key, granted) = visit.signing_key(&permit.session, permit.life).await?;
    let answer = url_answer::of(offer, &permit, &key, granted);
    visit.record.vended(Vended::url(permit.method, permit.key, key, granted));
    Ok(answer)
}

/// Looks once at each that was given, which are a few of many.
fn read<'p>(ask: &mut UrlAsk<'p>, parameters: &'p Parameters<'_>) -> Result<(), Problem> {
    for parameter in parameters.iter() {
        match parameter.name {
            "key" => ask.naming.key = Some(parameter.text()?),
            "filename" => ask.naming.filename = Some(parameter.text()?),
            "method" => ask.method = Some(parameter.text()?),
            "expires" => ask.expires = Some(parameter.number()?),
            "contentType" => ask.content_type = Some(parameter.text()?),
            "contentMd5" => ask.content_md5 = Some(parameter.text()?),
            "size" => ask.size = Some(parameter.number()?),
            "process" => ask.process = Some(parameter.text()?),
            "versionId" => ask.version_id = Some(parameter.text()?),
            "responseContentType" => ask.response_content_type = Some(parameter.text()?),
            "responseContentDisposition" => ask.response_content_disposition = Some(parameter.text()?),
            "storageClass" => ask.storage_class = Some(parameter.text()?),
            "forbidOverwrite" => ask.forbid_overwrite = Some(parameter.flag()?),
            "trafficLimit" => ask.traffic_limit = Some(parameter.number()?),
            "signatureVersion" => ask.signature = Some(signature_version(parameter)?),
            _other_than_asked_of_the_url => {}
        }
    }
    Ok(())
}

/// The items of a batch, and what stands beside them.
struct Items<'a> {
    common: &'a Parameters<'a>,
    items: &'a [&'a RawValue],
}

/// Signs each item by itself: one that is refused says why in its place and the others are signed all the same.
async fn batch(
    visit: &mut Visit<'_>,
    visitor: &Visitor,
    &Items { common, items }: &Items<'_>,
) -> Result<Answer, Problem> {
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        return Err(invalid("items", "has 1 to 100 items"));
    }
    if let Some(name) = common.iter().map(|parameter| parameter.name).find(|name| *name != "grant") {
        return Err(invalid(name, "stands beside \"items\"; only \"grant\" may, the others belong into each item"));
    }
    let grant = common.text("grant")?;
    visit.app.charge_batch(visitor, u32::try_from(items.len()).unwrap_or(u32::MAX), visit.machine_time())?;
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let signed = signed(visit, &visitor.caller, item, grant).await;
        visit.record.next(signed.as_ref().err());
        answers.push(match signed {
            Ok(answer) => answer.json,
            Err(problem) => serde_json::json!({ "problem": problem.document(&visit.context.request_id) }).to_string(),
        });
    }
    let server_time = Extended::of(visit.app.clock.cloud_time());
    let text = [r#"{"items":["#, &answers.join(","), r#"],"serverTime":""#, server_time.as_str(), "\"}"].concat();
    Ok(Answer::Json(text))
}

async fn signed(
    visit: &mut Visit<'_>,
    caller: &Caller,
    item: &RawValue,
    grant: Option<&str>,
) -> Result<UrlAnswer, Problem> {
    let parameters = Parameters::of_item(item.get(), &KNOWN[..KNOWN.len() - 1])?;
    one(visit, caller, &parameters, grant).await
}

/// `Accept: text/plain`, and nothing in it that would rather have JSON.
fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/plain") && !accept.contains("json") && !accept.contains("*/*")
}

/// The URL alone; its end is told by a header.
pub(super) fn as_text(answer: &UrlAnswer) -> Answer {
    let expiration = HeaderValue::from_str(answer.expiration.as_str()).expect("a time is made of header characters");
    let mut response = text(answer.url().to_owned());
    response.headers_mut().insert("x-oss-vend-expiration", expiration);
    Answer::Whole(response)
}
