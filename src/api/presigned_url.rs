//! `/presigned-url`: a signed URL, or up to [`MAX_ITEMS`] of them.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::App;
use super::answer::{self, text, time};
use super::exit::{Record, Vended};
use super::gate::Visitor;
use super::ingress::RequestId;
use super::parameters::{Parameters, invalid};
use super::post_signature::{naming, signature_version};
use super::problem::Problem;
use super::url_answer::{self, UrlAnswer};
use crate::caller::Caller;
use crate::policy::UrlAsk;

/// The most URLs of one request: what a page shows at once, and still a small answer.
const MAX_ITEMS: usize = 100;

const KNOWN: [&str; 17] = [
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

pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let visitor = app.admit(&request, now).await?;
    let record = Record::of(&request);
    let plain = wants_text(request.headers());
    let mut parameters = Parameters::read(request, &KNOWN, app.body_limit).await?;
    if let Some(items) = parameters.take_list("items")? {
        let asked = Items { common: &parameters, items: &items };
        return batch(&app, &visitor, &asked, &request_id, &record, now).await;
    }
    let answer = one(&app, &visitor.caller, &parameters, None, &record, now).await?;
    Ok(if plain { as_text(answer) } else { answer::json(&answer) })
}

async fn one(
    app: &App,
    caller: &Caller,
    parameters: &Parameters,
    default_grant: Option<&str>,
    record: &Record,
    now: DateTime<Utc>,
) -> Result<UrlAnswer, Problem> {
    let grant = parameters.text("grant")?.or(default_grant);
    record.asked(grant, parameters.text("key")?);
    let grant = app.grant(grant, record)?;
    let permit = grant.url(caller, &ask(parameters)?, &uuid::Uuid::new_v4().to_string(), now)?;
    app.charge_grant(grant, now)?;
    let (key, granted) = app.signing_key(&permit.session, permit.life, now).await?;
    record.vended(|| Vended::url(&permit, &key, granted));
    Ok(url_answer::of(grant, permit, &key, granted))
}

fn ask(parameters: &Parameters) -> Result<UrlAsk<'_>, Problem> {
    Ok(UrlAsk {
        method: parameters.text("method")?,
        naming: naming(parameters)?,
        expires: parameters.number("expires")?,
        content_type: parameters.text("contentType")?,
        content_md5: parameters.text("contentMd5")?,
        size: parameters.number("size")?,
        process: parameters.text("process")?,
        version_id: parameters.text("versionId")?,
        response_content_type: parameters.text("responseContentType")?,
        response_content_disposition: parameters.text("responseContentDisposition")?,
        storage_class: parameters.text("storageClass")?,
        forbid_overwrite: parameters.flag("forbidOverwrite")?,
        traffic_limit: parameters.number("trafficLimit")?,
        signature: signature_version(parameters)?,
    })
}

/// The items of a batch, and what stands beside them.
struct Items<'a> {
    common: &'a Parameters,
    items: &'a [Box<RawValue>],
}

/// Signs each item by itself: one that is refused says why in its place and the others are signed all the same.
async fn batch(
    app: &App,
    visitor: &Visitor,
    &Items { common, items }: &Items<'_>,
    request_id: &str,
    record: &Record,
    now: DateTime<Utc>,
) -> Result<Response, Problem> {
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        return Err(invalid("items", "has 1 to 100 items"));
    }
    if let Some(name) = common.names().find(|name| *name != "grant") {
        return Err(invalid(name, "stands beside \"items\"; only \"grant\" may, the others belong into each item"));
    }
    let grant = common.text("grant")?;
    app.charge(visitor, u32::try_from(items.len() - 1).unwrap_or(u32::MAX), now)?;
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let signed = signed(app, &visitor.caller, item, grant, record, now).await;
        record.next(signed.as_ref().err());
        answers.push(match signed {
            Ok(answer) => json!(answer),
            Err(problem) => json!({ "problem": problem.document(request_id) }),
        });
    }
    Ok(answer::json(&json!({ "items": Value::Array(answers), "serverTime": time(now) })))
}

async fn signed(
    app: &App,
    caller: &Caller,
    item: &RawValue,
    grant: Option<&str>,
    record: &Record,
    now: DateTime<Utc>,
) -> Result<UrlAnswer, Problem> {
    let parameters = Parameters::of_item(item.get(), &KNOWN[..KNOWN.len() - 1])?;
    one(app, caller, &parameters, grant, record, now).await
}

/// `Accept: text/plain`, and nothing in it that would rather have JSON.
fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/plain") && !accept.contains("json") && !accept.contains("*/*")
}

/// The URL alone; its end is told by a header.
pub(super) fn as_text(answer: UrlAnswer) -> Response {
    let expiration = HeaderValue::from_str(&answer.expiration).expect("a time is made of header characters");
    let mut response = text(answer.url);
    response.headers_mut().insert("x-oss-vend-expiration", expiration);
    response
}
