//! How the refusals of the other rooms look to a client: status, code, sentence, hint.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};

use super::problem::{Problem, Upstream};
use crate::caller::jwt::InvalidToken;
use crate::caller::{Authenticator, Duplicate, Unauthenticated};
use crate::policy::process::InvalidProcess;
use crate::policy::{Denied, InvalidKey, Unfillable};
use crate::vault::{LoadError, Pending, Unopened};

/// A refusal to believe, with the challenge of the kind of proof that failed, or that would be taken.
#[must_use]
pub fn unauthenticated(error: &Unauthenticated, authenticator: &Authenticator) -> Problem {
    use Unauthenticated as No;
    let (status, code, hint) = match error {
        No::NoProof => (StatusCode::UNAUTHORIZED, "authentication_required", how_to_prove(authenticator)),
        No::UnknownKind | No::UnknownApiKey => (StatusCode::UNAUTHORIZED, "invalid_proof", how_to_prove(authenticator)),
        No::ReservedId(_) | No::Token(InvalidToken::ReservedId(_)) => {
            (StatusCode::FORBIDDEN, "identity_reserved", RESERVED)
        }
        No::Token(invalid) => (StatusCode::UNAUTHORIZED, "invalid_token", token_hint(invalid)),
        No::Origin => (
            StatusCode::UNAUTHORIZED,
            "origin_not_allowed",
            "ask from a page of this server's own origin, or have the page's origin listed in cors.origins",
        ),
        No::Refused => {
            (StatusCode::UNAUTHORIZED, "invalid_proof", "log in again; auth.forward.url answered 401 or 403")
        }
        No::NotFromProxy => (
            StatusCode::UNAUTHORIZED,
            "untrusted_proxy",
            "leave the header out; if the proxy itself sent it, its address has to be in auth.proxy.from",
        ),
        No::EmptyProxyHeader => (
            StatusCode::UNAUTHORIZED,
            "invalid_proof",
            "the proxy has to set the header auth.proxy.id_header, or no header",
        ),
        No::Duplicate(Duplicate::Header(_)) => (StatusCode::BAD_REQUEST, "duplicate_header", "send it once"),
        No::Duplicate(Duplicate::Cookie(_)) => {
            (StatusCode::BAD_REQUEST, "duplicate_cookie", "send it once: delete the cookie and log in again")
        }
        No::KeysUnavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "auth_unavailable",
            "try again after a moment; the operator's log says why the keys of auth.jwt cannot be fetched",
        ),
        No::ForwardUnavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "auth_unavailable",
            "try again after a moment; the operator's log says how auth.forward.url failed",
        ),
    };
    let problem = Problem::new(status, code, error.to_string()).hint(hint).challenge(challenge(error, authenticator));
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(AUTH_PAUSE) } else { problem }
}

const RESERVED: &str = "use an account whose id does not begin so; the operator may give this source of callers an id_prefix \
                        of its own";

/// After so many seconds keys are fetched again, or the application is asked again.
const AUTH_PAUSE: u32 = 5;

/// RFC 6750 §3 for bearers. Cookies and a proxy's header have no registered scheme; ours only says what is meant.
fn challenge(error: &Unauthenticated, authenticator: &Authenticator) -> &'static str {
    match error {
        Unauthenticated::Token(_) | Unauthenticated::UnknownApiKey => {
            "Bearer realm=\"oss-vend\", error=\"invalid_token\""
        }
        Unauthenticated::UnknownKind => "Bearer realm=\"oss-vend\", error=\"invalid_request\"",
        Unauthenticated::Origin | Unauthenticated::Refused => "Cookie realm=\"oss-vend\"",
        Unauthenticated::NotFromProxy | Unauthenticated::EmptyProxyHeader => "Proxy-Header realm=\"oss-vend\"",
        _ if authenticator.takes_bearer() || !authenticator.knows_callers() => "Bearer realm=\"oss-vend\"",
        _ if authenticator.forward.is_some() => "Cookie realm=\"oss-vend\"",
        _ => "Proxy-Header realm=\"oss-vend\"",
    }
}

