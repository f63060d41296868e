//! The STS service: one path, two signature schemes, `AssumeRole`, `AssumeRoleWithOIDC` and `GetCallerIdentity`.

mod answer;
mod assume_role;
mod call;
mod caller_identity;
mod nonce;
mod oidc;
mod random;
#[cfg(test)]
pub(super) mod sample;

use std::sync::Arc;

use axum::Router;
use axum::body::{self, Bytes};
use axum::extract::{Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use serde_json::Value;

use self::answer::Frame;
use self::call::Call;
use super::State;
use super::account::Identity;
use super::error::StsError;
use super::knobs::{self, Failure, Service};
use super::verify::{authenticate_acs3, authenticate_rpc};
use super::wire::http_date_value;

pub(crate) use self::nonce::Nonces;
pub use self::oidc::IdentityClaims;

/// Largest body in bytes; a policy of 2048 bytes, encoded twice over, stays far below.
const BODY_LIMIT: usize = 64 * 1024;

const OPERATIONS: [&str; 3] = ["AssumeRole", "AssumeRoleWithOIDC", "GetCallerIdentity"];

const VERSION: &str = "2015-04-01";

/// Every method and path of STS.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/oidc/jwks", get(oidc::jwks))
        .route("/oidc/.well-known/openid-configuration", get(oidc::discovery))
        .fallback(serve)
        .with_state(state)
}

async fn serve(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, BODY_LIMIT).await;
    let too_large = |_| StsError::bad_request("InvalidParameter", "The body is too large or was cut off.");
    let call = body.map_err(too_large).and_then(|body| read(parts, body));
    let operation = call.as_ref().map_or("Unknown", operation);
    if let Some(delay) = state.knobs.delay_of(operation) {
        tokio::time::sleep(delay).await;
    }
    let xml = call.as_ref().is_ok_and(Call::wants_xml);
    let frame = Frame { request_id: random::request_id(), now: state.now(), xml };
    let mut record = Record { operation, identity: None, code: None, dropped: false };
    let mut answer = match (state.knobs.take_failure(Service::Sts, operation, frame.now), &call) {
        (Some(Failure::Silence), _) => return silence(&state, &frame, record).await,
        (Some(failure), _) => fail(failure, &frame, &mut record),
        (None, Ok(call)) => answer(&state, call, &frame, &mut record),
        (None, Err(error)) => refuse(error, &frame, &mut record),
    };
    record.keep(&state, &frame, answer.status());
    answer.headers_mut().insert(header::DATE, http_date_value(frame.now));
    answer
}

fn read(parts: Parts, body: Bytes) -> Result<Call, StsError> {
    if !matches!(parts.method, Method::GET | Method::POST) {
        return Err(StsError::bad_request("UnsupportedHTTPMethod", "This http method is not supported."));
    }
    if parts.uri.path() != "/" {
        return Err(no_such_action());
    }
    Call::read(parts, body)
}

/// The operation as the knobs name it, so that a client cannot invent names.
fn operation(call: &Call) -> &'static str {
    let action = call.common("Action", "x-acs-action").unwrap_or_default();
    OPERATIONS.into_iter().find(|known| *known == action).unwrap_or("Unknown")
}

/// Whether calls are recorded under that name here.
pub(super) fn is_operation(name: &str) -> bool {
    OPERATIONS.contains(&name)
}

fn answer(state: &State, call: &Call, frame: &Frame, record: &mut Record) -> Response {
    let outcome = authenticate(state, call, record.operation, frame.now).and_then(|identity| {
        let body = perform(state, &identity, call, frame.now);
        record.identity = Some(identity);
        body
    });
    match outcome {
        Ok(body) => frame.success(record.operation, body),
        Err(error) => refuse(&error, frame, record),
    }
}

/// Who signed the call; a nonce is spent only by a right signature.
fn authenticate(state: &State, call: &Call, operation: &str, now: DateTime<Utc>) -> Result<Identity, StsError> {
    if operation == "AssumeRoleWithOIDC" {
        return Ok(Identity::Anonymous); // it goes unsigned: the token is the proof
    }
    let signed = match &call.acs3 {
        Some(claim) => authenticate_acs3(&state.accounts, &call.wire(), &call.body, claim, now)?,
        None => authenticate_rpc(&state.accounts, call.wire().method, &call.parameters, now)?,
    };
    let key = signed.identity.access_key_id().unwrap_or_default();
    if state.nonces.spend(key, &signed.nonce, now) {
        return Ok(signed.identity);
    }
    Err(StsError::bad_request("SignatureNonceUsed", "Specified signature nonce was used already."))
}

