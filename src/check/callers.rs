//! Whether those who say who a caller is can be asked: issuers of JWTs, and the application.

use chrono::{DateTime, Utc};

use super::report::Outcome;
use crate::caller::jwt::Issuer;
use crate::caller::{Forward, ForwardProbe};

/// Whether the issuer's keys can be had and used.
pub(super) async fn issuer(issuer: &Issuer, now: DateTime<Utc>) -> Outcome {
    let name = issuer.name();
    let Some(status) = issuer.fetch_keys(now).await else {
        return Outcome::ok(format!("{name}: its keys are in the configuration"));
    };
    match (status.keys, status.failure) {
        (_, Some(failure)) => {
            Outcome::failed(format!("{name}: its keys cannot be fetched: {}", failure.detail)).hint(failure.hint)
        }
        (Some(keys), None) => Outcome::ok(format!("{name}: {keys} keys can be used")),
        (None, None) => Outcome::failed(format!("{name}: its keys were not fetched")).hint("run the check again"),
    }
}

/// Whether the application answers, and takes nobody for a caller who shows nothing.
pub(super) async fn forward(forward: &Forward) -> Outcome {
    let url = forward.url();
    match forward.probe().await {
        ForwardProbe::Refused(status) => {
            Outcome::ok(format!("{url} refuses a request without cookies: HTTP {}", status.as_u16()))
        }
        ForwardProbe::Accepted => Outcome::failed(format!("{url} names a caller for a request without cookies")).hint(
            "let the application answer 401 or 403 to a request that is not logged in: now everyone is that caller",
        ),
        ForwardProbe::Unexpected(status, _) if status.is_redirection() => {
            Outcome::failed(format!("{url} redirects a request without cookies: HTTP {}", status.as_u16()))
                .hint("set `auth.forward.url` to an address that answers 401 or 403 in place of a login page")
        }
        ForwardProbe::Unexpected(status, why) => {
            Outcome::failed(format!("{url} does not refuse a request without cookies: HTTP {}, {why}", status.as_u16()))
                .hint("set `auth.forward.url` to an address that answers 401 or 403 to a request that is not logged in")
        }
        ForwardProbe::Unreachable(why) => Outcome::failed(format!("{url} does not answer: {why}")).hint(
            "`auth.forward.url` must name a host that this machine reaches over HTTPS (\"http\" only for this machine)",
        ),
    }
}
