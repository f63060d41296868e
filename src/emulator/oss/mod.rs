//! The object service: who asks → what for → may they → do it → say so, in OSS's own words.

mod address;
mod answer;
mod attributes;
mod body;
mod bucket;
mod call;
mod conditions;
mod cors;
mod delete;
mod form;
mod get;
mod list;
mod multipart;
mod object;
mod operation;
mod post;
mod put;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version};
use axum::response::Response;
use chrono::{DateTime, Utc};

use self::address::{Known, Reading};
use self::call::{Call as Exchange, Head};
use self::operation::{Level, Operation};
use super::account::Identity;
use super::error::OssError;
use super::knobs::{self, Call, Failure};
use super::store::{Settings, Store};
use super::verify::{Target, WireRequest, authenticate};
use super::wire::{Query, to_http_date};
use super::xml::Refusal;
use super::{BucketOptions, State};

/// Every address of the service.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new().fallback(serve).with_state(state)
}

/// Makes the buckets of the options; those that a data folder brings along stay as they are.
pub(super) fn make_buckets(store: &Store, buckets: &[BucketOptions], now: DateTime<Utc>) -> io::Result<()> {
    for bucket in buckets {
        if !address::is_bucket_name(&bucket.name) {
            let message = format!("{} is no name of a bucket", bucket.name);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let cors = bucket.cors.then(cors::allow_all).into_iter().collect();
        store.create(&bucket.name, Settings { acl: bucket.acl.clone(), cors, created: now })?;
    }
    Ok(())
}

async fn serve(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let started = Instant::now();
    let (head, mut body) = take_apart(request);
    let mut record = Call {
        at: state.now(),
        operation: "Unknown".to_owned(),
        access_key_id: None,
        bucket: None,
        key: None,
        status: 0,
        code: None,
        request_id: answer::request_id(),
    };
    let outcome = handle(&state, &head, &mut body, &mut record).await;
    if !body.is_end_stream() && !head.headers.contains_key("expect") {
        body::drain(&mut body).await;
    }
    let response = match outcome {
        Ok(response) => dress(response, &state, &head, &record, started),
        Err(Trouble::Refused(error)) => {
            record.code = Some(error.code.to_owned());
            let refusal = refusal_of(&error, &head, &record.request_id);
            dress(answer::refusal(&head.method, error.status, &refusal), &state, &head, &record, started)
        }
        Err(Trouble::Injected(failure)) => inject(failure, &state, &head, &mut record, started),
    };
    if record.code.as_deref() != Some(DROPPED) {
        record.status = response.status().as_u16();
    }
    state.knobs.record(record);
    response
}

/// What the record calls a connection that the knobs dropped.
const DROPPED: &str = "Dropped";

/// Why a call was not done.
enum Trouble {
    Refused(OssError),
    Injected(Failure),
}

impl From<OssError> for Trouble {
    fn from(error: OssError) -> Self {
        Self::Refused(error)
    }
}

async fn handle(state: &State, head: &Head, body: &mut Body, record: &mut Call) -> Result<Response, Trouble> {
    if !head.well_formed {
        return Err(OssError::bad_request("InvalidURI", "Couldn't parse the specified URI.").into());
    }
    let exists = |name: &str| state.store.bucket(name).is_some();
    let readings = Known { configured: &state.buckets, exists: &exists }.readings(&head.host, &head.raw_path)?;
    let (reading, identity) = recognise(state, head, readings, record.at);
    let operation = operation_of(head, &reading);
    record.operation = operation.name();
    record.bucket.clone_from(&reading.bucket);
    record.key = reading.key.clone().filter(|key| address::check_key(key).is_ok());
    if let Some(delay) = state.knobs.delay_of(&record.operation) {
        tokio::time::sleep(delay).await;
    }
    if let Some(failure) = state.knobs.take_failure(&record.operation) {
        return Err(Trouble::Injected(failure));
    }
    let (identity, now) = (identity?, record.at);
    reading.check()?;
    let mut exchange = Exchange { state, head, reading, identity, now };
    let outcome = perform(operation, &mut exchange, body).await;
    record.key = exchange.reading.key;
    record.access_key_id = exchange.identity.access_key_id().map(str::to_owned);
    Ok(outcome?)
}

/// The reading whose signature is right, else the likeliest with its refusal. Forms and preflights carry none here.
fn recognise(
    state: &State,
    head: &Head,
    readings: Vec<Reading>,
    now: DateTime<Utc>,
) -> (Reading, Result<Identity, OssError>) {
    let mut likeliest = None;
    for reading in readings {
        let unsigned = matches!(operation_of(head, &reading), Operation::PostObject | Operation::OptionObject);
        let identity = if unsigned { Ok(Identity::Anonymous) } else { verified(state, head, &reading, now) };
        match identity {
            Ok(identity) => return (reading, Ok(identity)),
            Err(error) => _ = likeliest.get_or_insert((reading, Err(error))),
        }
    }
    likeliest.expect("an address has at least one reading")
}

fn verified(state: &State, head: &Head, reading: &Reading, now: DateTime<Utc>) -> Result<Identity, OssError> {
    let wire = WireRequest {
        method: head.method.as_str(),
        raw_path: &head.raw_path,
        raw_query: &head.raw_query,
        headers: &head.headers,
    };
    let target = Target { bucket: reading.bucket.as_deref(), key: reading.key.as_deref() };
    authenticate(&state.accounts, &wire, &target, &state.region, now)
}

fn operation_of(head: &Head, reading: &Reading) -> Operation {
    let level = match (&reading.bucket, &reading.key) {
        (None, _) => Level::Service,
        (Some(_), None) => Level::Bucket,
        (Some(_), Some(_)) => Level::Object,
    };
    Operation::of(&head.method, level, &head.query, head.headers.contains_key("x-oss-copy-source"))
}

async fn perform(operation: Operation, call: &mut Exchange<'_>, body: &mut Body) -> Result<Response, OssError> {
    match operation {
        Operation::AbortMultipartUpload => multipart::abort(call),
        Operation::AppendObject => put::append(call, body).await,
        Operation::CompleteMultipartUpload => multipart::complete(call, body).await,
        Operation::CopyObject => put::copy(call),
        Operation::DeleteBucketCors => cors::delete(call),
        Operation::DeleteMultipleObjects => delete::many(call, body).await,
        Operation::DeleteObject => delete::one(call),
        Operation::DeleteObjectTagging => object::delete_tags(call),
        Operation::GetBucketAcl => bucket::acl(call),
        Operation::GetBucketCors => cors::read(call),
        Operation::GetBucketInfo => bucket::info(call),
        Operation::GetBucketLocation => bucket::location(call),
        Operation::GetObject => get::get(call),
        Operation::GetObjectAcl => object::acl(call),
        Operation::GetObjectMeta => get::meta(call),
        Operation::GetObjectTagging => object::tags(call),
        Operation::HeadObject => get::head(call),
        Operation::InitiateMultipartUpload => multipart::initiate(call),
        Operation::ListBuckets => bucket::list(call),
        Operation::ListMultipartUploads => multipart::list(call),
        Operation::ListObjects => list::v1(call),
        Operation::ListObjectsV2 => list::v2(call),
        Operation::ListParts => multipart::list_parts(call),
        Operation::OptionObject => cors::preflight(call),
        Operation::PostObject => post::post(call, body).await,
        Operation::PutBucket => bucket::put(call),
        Operation::PutBucketCors => cors::put(call, body).await,
        Operation::PutObject => put::put(call, body).await,
        Operation::PutObjectAcl => object::put_acl(call),
        Operation::PutObjectTagging => object::put_tags(call, body).await,
        Operation::UploadPart => multipart::put_part(call, body).await,
        Operation::Other => Err(OssError::not_implemented("this operation")),
        Operation::NotAllowed => Err(OssError::method_not_allowed()),
    }
}

fn refusal_of<'a>(error: &'a OssError, head: &'a Head, request_id: &'a str) -> Refusal<'a> {
    let OssError { code, message, details, ec, .. } = error;
    Refusal { code, message, details, ec: *ec, request_id, host: &head.host }
}