fn perform(state: &State, identity: &Identity, call: &Call, now: DateTime<Utc>) -> Result<Value, StsError> {
    if call.common("Version", "x-acs-version")? != VERSION {
        return Err(StsError::bad_request("InvalidVersion", "Specified parameter Version is not valid."));
    }
    match call.common("Action", "x-acs-action")?.as_str() {
        "AssumeRole" => assume_role::assume_role(state, identity, call, now),
        "AssumeRoleWithOIDC" => oidc::assume_role_with_oidc(state, call, now),
        "GetCallerIdentity" => Ok(caller_identity::caller_identity(identity)),
        _ => Err(no_such_action()),
    }
}

fn no_such_action() -> StsError {
    let message = "Specified api is not found, please check your url and method";
    StsError::new(StatusCode::NOT_FOUND, "InvalidAction.NotFound", message)
}

fn refuse(error: &StsError, frame: &Frame, record: &mut Record) -> Response {
    record.code = Some(error.code.clone());
    frame.refusal(error)
}

fn fail(failure: Failure, frame: &Frame, record: &mut Record) -> Response {
    match failure {
        Failure::Status { status, code, message } => {
            refuse(&StsError::new(knobs::status_code(status), code, message), frame, record)
        }
        Failure::Throttled { retry_after } => {
            knobs::come_again(fail(Service::Sts.refusal(), frame, record), retry_after)
        }
        Failure::Close | Failure::Silence => {
            record.dropped = true;
            knobs::dropped()
        }
        Failure::Cut => knobs::cut(),
        Failure::Body { status, content_type, body } => knobs::raw(status, &content_type, body),
    }
}

/// Never ends; the client leaves, and with its connection this goes.
async fn silence(state: &State, frame: &Frame, mut record: Record) -> Response {
    record.dropped = true;
    record.keep(state, frame, StatusCode::OK);
    std::future::pending().await
}

/// What is known of a call while it is served.
struct Record {
    operation: &'static str,
    identity: Option<Identity>,
    code: Option<String>,
    dropped: bool,
}

