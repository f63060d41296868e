//! Why this server is not ready, or ready and not as it should be.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use serde::Serialize;

use super::super::App;
use super::IssuerReport;
use crate::vault::{Holdings, Outcome};

/// One reason.
#[derive(Debug, Serialize)]
pub(super) struct Reason {
    /// Stable, for programs.
    pub(super) code: &'static str,
    /// For people.
    pub(super) detail: String,
    /// What to change, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<&'static str>,
    /// Whether the next request fails for it.
    #[serde(skip)]
    pub(super) stops: bool,
}

/// What [`App`] can tell besides the two things that are asked for at most once.
pub(super) struct Seen<'a> {
    pub(super) has_access_key: bool,
    pub(super) last: Option<&'a Outcome>,
    pub(super) held: Holdings,
    /// What the operator alone learns.
    pub(super) issuers: &'a [IssuerReport],
}

/// All that apply, the worst first.
pub(super) fn reasons(app: &App, seen: &Seen<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    reasons.extend(app.stopping.load(Ordering::Relaxed).then(stopping));
    reasons.extend((!seen.has_access_key).then(no_access_key));
    reasons.extend(seen.last.and_then(|last| sts(last, seen.held.alive)));
    reasons.extend(app.vault.refused_correction().map(clock_refused));
    reasons.extend(app.clock.notable_offset().map(clock));
    reasons.extend(app.vault.counts().replicas.and_then(|counts| redis(counts.state.is_up(), counts.state.is_down())));
    reasons.extend(seen.issuers.iter().filter_map(issuer));
    reasons.extend(app.audit.as_ref().filter(|trail| trail.counts().failing).map(|_| audit()));
    reasons
}

fn stopping() -> Reason {
    Reason { code: "stopping", detail: "the server was told to stop".to_owned(), hint: None, stops: true }
}

fn no_access_key() -> Reason {
    Reason {
        code: "no_access_key",
        detail: "there is no AccessKey to call STS with".to_owned(),
        hint: Some("accessKey.source says where it is looked for, and the log why it is not found"),
        stops: true,
    }
}

/// Before the first call of STS nothing speaks against it.
fn sts(last: &Outcome, alive: usize) -> Option<Reason> {
    let error = last.error.as_ref()?;
    let (code, tail) = match alive {
        0 => ("sts_failing", "and no session is alive".to_owned()),
        alive => ("serving_stale", format!("what is alive is served: {alive} sessions")),
    };
    Some(Reason { code, detail: format!("{error}; {tail}"), hint: error.hint(), stops: alive == 0 })
}

/// The machine's clock is wrong rather than late. What is vended is right all the same; the certificates and tokens of
/// others are judged by the wrong clock.
fn clock(offset: TimeDelta) -> Reason {
    Reason {
        code: "clock_off",
        detail: format!("this machine's clock differs from that of STS by {} seconds", offset.num_seconds()),
        hint: Some("set this machine's clock by NTP"),
        stops: false,
    }
}

fn clock_refused(correction: TimeDelta) -> Reason {
    let seconds = correction.num_seconds();
    Reason {
        code: "clock_correction_refused",
        detail: format!(
            "STS says that this machine's clock is {seconds} seconds off; more than 24 hours are not believed"
        ),
        hint: Some("set this machine's clock by NTP; if it is right, check what answers at sts.endpoint"),
        stops: false,
    }
}

fn redis(is_up: bool, is_down: bool) -> Option<Reason> {
    let (code, detail) = match (is_up, is_down) {
        (true, _) => return None,
        (_, true) => ("redis_down", "Redis does not answer: sessions and calls are not shared with other replicas"),
        _ => ("redis_refusing", "Redis refuses commands: not all sessions are shared with other replicas"),
    };
    let hint = Some(
        "everything is served without it; look at vault.redis, at Redis' memory and its user's rights; the log has the error",
    );
    Some(Reason { code, detail: detail.to_owned(), hint, stops: false })
}

/// Keys that were fetched before are believed for a while, so callers may still be served.
fn issuer(report: &IssuerReport) -> Option<Reason> {
    let error = report.error.as_ref()?;
    let detail = format!("the keys of the issuer {} cannot be fetched: {error}", report.issuer);
    Some(Reason { code: "issuer_unreachable", detail, hint: report.hint, stops: false })
}

fn audit() -> Reason {
    Reason {
        code: "audit_failing",
        detail: "the audit trail cannot be written, and events are lost".to_owned(),
        hint: Some("look at the disk and the file of audit.to; the log has the error"),
        stops: false,
    }
}