fn inject(failure: Failure, state: &State, head: &Head, record: &mut Call, started: Instant) -> Response {
    match failure {
        Failure::Close => {
            record.code = Some(DROPPED.to_owned());
            knobs::dropped()
        }
        Failure::Body { status, content_type, body } => knobs::raw(status, &content_type, body),
        Failure::Status { status, code, message } => {
            let request_id = &record.request_id;
            let refusal =
                Refusal { code: &code, message: &message, details: &[], ec: None, request_id, host: &head.host };
            let response = answer::refusal(&head.method, knobs::status_code(status), &refusal);
            let response = dress(response, state, head, record, started);
            record.code = Some(code);
            response
        }
    }
}

/// Adds what every answer carries.
fn dress(mut response: Response, state: &State, head: &Head, record: &Call, started: Instant) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    answer::set(headers, "x-oss-request-id", &record.request_id);
    answer::set(headers, "date", &to_http_date(record.at));
    answer::set(headers, "server", "AliyunOSS");
    answer::set(headers, "x-oss-server-time", &started.elapsed().as_millis().to_string());
    let bucket = record.bucket.as_deref().and_then(|name| state.store.bucket(name));
    if let Some(bucket) = bucket.filter(|_| record.operation != Operation::OptionObject.name()) {
        cors::decorate(head, &bucket.settings(), headers);
    }
    response
}

fn take_apart(request: Request) -> (Head, Body) {
    let (parts, body) = request.into_parts();
    let sender = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
    let raw_query = parts.uri.query().unwrap_or_default();
    let query = Query::parse(raw_query);
    let head = Head {
        host: host.or(parts.uri.authority().map(Authority::as_str)).unwrap_or_default().to_owned(),
        raw_path: parts.uri.path().to_owned(),
        raw_query: raw_query.to_owned(),
        well_formed: query.is_some(),
        query: query.unwrap_or_default(),
        sender: sender.map_or_else(|| "127.0.0.1".to_owned(), |sender| sender.to_string()),
        measured: parts.version > Version::HTTP_11
            || ["content-length", "transfer-encoding"].iter().any(|name| parts.headers.contains_key(*name)),
        method: parts.method,
        headers: parts.headers,
    };
    (head, body)
}
