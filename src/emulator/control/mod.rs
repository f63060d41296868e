//! The knobs over HTTP, for tests and developers in any language: `/-/emulator/…` on the listener of the object service.
//!
//! `-` is too short for the name of a bucket. Only this machine is answered: the sender and the `Host` must be loopback,
//! and a page of any origin is turned away.

mod answer;
mod guard;
mod order;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt as _;

use self::answer::{Problem, json_answer, no_content};
use self::order::{Clock, Fail, Latency, Throttle, Token, read};
use super::State;
use super::knobs::Readings;
use super::oss::{self, KEY_PATH};
use super::sts::{self, IdentityClaims};
use super::wire::to_iso8601;

type Answer = Result<Response, Problem>;

/// All control routes.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/-/emulator", get(status))
        .route("/-/emulator/", get(status))
        .route("/-/emulator/calls", get(calls).delete(clear_calls))
        .route("/-/emulator/failures", post(fail).delete(clear_failures))
        .route("/-/emulator/latency", put(latency))
        .route("/-/emulator/throttle", put(throttle))
        .route("/-/emulator/clock", put(clock))
        .route("/-/emulator/readings", put(readings))
        .route("/-/emulator/expire-token", post(expire_token))
        .route("/-/emulator/identity-token", post(identity_token))
        .route("/-/emulator/reset", post(reset))
        .route(KEY_PATH, get(callback_key))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "NoSuchRoute", "The emulator has no such control route.")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "The route does not take this method.")
        })
        .with_state(state)
}

/// Sends what is addressed to the control route there, and all else on.
pub(super) async fn divert(Shared(control): Shared<Router>, request: Request, next: Next) -> Response {
    if !guard::is_addressed(&request) {
        return next.run(request).await;
    }
    match guard::check(&request) {
        Err(problem) => problem.into(),
        Ok(()) => control.oneshot(request).await.unwrap_or_else(|never| match never {}),
    }
}

/// The public half of the key that signs upload callbacks.
async fn callback_key(Shared(state): Shared<Arc<State>>) -> Response {
    let pem = tokio::task::spawn_blocking(move || state.key.public_pem()).await;
    let pem = pem.expect("the task neither panics nor is aborted");
    ([(CONTENT_TYPE, "application/x-pem-file")], pem).into_response()
}

/// What the emulator is, and how its knobs are turned.
async fn status(Shared(state): Shared<Arc<State>>) -> Response {
    let buckets: Vec<_> = state.store.buckets().iter().map(|bucket| bucket.name.clone()).collect();
    json_answer(&json!({
        "now": to_iso8601(state.now()),
        "clockOffsetSeconds": state.knobs.offset().num_seconds(),
        "region": state.region,
        "buckets": buckets,
        "readings": state.knobs.readings(),
        "counts": state.knobs.counts(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    operation: Option<String>,
}

async fn calls(Shared(state): Shared<Arc<State>>, Query(which): Query<Which>) -> Response {
    let wanted = |operation: &str| which.operation.as_ref().is_none_or(|wanted| wanted == operation);
    let calls = state.knobs.calls();
    let calls: Vec<_> = calls.iter().filter(|call| wanted(&call.operation)).map(answer::call).collect();
    json_answer(&json!({ "calls": calls, "counts": state.knobs.counts() }))
}

async fn clear_calls(Shared(state): Shared<Arc<State>>) -> Response {
    state.knobs.clear_calls();
    no_content()
}

async fn fail(Shared(state): Shared<Arc<State>>, body: Bytes) -> Answer {
    let order: Fail = read(&body)?;
    check_operation(&order.operation)?;
    let failure = order.failure()?;
    match (order.times, order.share) {
        (times, None) => state.knobs.fail_next(&order.operation, times.unwrap_or(1), failure),
        (None, Some(share)) if (0.0..=1.0).contains(&share) => {
            state.knobs.fail_share(&order.operation, share, failure);
        }
        (None, Some(_)) => return Err(Problem::bad("share must be between 0 and 1.")),
        (Some(_), Some(_)) => return Err(Problem::bad("Say times or share, not both.")),
    }
    Ok(no_content())
}

/// A misspelt name would turn nothing.
fn check_operation(name: &str) -> Result<(), Problem> {
    if name == "*" || oss::is_operation(name) || sts::is_operation(name) {
        Ok(())
    } else {
        Err(Problem::bad(format!("There is no operation {name}; * stands for all.")))
    }
}

async fn clear_failures(Shared(state): Shared<Arc<State>>) -> Response {
    state.knobs.clear_failures();
    no_content()
}

async fn latency(Shared(state): Shared<Arc<State>>, body: Bytes) -> Answer {
    let order: Latency = read(&body)?;
    check_operation(&order.operation)?;
    state.knobs.delay(&order.operation, order.delay()?);
    Ok(no_content())
}

async fn throttle(Shared(state): Shared<Arc<State>>, body: Bytes) -> Answer {
    let Throttle { service, per_second } = read(&body)?;
    state.knobs.throttle(service.into(), per_second);
    Ok(no_content())
}

async fn clock(Shared(state): Shared<Arc<State>>, body: Bytes) -> Answer {
    let Clock { offset_seconds } = read(&body)?;
    state.knobs.clock_offset(TimeDelta::seconds(offset_seconds.into()));
    Ok(json_answer(&json!({ "now": to_iso8601(state.now()) })))
}

/// Readings that the body does not name go back to their defaults.
async fn readings(Shared(state): Shared<Arc<State>>, body: Bytes) -> Answer {
    let readings: Readings = read(&body)?;
    state.knobs.set_readings(readings);
    Ok(json_answer(&json!({ "readings": readings })))
}

async fn expire_token(Shared(state): Shared<Arc<State>>, body: Bytes) -> Answer {
    let Token { access_key_id } = read(&body)?;
    if state.knobs.expire_token(&access_key_id) {
        Ok(no_content())
    } else {
        Err(Problem::new(StatusCode::NOT_FOUND, "NoSuchKey", "The emulator handed out no temporary key of that id."))
    }
}

/// An identity token, as a pod of a trusting cluster would hold.
async fn identity_token(Shared(state): Shared<Arc<State>>, body: Bytes) -> Answer {
    let claims: IdentityClaims = if body.is_empty() { IdentityClaims::default() } else { read(&body)? };
    let token = tokio::task::spawn_blocking(move || claims.token(&state)).await;
    Ok(json_answer(&json!({ "token": token.expect("the task neither panics nor is aborted") })))
}

async fn reset(Shared(state): Shared<Arc<State>>) -> Response {
    state.knobs.reset();
    no_content()
}
