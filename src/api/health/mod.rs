//! `/healthz`: the process answers. `/readyz`: it can vend or not; on the admin listener also why, and what it
//! holds and has done, which is for the operator alone.

mod reasons;

use std::collections::BTreeMap;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use self::reasons::{Reason, Seen};
use super::App;
use super::answer::{Answer, json, time};
use crate::caller::jwt::{Issuer, KeyStatus};
use crate::vault::{Counts, Holdings, Outcome};

#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    status: &'static str,
}

/// Whether the next request can be served.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// Why it is not ready; absent if it is. What else there is to say, the operator's own listener says.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// The same with everything that an operator wants to know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ready: bool,
    /// Why not, or what is wrong all the same.
    reasons: Vec<Reason>,
    access_key: AccessKey,
    vault: VaultReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sts_call: Option<LastCall>,
    /// The issuers that publish their keys; on the operator's own listener alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issuers: Vec<IssuerReport>,
    clock_offset_seconds: i64,
    /// How each grant that reads signs GET and HEAD: `confined` to the caller's directory, or `shared` by all callers.
    reads: BTreeMap<String, &'static str>,
    server_time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessKey {
    available: bool,
    source: &'static str,
    /// Since the key was obtained.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
    /// Of a key that ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<i64>,
    /// Of two keys, whether the second one stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_over: Option<bool>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The public keys of one issuer of JWTs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IssuerReport {
    issuer: String,
    /// How many can verify a signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<usize>,
    /// Since they were fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
    /// Why the last fetch failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// What the vault holds and has done since the start.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VaultReport {
    sessions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest_expiration_seconds: Option<i64>,
    loads: u64,
    refreshes: u64,
    failures: BTreeMap<String, u64>,
    served_while_failing: u64,
    budget_waits: u64,
    budget_waited_seconds: f64,
    budget_turned_away: u64,
    evicted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<Replicas>,
}

/// What is shared with other replicas, and how Redis is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replicas {
    state: &'static str,
    seen: u32,
    found: u64,
    failures_found: u64,
    leased: u64,
    waited: u64,
    alone: u64,
    rejected: u64,
    refused: u64,
    broken: u64,
}

#[derive(Serialize)]
struct LastCall {
    at: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

pub(super) fn alive() -> Answer {
    json(&Alive { status: "ok" })
}

/// Whether the server is ready: that is, whether the next request can be served. There is an AccessKey, and either STS
/// granted the last session or one that is still alive is held. A server that is stopping is not ready.
pub(super) async fn ready(app: &App) -> Answer {
    let (last, held) = (app.vault.last_outcome(), app.vault.holdings(app.clock.cloud_time()));
    let has_access_key = app.vault.access_key().await.is_ok();
    let seen = Seen { has_access_key, last: last.as_ref(), held, issuers: &[] };
    let code = reasons::reasons(app, &seen).iter().find(|reason| reason.stops).map(|reason| reason.code);
    with_status(json(&Readiness { ready: code.is_none(), code }), code.is_none())
}

/// The same for the operator, with all details. Keys of issuers that were never fetched are fetched for it.
pub(super) async fn report(app: &App) -> Answer {
    let machine_time = app.clock.reading().machine;
    let issuers = app.authenticator.issuers.iter().map(|issuer| issuer_report(issuer, machine_time));
    let issuers: Vec<_> = join_all(issuers).await.into_iter().flatten().collect();
    let now = app.clock.cloud_time();
    let (last, held) = (app.vault.last_outcome(), app.vault.holdings(now));
    let access_key = access_key(app).await;
    let seen = Seen { has_access_key: access_key.available, last: last.as_ref(), held, issuers: &issuers };
    let reasons = reasons::reasons(app, &seen);
    let ready = !reasons.iter().any(|reason| reason.stops);
    let report = json(&Report {
        ready,
        reasons,
        access_key,
        vault: vault_report(held, app.vault.counts(), now),
        last_sts_call: last.map(|last| last_call(&last)),
        issuers,
        clock_offset_seconds: app.vault.clock_offset().num_seconds(),
        reads: reads(app),
        server_time: time(now),
    });
    with_status(report, ready)
}

fn with_status(answer: Answer, ready: bool) -> Answer {
    if ready { answer } else { answer.with_status(StatusCode::SERVICE_UNAVAILABLE) }
}

async fn issuer_report(issuer: &Issuer, now: DateTime<Utc>) -> Option<IssuerReport> {
    let KeyStatus { keys, age, failure } = issuer.key_status(now).await?;
    let (error, hint) = failure.map(|failure| (failure.detail, failure.hint)).unzip();
    let age_seconds = age.map(|age| age.num_seconds());
    Some(IssuerReport { issuer: issuer.name().to_owned(), keys, age_seconds, error, hint })
}

fn reads(app: &App) -> BTreeMap<String, &'static str> {
    let reading = app.grants.grants().filter(|grant| grant.signs_reads());
    reading.map(|grant| (grant.name.clone(), grant.reads().name())).collect()
}

async fn access_key(app: &App) -> AccessKey {
    let error = app.vault.access_key().await.err();
    let status = app.vault.access_key_status();
    AccessKey {
        available: error.is_none(),
        source: app.vault.access_key_source(),
        age_seconds: status.age.map(|age| age.num_seconds()),
        expires_in_seconds: status.expires_in.map(|left| left.num_seconds()),
        failed_over: status.failed_over,
        error: error.map(|error| error.to_string()),
    }
}

fn vault_report(held: Holdings, counts: Counts, now: DateTime<Utc>) -> VaultReport {
    VaultReport {
        sessions: held.alive,
        nearest_expiration_seconds: held.nearest_expiration.map(|nearest| (nearest - now).num_seconds()),
        loads: counts.loads,
        refreshes: counts.refreshes,
        failures: counts.failures,
        served_while_failing: counts.served_while_failing,
        budget_waits: counts.waits,
        budget_waited_seconds: counts.waited.as_secs_f64(),
        budget_turned_away: counts.turned_away,
        evicted: counts.evicted,
        replicas: counts.replicas.map(|counts| Replicas {
            state: counts.state.name(),
            seen: counts.replicas,
            found: counts.found,
            failures_found: counts.failures_found,
            leased: counts.leased,
            waited: counts.waited,
            alone: counts.alone,
            rejected: counts.rejected,
            refused: counts.refused,
            broken: counts.broken,
        }),
    }
}

fn last_call(outcome: &Outcome) -> LastCall {
    LastCall {
        at: time(outcome.at),
        ok: outcome.error.is_none(),
        error: outcome.error.as_ref().map(ToString::to_string),
        hint: outcome.error.as_ref().and_then(|error| error.hint()),
    }
}