fn how_to_prove(authenticator: &Authenticator) -> &'static str {
    match (authenticator.issuers.is_empty(), authenticator.takes_bearer(), authenticator.forward.is_some()) {
        (false, _, _) => {
            "send \"Authorization: Bearer <token>\": a JWT of an issuer in auth.jwt, or an API key of auth.api_keys"
        }
        (true, true, false) => {
            "send \"Authorization: Bearer <API key>\"; the keys that are taken stand in auth.api_keys"
        }
        (true, _, true) => {
            "send what the application knows its callers by; what is passed on to it stands in auth.forward"
        }
        (true, false, false) if authenticator.proxy.is_some() => "come by the proxy that auth.proxy trusts",
        (true, false, false) => {
            "no caller is known here: the operator may add auth.api_keys, auth.jwt, auth.forward or auth.proxy"
        }
    }
}

fn token_hint(invalid: &InvalidToken) -> &'static str {
    match invalid {
        InvalidToken::Expired => "get a new token; the tolerance is auth.jwt.leeway",
        InvalidToken::NotYet => "compare the issuer's clock with this server's; the tolerance is auth.jwt.leeway",
        InvalidToken::Issuer => "the issuers that are believed stand in auth.jwt.issuer, each compared whole",
        InvalidToken::Audience => "ask the issuer for a token for this service; its names stand in auth.jwt.audiences",
        InvalidToken::Algorithm => "the algorithms that are accepted stand in auth.jwt.algorithms",
        InvalidToken::UnknownKey | InvalidToken::NoKeyId | InvalidToken::Signature => {
            "get a new token; the keys come from auth.jwt.jwks_url, jwks_file or secret, or are discovered from the issuer"
        }
        InvalidToken::ReservedId(_) => RESERVED,
        InvalidToken::Claim { .. } => "the claim that is the caller's id is named by auth.jwt.id_claim",
        InvalidToken::Required(_) => "the claims that are asked for stand in auth.jwt.required_claims",
        InvalidToken::TooLong | InvalidToken::Malformed | InvalidToken::Critical | InvalidToken::Type => {
            "send the token as its issuer gave it: \"Authorization: Bearer <token>\""
        }
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
            Denied::ProofNeeded(_) => new(StatusCode::UNAUTHORIZED, "authentication_required")
                .hint("send a proof of who you are, such as \"Authorization: Bearer <token>\""),
            Denied::Template(unfillable) => unfillable.into(),
            Denied::Key(error) => invalid_key(error),
            Denied::KeyNamed => new(StatusCode::FORBIDDEN, "key_not_allowed").hint(
                "send \"filename\" in place of \"key\"; the operator may set keys = \"caller\" in the grant, so that callers name objects",
            ),
            Denied::OutsideDirectory { dir } => new(StatusCode::FORBIDDEN, "key_outside_directory")
                .hint(format!("begin the key with {dir:?}, or send \"filename\" and let the server make the key")),
            Denied::Missing { .. } => new(StatusCode::BAD_REQUEST, "missing_parameter").hint("add it to the request"),
            Denied::Parameter { .. } => {
                new(StatusCode::BAD_REQUEST, "invalid_parameter").hint("docs/api.md has a table of the parameters")
            }
            Denied::ContentType { allowed, .. } => new(StatusCode::FORBIDDEN, "content_type_not_allowed")
                .hint(format!("send contentType as one of {}", allowed.join(", "))),
            Denied::ResponseContentType { allowed, .. } => new(StatusCode::FORBIDDEN, "content_type_not_allowed")
                .hint(response_type_hint(&allowed)),
            Denied::StorageClass { allowed, .. } => {
                new(StatusCode::FORBIDDEN, "storage_class_not_allowed").hint(storage_class_hint(&allowed))
            }
            Denied::Process(error) => process(&error, detail.clone()),
            Denied::Size { .. } => {
                new(StatusCode::FORBIDDEN, "size_not_allowed").hint("the limits are the grant's min_size and max_size")
            }
            Denied::SignatureVersion => new(StatusCode::FORBIDDEN, "signature_version_not_granted")
                .hint("use v4; for an old bucket the operator may add v1 to the grant's signature_versions"),
        }
    }
}