impl Record {
    fn keep(self, state: &State, frame: &Frame, status: StatusCode) {
        state.knobs.record(knobs::Call {
            at: frame.now,
            operation: self.operation.to_owned(),
            access_key_id: self.identity.as_ref().and_then(Identity::access_key_id).map(str::to_owned),
            bucket: None,
            key: None,
            status: if self.dropped { 0 } else { status.as_u16() },
            code: self.code,
            request_id: frame.request_id.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use chrono::TimeDelta;

    use super::sample::{ASSUME, Caller, now};
    use super::*;

    #[tokio::test]
    async fn parameters_may_travel_in_the_query_in_the_body_or_in_both() {
        let caller = Caller::new(|_| {});
        let whole = caller.signed("POST", &ASSUME);
        assert_eq!(caller.send("", &whole).await.code(), "ok");
        let mixed = caller.signed("POST", &ASSUME);
        let (query, body) = mixed.split_at(mixed.find("&RoleArn").unwrap());
        assert_eq!(caller.send(query, &body[1..]).await.code(), "ok");
        let repeated = caller.signed("POST", &ASSUME);
        assert_eq!(caller.send(&repeated, "RoleArn=x").await.code(), "SignatureDoesNotMatch");
        assert_eq!(caller.send(&caller.signed("POST", &ASSUME), "Signature=x").await.code(), "InvalidParameter");
    }

    #[tokio::test]
    async fn an_acs3_call_names_its_action_in_a_header() {
        let caller = Caller::new(|_| {});
        let query = format!("RoleArn={}&RoleSessionName=alice", ASSUME[1].1.replace(':', "%3A").replace('/', "%2F"));
        let answer = caller.request(caller.acs3("AssumeRole", &query)).await;
        assert_eq!(answer.json()["Credentials"]["Expiration"], "2025-02-14T09:09:10Z");
        let unnamed = caller.request(caller.acs3("", &query)).await;
        assert_eq!(unnamed.code(), "IncompleteSignature");
        assert_eq!(caller.emulator.knobs().count("AssumeRole"), 1);
    }

    #[tokio::test]
    async fn a_nonce_serves_once_and_a_wrong_signature_does_not_spend_it() {
        let caller = Caller::new(|_| {});
        let call = caller.signed("POST", &ASSUME);
        assert_eq!(caller.send(&call.replace("alice", "bob"), "").await.code(), "SignatureDoesNotMatch");
        assert_eq!(caller.send(&call, "").await.code(), "ok");
        assert_eq!(caller.send(&call, "").await.code(), "SignatureNonceUsed");
    }

    #[tokio::test]
    async fn an_error_says_where_it_comes_from_and_carries_the_emulators_time() {
        let caller = Caller::new(|_| {});
        let answer = caller.call(&[("Action", "Dance")]).await;
        let json = answer.json();
        assert_eq!((answer.status.as_u16(), json["HostId"].as_str()), (404, Some("sts.aliyuncs.com")));
        assert!(json["Recommend"].as_str().unwrap().contains("InvalidAction.NotFound"));
        assert_eq!(answer.headers["date"], "Fri, 14 Feb 2025 08:09:10 GMT");
        caller.emulator.knobs().clock_offset(TimeDelta::hours(1));
        let late = caller.call(&ASSUME).await;
        assert_eq!(
            (late.code().as_str(), &late.headers["date"]),
            ("InvalidTimeStamp.Expired", &"Fri, 14 Feb 2025 09:09:10 GMT".parse().unwrap())
        );
    }

    #[tokio::test]
    async fn xml_has_the_same_names_under_one_root() {
        let caller = Caller::new(|_| {});
        let answer = caller.call(&[("Action", "GetCallerIdentity"), ("Format", "xml")]).await;
        assert_eq!(answer.headers["content-type"], "text/xml;charset=utf-8");
        assert!(
            answer.text.contains("<GetCallerIdentityResponse><AccountId>1234567890123456</AccountId>"),
            "{}",
            answer.text
        );
        let refused = caller
            .call(&[("Action", "AssumeRole"), ("RoleArn", "<&>"), ("RoleSessionName", "ab"), ("Format", "XML")])
            .await;
        assert!(refused.text.contains("<Code>InvalidParameter.RoleArn</Code>"), "{}", refused.text);
    }

    #[tokio::test]
    async fn each_kind_of_caller_is_told_who_it_is() {
        let caller = Caller::new(|_| {});
        let identity = |answer: Value| (answer["IdentityType"].clone(), answer["Arn"].clone());
        let user = caller.call(&[("Action", "GetCallerIdentity")]).await.json();
        assert_eq!(identity(user), ("RAMUser".into(), "acs:ram::1234567890123456:user/oss-vend".into()));
        let session = caller.assumed(&caller.call(&ASSUME).await.json());
        let session = session.call(&[("Action", "GetCallerIdentity")]).await.json();
        let arn = "acs:ram::1234567890123456:assumed-role/oss-vend-dev/alice";
        assert_eq!(identity(session), ("AssumedRoleUser".into(), arn.into()));
    }

    #[tokio::test]
    async fn what_is_no_call_is_refused() {
        let caller = Caller::new(|_| {});
        let send = |method: &str, path: &str, kind: &str, body: String| {
            let request = Request::builder().method(method).uri(path).header("content-type", kind);
            caller.request(request.body(Body::from(body)).unwrap())
        };
        for (method, path, kind, body, expected) in [
            ("PUT", "/", "text/plain", String::new(), "UnsupportedHTTPMethod"),
            ("POST", "/x", "text/plain", String::new(), "InvalidAction.NotFound"),
            ("POST", "/", "text/plain", "a".to_owned(), "InvalidParameter.ContentType"),
            ("POST", "/", "application/json", "[]".to_owned(), "InvalidParameter"),
            ("POST", "/", "application/x-www-form-urlencoded", "a=%zz".to_owned(), "InvalidParameter"),
            ("POST", "/", "application/x-www-form-urlencoded", "a".repeat(BODY_LIMIT + 1), "InvalidParameter"),
            ("GET", "/?Action=AssumeRole", "text/plain", String::new(), "MissingAccessKeyId"),
            ("GET", "/?Action=AssumeRoleWithOIDC", "text/plain", String::new(), "MissingVersion"),
        ] {
            assert_eq!(send(method, path, kind, body).await.code(), expected, "{method} {path} {kind}");
        }
    }

    #[test]
    fn the_clock_of_the_emulator_is_the_one_it_was_given() {
        assert_eq!(Caller::new(|_| {}).emulator.state.now(), now());
    }
}
