//! One request from its bytes to its answer and its record.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::super::account::Identity;
use super::super::error::OssError;
use super::super::knobs::{self, Call as Record, Failure, Service};
use super::super::verify::{Target, WireRequest, authenticate};
use super::super::wire::to_http_date;
use super::super::xml::Refusal;
use super::super::{BucketOptions, State};
use super::address::{Known, Reading, check_key, invalid_uri, is_bucket_name};
use super::answer::{self, set};
use super::call::Call;
use super::head::Head;
use super::operation::{Level, Operation};
use super::{body, cors, perform};

/// What a call is named before it is known what it asks for.
pub(super) const UNKNOWN: &str = "Unknown";

/// Answers a request.
pub(super) async fn serve(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, mut body) = request.into_parts();
    let head = Head::of(parts);
    let mut record = blank(state.now());
    let outcome = handle(&state, &head, &mut body, &mut record).await;
    if !body.is_end_stream() && !head.headers.contains_key("expect") {
        body::drain(&mut body).await;
    }
    let silent = matches!(outcome, Err(Trouble::Injected(Failure::Silence)));
    let dropped = silent || matches!(outcome, Err(Trouble::Injected(Failure::Close)));
    let response = match outcome {
        Ok(response) => dress(response, &state, &head, &record, started),
        Err(Trouble::Refused(error)) => {
            let response = refused(&error, &head, &mut record);
            dress(response, &state, &head, &record, started)
        }
        Err(Trouble::Injected(Failure::Status { status, code, message })) => {
            let response = busy(status, &code, &message, &head, &mut record);
            dress(response, &state, &head, &record, started)
        }
        Err(Trouble::Injected(Failure::Throttled { retry_after })) => {
            let (status, code, message) = Service::Oss.words();
            let response = busy(status, code, message, &head, &mut record);
            knobs::come_again(dress(response, &state, &head, &record, started), retry_after)
        }
        Err(Trouble::Injected(Failure::Body { status, content_type, body })) => knobs::raw(status, &content_type, body),
        Err(Trouble::Injected(Failure::Close | Failure::Silence)) => knobs::dropped(),
        Err(Trouble::Injected(Failure::Cut)) => knobs::cut(),
    };
    record.status = if dropped { 0 } else { response.status().as_u16() };
    state.knobs.record(record);
    if silent {
        std::future::pending::<()>().await; // the client leaves, and with its connection this goes
    }
    response
}

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

fn blank(at: DateTime<Utc>) -> Record {
    Record {
        at,
        operation: UNKNOWN.to_owned(),
        access_key_id: None,
        bucket: None,
        key: None,
        status: 0,
        code: None,
        request_id: answer::request_id(),
    }
}

async fn handle(state: &State, head: &Head, body: &mut Body, record: &mut Record) -> Result<Response, Trouble> {
    if !head.well_formed {
        return Err(invalid_uri(&head.raw_query).into());
    }
    let exists = |name: &str| state.store.bucket(name).is_some();
    let readings = Known { configured: &state.buckets, exists: &exists }.readings(&head.host, &head.raw_path)?;
    let (reading, identity) = recognise(state, head, readings, record.at);
    let operation = operation_of(head, &reading);
    record.operation = operation.name();
    // Only what can be a name is kept: the record is bounded, and so is what it holds.
    record.bucket = reading.bucket.clone().filter(|name| is_bucket_name(name));
    record.key = reading.key.clone().filter(|key| check_key(key).is_ok());
    if let Some(delay) = state.knobs.delay_of(&record.operation) {
        tokio::time::sleep(delay).await;
    }
    if let Some(failure) = state.knobs.take_failure(Service::Oss, &record.operation, record.at) {
        return Err(Trouble::Injected(failure));
    }
    check_place(state, &reading)?;
    let (identity, now) = (identity?, record.at);
    reading.check()?;
    let name = record.operation.clone();
    let object_acl = head.header("x-oss-object-acl")?;
    let request_id = record.request_id.clone();
    let mut call = Call { state, head, reading, identity, object_acl, now, operation: &name, request_id };
    let outcome = perform(operation, &mut call, body).await;
    record.key = call.reading.key;
    record.access_key_id = call.identity.access_key_id().map(str::to_owned);
    Ok(outcome?)
}

/// A bucket of another region is not served here, whoever asks.
fn check_place(state: &State, reading: &Reading) -> Result<(), OssError> {
    let named = |bucket: &&BucketOptions| reading.bucket.as_deref() == Some(&bucket.name);
    let elsewhere = |bucket: &BucketOptions| bucket.elsewhere.clone();
    let Some(region) = state.buckets.iter().find(named).and_then(elsewhere) else { return Ok(()) };
    let message = "The bucket you are attempting to access must be addressed using the specified endpoint. \
                   Please send all future requests to this endpoint.";
    let bucket = reading.bucket.clone().unwrap_or_default();
    let endpoint = format!("oss-{region}.aliyuncs.com");
    Err(OssError::access_denied(message).with("Bucket", bucket).with("Endpoint", endpoint))
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

fn refused(error: &OssError, head: &Head, record: &mut Record) -> Response {
    record.code = Some(error.code.to_owned());
    let OssError { code, message, details, ec, .. } = error;
    let refusal = Refusal { code, message, details, ec: *ec, request_id: &record.request_id, host: &head.host };
    let mut response = answer::refusal(&head.method, error.status, &refusal);
    error.headers.iter().for_each(|(name, value)| set(response.headers_mut(), name, value));
    response
}

fn busy(status: u16, code: &str, message: &str, head: &Head, record: &mut Record) -> Response {
    record.code = Some(code.to_owned());
    let refusal = Refusal { code, message, details: &[], ec: None, request_id: &record.request_id, host: &head.host };
    answer::refusal(&head.method, knobs::status_code(status), &refusal)
}

/// Adds what every answer carries.
fn dress(mut response: Response, state: &State, head: &Head, record: &Record, started: Instant) -> Response {
    let headers = response.headers_mut();
    set(headers, "x-oss-request-id", &record.request_id);
    set(headers, "date", &to_http_date(record.at));
    set(headers, "server", "AliyunOSS");
    set(headers, "x-oss-server-time", &started.elapsed().as_millis().to_string());
    let bucket = record.bucket.as_deref().and_then(|name| state.store.bucket(name));
    if let Some(bucket) = bucket.filter(|_| record.operation != Operation::OptionObject.name()) {
        cors::decorate(head, &bucket.settings(), headers);
    }
    response
}
