//! `/healthz`: the process answers. `/readyz`: it can vend, or why not.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::App;
use super::answer::{json, time};
use crate::vault::Outcome;

#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    ready: bool,
    access_key: AccessKey,
    sessions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sts_call: Option<LastCall>,
    server_time: String,
}

#[derive(Serialize)]
struct AccessKey {
    available: bool,
    source: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LastCall {
    at: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_offset_seconds: Option<i64>,
}

pub(super) async fn alive() -> Response {
    json(&Alive { status: "ok" })
}

/// Ready means that the next request can be served: there is an AccessKey, and either STS granted the last session or
/// one that is still alive is held. Before the first call of STS nothing speaks against it.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let now = app.clock.now();
    let (last, sessions) = (app.vault.last_outcome(), app.vault.alive(now));
    let available = app.vault.access_key().await.is_ok();
    let sts_works = last.as_ref().is_none_or(|last| last.error.is_none());
    let ready = available && (sts_works || sessions > 0);
    let mut response = json(&Readiness {
        ready,
        access_key: AccessKey { available, source: app.vault.access_key_source() },
        sessions,
        last_sts_call: last.map(|last| last_call(&last)),
        server_time: time(now),
    });
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

fn last_call(outcome: &Outcome) -> LastCall {
    LastCall {
        at: time(outcome.at),
        ok: outcome.error.is_none(),
        error: outcome.error.as_ref().map(ToString::to_string),
        hint: outcome.error.as_ref().and_then(|error| error.hint()),
        clock_offset_seconds: outcome.clock_offset.map(|offset| offset.num_seconds()),
    }
}
