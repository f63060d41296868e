//! What the rooms have counted, by the names that it has for Prometheus. `docs/observability.md` has the same table.

use chrono::{DateTime, TimeDelta, Utc};

use crate::api::App;
use crate::audit;
use crate::metrics::{Labels, Page, number};
use crate::replicas;
use crate::vault::{Counts, Vault};

/// All there is to tell.
pub(super) async fn of(app: &App) -> Page {
    let (mut page, now) = (Page::default(), app.clock.cloud_time());
    app.metrics.write(&mut page);
    let in_flight = number(u64::from(app.gate.in_flight()));
    page.gauge("requests_in_flight", "Requests that are being answered", one(in_flight));
    sessions(&mut page, &app.vault, now);
    let counts = app.vault.counts();
    calls(&mut page, &counts);
    replicas(&mut page, counts.replicas.as_ref());
    sts(&mut page, &app.vault);
    access_key(&mut page, &app.vault).await;
    if let Some(trail) = &app.audit {
        audit(&mut page, trail.counts());
    }
    page
}

fn one<T>(value: T) -> [(Labels, T); 1] {
    [(vec![], value)]
}

fn sessions(page: &mut Page, vault: &Vault, now: DateTime<Utc>) {
    let held = vault.holdings(now);
    page.gauge("vault_sessions", "Sessions whose key is alive", one(number(held.alive as u64)));
    page.gauge(
        "vault_nearest_expiry_seconds",
        "Time until the first of the keys that are alive ends; absent if none is",
        held.nearest_expiration.map(|nearest| (vec![], length(nearest - now))),
    );
}

/// The counters of the vault.
fn calls(page: &mut Page, counts: &Counts) {
    let loads = [("first", counts.loads), ("refresh", counts.refreshes)];
    page.counter(
        "vault_loads",
        "Loads of session keys that someone waited for (first), or behind an answer (refresh)",
        loads.map(|(kind, count)| (vec![("kind", kind.to_owned())], count)),
    );
    page.counter(
        "vault_served_while_failing",
        "Answers from a key that was held while STS failed",
        one(counts.served_while_failing),
    );
    page.counter("vault_evicted", "Sessions given up because vault.max_sessions was reached", one(counts.evicted));
    page.histogram("sts_call_duration_seconds", "Time of each call of STS, failed ones too", one(counts.calls.clone()));
    page.counter(
        "sts_failures",
        "Failed calls of STS, by its own code, or by kind where it gave none",
        counts.failures.iter().map(|(code, count)| (vec![("code", code.clone())], *count)),
    );
    page.counter("sts_budget_waits", "Calls that waited for sts.calls_per_second", one(counts.waits));
    page.seconds("sts_budget_waited_seconds", "How long they waited, together", counts.waited.as_secs_f64());
    page.counter("sts_budget_turned_away", "Loads that sts.calls_per_second turned away", one(counts.turned_away));
}

/// What is shared through Redis; nothing of it is told where nothing is shared.
fn replicas(page: &mut Page, counts: Option<&replicas::Counts>) {
    let up = |counts: &replicas::Counts| number(u64::from(counts.state.is_up()));
    page.gauge(
        "redis_up",
        "Whether Redis answers and refuses nothing; absent without vault.redis",
        counts.map(|counts| (vec![], up(counts))),
    );
    page.gauge(
        "replicas",
        "Replicas that were seen lately, this one included; absent without vault.redis",
        counts.map(|counts| (vec![], number(counts.replicas.into()))),
    );
    let of = |label: &'static str, values: Vec<(&'static str, u64)>| {
        values.into_iter().map(move |(value, count)| (vec![(label, value.to_owned())], count))
    };
    let loads = counts.map_or(vec![], |counts| {
        vec![
            ("found", counts.found),
            ("failure_found", counts.failures_found),
            ("leased", counts.leased),
            ("alone", counts.alone),
        ]
    });
    page.counter("replicas_loads", "Loads by what another replica did for them", of("outcome", loads));
    let troubles = counts.map_or(vec![], |counts| {
        vec![("lost", counts.broken), ("refused", counts.refused), ("rejected", counts.rejected)]
    });
    page.counter(
        "redis_troubles",
        "Redis was lost, refused a command, or held what does not open",
        of("kind", troubles),
    );
}

fn sts(page: &mut Page, vault: &Vault) {
    let last = vault.last_outcome().map(|last| (vec![], number(u64::from(last.error.is_none()))));
    page.gauge("sts_up", "Whether STS granted the last session that was asked for; absent before the first", last);
    page.gauge(
        "clock_offset_seconds",
        "How far the clock of STS is ahead of this machine's",
        one(length(vault.clock_offset())),
    );
}

async fn access_key(page: &mut Page, vault: &Vault) {
    let available = number(u64::from(vault.access_key().await.is_ok()));
    let labels = vec![("source", vault.access_key_source().to_owned())];
    page.gauge("access_key_available", "Whether there is an AccessKey to call STS with", [(labels, available)]);
    let status = vault.access_key_status();
    page.gauge(
        "access_key_age_seconds",
        "Time since the AccessKey was obtained; absent if there is none",
        status.age.map(|age| (vec![], length(age))),
    );
    page.gauge(
        "access_key_expires_in_seconds",
        "Time until the AccessKey ends; absent if it does not",
        status.expires_in.map(|left| (vec![], length(left))),
    );
    page.gauge(
        "access_key_failed_over",
        "Whether the second AccessKey stands in; absent if there is only one",
        status.failed_over.map(|failed_over| (vec![], number(u64::from(failed_over)))),
    );
}

fn audit(page: &mut Page, counts: audit::Counts) {
    page.counter("audit_events", "Audit events written, or about to be", one(counts.recorded));
    page.counter("audit_dropped", "Audit events that were lost", one(counts.dropped));
    page.counter(
        "audit_refusals_dropped",
        "Audit events of refusals that were dropped to keep room for what is vended",
        one(counts.refusals_dropped),
    );
}

/// In seconds.
fn length(length: TimeDelta) -> f64 {
    length.as_seconds_f64()
}
