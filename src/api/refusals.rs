//! How the refusals of the other rooms look to a client: status, code, sentence, hint.

use axum::http::StatusCode;

use super::problem::{Problem, Upstream};
use crate::caller::Unauthenticated;
use crate::policy::{Denied, InvalidKey, Unfillable};
use crate::vault::LoadError;

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
            Denied::Caller => new(StatusCode::FORBIDDEN, "grant_not_allowed")
                .hint("ask for another grant; GET /grants lists those that you may use"),
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

impl From<&LoadError> for Problem {
    fn from(error: &LoadError) -> Self {
        let problem = match error {
            LoadError::AccessKey(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "access_key_unavailable", error.to_string())
            }
            LoadError::Sts(sts) => return of_sts(error, sts.kind()),
            LoadError::AllButOver { .. } => Self::new(StatusCode::BAD_GATEWAY, "clock_skew", error.to_string()),
            LoadError::BrokeOff => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", error.to_string()),
        };
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// STS refused us, or did not answer. What it said in words is in the log; the client learns its code.
fn of_sts(error: &LoadError, kind: &'static str) -> Problem {
    let (status, code) = match kind {
        "throttled" => (StatusCode::SERVICE_UNAVAILABLE, "sts_throttled"),
        "unavailable" | "unreachable" => (StatusCode::SERVICE_UNAVAILABLE, "sts_unavailable"),
        "timeout" => (StatusCode::GATEWAY_TIMEOUT, "sts_timeout"),
        "invalid_answer" => (StatusCode::BAD_GATEWAY, "sts_invalid_answer"),
        _ => (StatusCode::BAD_GATEWAY, "sts_refused"),
    };
    let sts = error.sts();
    let upstream = Upstream {
        service: "STS",
        code: sts.and_then(|sts| sts.code()).map(str::to_owned),
        request_id: sts.and_then(|sts| sts.request_id()).map(str::to_owned),
    };
    let seconds = u32::try_from(error.back_off().num_seconds().max(1)).unwrap_or(1);
    let problem = Problem::new(status, code, error.to_string()).upstream(upstream);
    let problem = problem.hint(error.hint().unwrap_or("this passes by itself: try again after a moment"));
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(seconds) } else { problem }
}
