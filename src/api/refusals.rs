//! How the refusals of the other rooms look to a client: status, code, sentence, hint.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};

use super::problem::{Problem, Upstream};
use crate::caller::Unauthenticated;
use crate::policy::{Denied, InvalidKey, Unfillable};
use crate::vault::{LoadError, Unopened};

impl From<Unauthenticated> for Problem {
    fn from(error: Unauthenticated) -> Self {
        let code = match error {
            Unauthenticated::NoProof => "authentication_required",
            Unauthenticated::UnknownKind | Unauthenticated::UnknownApiKey => "invalid_proof",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, error.to_string())
            .hint("send \"Authorization: Bearer <API key>\"; the keys that are taken stand in auth.api_keys")
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let detail = denied.to_string();
        let new = |status, code| Self::new(status, code, detail.clone());
        match denied {
            Denied::Method(_) => {
                new(StatusCode::FORBIDDEN, "method_not_granted").hint("the operator may add it to the grant's methods")
            }
            Denied::Template(unfillable) => unfillable.into(),
            Denied::Key(error) => invalid_key(error),
            Denied::OutsideDirectory { dir } => new(StatusCode::FORBIDDEN, "key_outside_directory")
                .hint(format!("begin the key with {dir:?}, or send \"filename\" and let the server make the key")),
            Denied::Missing { .. } => new(StatusCode::BAD_REQUEST, "missing_parameter").hint("add it to the request"),
            Denied::Parameter { .. } => {
                new(StatusCode::BAD_REQUEST, "invalid_parameter").hint("the README has a table of the parameters")
            }
            Denied::ContentType { allowed, .. } => new(StatusCode::FORBIDDEN, "content_type_not_allowed")
                .hint(format!("send contentType as one of {}", allowed.join(", "))),
            Denied::Size { .. } => {
                new(StatusCode::FORBIDDEN, "size_not_allowed").hint("the limits are the grant's min_size and max_size")
            }
            Denied::SignatureVersion => new(StatusCode::FORBIDDEN, "signature_version_not_granted")
                .hint("use v4; for an old bucket the operator may add v1 to the grant's signature_versions"),
        }
    }
}

fn invalid_key(error: InvalidKey) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_key", error.to_string())
        .hint("a key is 1 to 1,023 bytes of UTF-8, such as \"uploads/photo.png\"")
}

impl From<Unfillable> for Problem {
    fn from(error: Unfillable) -> Self {
        let detail = error.to_string();
        match error {
            Unfillable::Anonymous => Self::new(StatusCode::UNAUTHORIZED, "authentication_required", detail)
                .hint("this grant is for known callers: send \"Authorization: Bearer <API key>\""),
            Unfillable::NoClaim(_) => Self::new(StatusCode::FORBIDDEN, "claim_missing", detail)
                .hint("the grant's templates name this claim, and the caller's proof does not carry it"),
            Unfillable::UnsafeIdentity(_) => Self::new(StatusCode::FORBIDDEN, "identity_not_allowed", detail)
                .hint("such an identity could reach another caller's directory, so it is refused"),
            Unfillable::UnsafeFilename => Self::new(StatusCode::BAD_REQUEST, "invalid_filename", detail)
                .hint("send the file's own name without its folder"),
        }
    }
}

impl Problem {
    /// Why there is no session key, at `now`.
    pub(super) fn unopened(unopened: &Unopened, now: DateTime<Utc>) -> Self {
        let problem = Self::from(&*unopened.error);
        if problem.status() != StatusCode::SERVICE_UNAVAILABLE {
            return problem;
        }
        let seconds = (unopened.retry_at - now).num_milliseconds().max(0).unsigned_abs().div_ceil(1000).max(1);
        problem.retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

impl From<&LoadError> for Problem {
    fn from(error: &LoadError) -> Self {
        let detail = error.to_string();
        let problem = match error {
            LoadError::AccessKey(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "access_key_unavailable", detail),
            LoadError::Sts(sts) => of_sts(sts.kind(), detail, sts.code(), sts.request_id()),
            LoadError::AllButOver { .. } => Self::new(StatusCode::BAD_GATEWAY, "clock_skew", detail),
            LoadError::BudgetSpent { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, "sts_budget_spent", detail),
            LoadError::BrokeOff => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail),
        };
        problem.hint(error.hint().unwrap_or("this passes by itself: try again after a moment"))
    }
}

/// STS refused us, or did not answer. What it said in words is in the log; the client learns its code.
fn of_sts(kind: &str, detail: String, code: Option<&str>, request_id: Option<&str>) -> Problem {
    let (status, ours) = match kind {
        "throttled" => (StatusCode::SERVICE_UNAVAILABLE, "sts_throttled"),
        "unavailable" | "unreachable" => (StatusCode::SERVICE_UNAVAILABLE, "sts_unavailable"),
        "timeout" => (StatusCode::GATEWAY_TIMEOUT, "sts_timeout"),
        "invalid_answer" => (StatusCode::BAD_GATEWAY, "sts_invalid_answer"),
        _ => (StatusCode::BAD_GATEWAY, "sts_refused"),
    };
    let (code, request_id) = (code.map(str::to_owned), request_id.map(str::to_owned));
    Problem::new(status, ours, detail).upstream(Upstream { service: "STS", code, request_id })
}