fn response_type_hint(allowed: &[String]) -> String {
    let attachment = "send responseContentDisposition=attachment with it, so that no browser runs what is stored";
    if allowed.is_empty() {
        attachment.to_owned()
    } else {
        format!("use one of {}, or {attachment}", allowed.join(", "))
    }
}

fn storage_class_hint(allowed: &[&str]) -> String {
    let operator = "the operator may list more in storage_classes of [grants.<name>.object]";
    if allowed.is_empty() {
        format!("leave storageClass out; {operator}")
    } else {
        format!("send one of {}; {operator}", allowed.join(", "))
    }
}

fn process(error: &InvalidProcess, detail: String) -> Problem {
    match error {
        InvalidProcess::Length => Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", detail)
            .hint("docs/api.md has a table of the parameters"),
        InvalidProcess::Operation(_) => Problem::new(StatusCode::FORBIDDEN, "process_not_allowed", detail)
            .hint("the operator may list it in allow of [grants.<name>.process], if it can be listed at all: see docs/grants.md"),
        InvalidProcess::Parameter { .. } => Problem::new(StatusCode::FORBIDDEN, "process_not_allowed", detail)
            .hint("docs/grants.md lists the parameters of each operation; those that name another object are never allowed"),
    }
}

fn invalid_key(error: InvalidKey) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_key", error.to_string())
        .hint("a key is 1 to 1,023 bytes of UTF-8, such as \"uploads/photo.png\"")
}

const UNSAFE_IDENTITY: &str = "the operator may write unsafe_id = \"hash\" in the grant, which puts a hash in the place of an id such as \"auth0|42\"; \
     claims have to fit as they are";

impl From<Unfillable> for Problem {
    fn from(error: Unfillable) -> Self {
        let detail = error.to_string();
        match error {
            Unfillable::Anonymous => Self::new(StatusCode::UNAUTHORIZED, "authentication_required", detail)
                .hint("this grant is for known callers: send a proof of who you are, such as \"Authorization: Bearer <token>\""),
            Unfillable::NoClaim(_) => Self::new(StatusCode::FORBIDDEN, "claim_missing", detail)
                .hint("the grant's templates name this claim, and the caller's proof does not carry it"),
            Unfillable::UnsafeIdentity(_) => Self::new(StatusCode::FORBIDDEN, "identity_not_allowed", detail)
                .hint(UNSAFE_IDENTITY),
            Unfillable::UnsafeFilename => Self::new(StatusCode::BAD_REQUEST, "invalid_filename", detail)
                .hint("send the file's own name without its folder"),
        }
    }
}

impl Problem {
    /// The same with the clock's `offset` from that of STS in its hint, where a token was refused for its time.
    #[must_use]
    pub(super) fn with_offset(self, error: &Unauthenticated, offset: Option<TimeDelta>) -> Self {
        match (error, offset) {
            (Unauthenticated::Token(invalid @ (InvalidToken::Expired | InvalidToken::NotYet)), Some(offset)) => {
                let seconds = offset.num_seconds();
                let off = format!("this server's clock differs from that of STS by {seconds} seconds: set it by NTP");
                self.hint(format!("{}; {off}", token_hint(invalid)))
            }
            _ => self,
        }
    }

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
            LoadError::Pending(Pending::AccessKey) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "access_key_unavailable", detail)
            }
            LoadError::Pending(Pending::Sts) => {
                let upstream = Upstream { service: "STS", code: None, request_id: None };
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "sts_unavailable", detail).upstream(upstream)
            }
            LoadError::BudgetSpent { .. } | LoadError::NotSpared { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "sts_budget_spent", detail)
            }
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
