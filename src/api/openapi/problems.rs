//! The failures, as OpenAPI tells them: for each status what stands in `code`. `docs/problems.md` has the causes, and a
//! test holds both to what the routes say.

use serde_json::{Map, Value, json};

/// A status, the name of its response, its codes, and the headers that it brings along.
type Failure = (u16, &'static str, &'static [&'static str], &'static [&'static str]);

/// All of them.
const FAILURES: [Failure; 14] = [
    (
        400,
        "BadRequest",
        &[
            "broken_body",
            "duplicate_cookie",
            "duplicate_header",
            "duplicate_parameter",
            "invalid_filename",
            "invalid_json",
            "invalid_key",
            "invalid_parameter",
            "missing_parameter",
            "unknown_parameter",
        ],
        &[],
    ),
    (
        401,
        "Unauthorized",
        &["authentication_required", "invalid_proof", "invalid_token", "origin_not_allowed", "untrusted_proxy"],
        &["WWW-Authenticate"],
    ),
    (
        403,
        "Forbidden",
        &[
            "claim_missing",
            "content_type_not_allowed",
            "cors_origin_not_allowed",
            "grant_not_allowed",
            "https_required",
            "identity_not_allowed",
            "identity_reserved",
            "key_not_allowed",
            "key_outside_directory",
            "method_not_granted",
            "process_not_allowed",
            "signature_version_not_granted",
            "size_not_allowed",
            "storage_class_not_allowed",
        ],
        &[],
    ),
    (404, "NotFound", &["not_found", "unknown_grant"], &[]),
    (405, "MethodNotAllowed", &["method_not_allowed"], &["Allow"]),
    (408, "RequestTimeout", &["body_too_slow"], &[]),
    (413, "ContentTooLarge", &["batch_too_large", "body_too_large"], &[]),
    (415, "UnsupportedMediaType", &["unsupported_media_type"], &[]),
    (421, "MisdirectedRequest", &["host_not_allowed"], &[]),
    (429, "TooManyRequests", &["rate_limited"], &["Retry-After", "RateLimit", "RateLimit-Policy"]),
    (500, "InternalServerError", &["internal_error"], &[]),
    (502, "BadGateway", &["access_key_temporary", "clock_skew", "sts_invalid_answer", "sts_refused"], &[]),
    (
        503,
        "ServiceUnavailable",
        &[
            "access_key_unavailable",
            "auth_unavailable",
            "overloaded",
            "sts_budget_spent",
            "sts_throttled",
            "sts_unavailable",
        ],
        &["Retry-After"],
    ),
    (504, "GatewayTimeout", &["sts_timeout", "too_slow"], &[]),
];

/// Every code, in the order of the alphabet.
pub(super) fn codes() -> Vec<&'static str> {
    let mut codes: Vec<_> = FAILURES.iter().flat_map(|(_, _, codes, _)| codes.iter().copied()).collect();
    codes.sort_unstable();
    codes
}

/// The responses by their names.
pub(super) fn responses() -> Map<String, Value> {
    FAILURES.iter().map(|failure| (failure.1.to_owned(), response(failure))).collect()
}

/// The failures of these statuses, for a route to name.
pub(super) fn of(statuses: &[u16]) -> impl Iterator<Item = (String, Value)> {
    let named = FAILURES.iter().filter(|(status, ..)| statuses.contains(status));
    named.map(|(status, name, ..)| (status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") })))
}

fn response((status, _, codes, headers): &Failure) -> Value {
    let listed: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let told = json!({ "type": "object", "properties": { "status": { "const": status }, "code": { "enum": codes } } });
    let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, told] });
    json!({
        "description": format!("A problem: {}.", listed.join(", ")),
        "headers": super::headers(headers),
        "content": { "application/problem+json": { "schema": schema } },
    })
}
