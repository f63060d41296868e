//! CORS: the rules of a bucket, the answer to a preflight, and the headers that other answers get.

mod rules;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::error::OssError;
use super::super::store::{CorsRule, Settings};
use super::super::wire;
use super::answer::{empty, set};
use super::call::Call;
use super::head::Head;

pub(super) use self::rules::{delete, put, read};

/// A rule that lets every page do everything.
pub(in crate::emulator) fn allow_all() -> CorsRule {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    CorsRule {
        allowed_origin: texts(&["*"]),
        allowed_method: texts(&["GET", "PUT", "POST", "HEAD", "DELETE"]),
        allowed_header: texts(&["*"]),
        expose_header: texts(&[
            "ETag",
            "x-oss-request-id",
            "x-oss-hash-crc64ecma",
            "x-oss-version-id",
            "Date",
            "x-oss-server-time",
        ]),
        max_age_seconds: Some(600),
    }
}

/// What a page wants to do.
struct Wish<'a> {
    origin: &'a str,
    method: &'a str,
    headers: Vec<String>,
}

impl Wish<'_> {
    fn granted_by<'r>(&self, rules: &'r [CorsRule]) -> Option<&'r CorsRule> {
        rules.iter().find(|rule| {
            rule.allowed_origin.iter().any(|pattern| fits(pattern, self.origin))
                && rule.allowed_method.iter().any(|method| method == self.method)
                && self
                    .headers
                    .iter()
                    .all(|header| rule.allowed_header.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), header)))
        })
    }

    fn write(&self, rule: &CorsRule, headers: &mut HeaderMap) {
        let any = rule.allowed_origin.iter().any(|origin| origin == "*");
        set(headers, "access-control-allow-origin", if any { "*" } else { self.origin });
        if !any {
            set(headers, "vary", "Origin");
        }
        set(headers, "access-control-allow-methods", &rule.allowed_method.join(", "));
        if !self.headers.is_empty() {
            set(headers, "access-control-allow-headers", &self.headers.join(", "));
        }
        if !rule.expose_header.is_empty() {
            set(headers, "access-control-expose-headers", &rule.expose_header.join(", "));
        }
        if let Some(seconds) = rule.max_age_seconds {
            set(headers, "access-control-max-age", &seconds.to_string());
        }
    }
}

/// Answers a preflight; nobody has to sign one.
pub(super) fn preflight(call: &Call<'_>) -> Result<Response, OssError> {
    let (Some(origin), Some(method)) =
        (call.head.header("origin")?, call.head.header("access-control-request-method")?)
    else {
        let message = "Insufficient information. Origin request header needed.";
        return Err(OssError::bad_request("BadRequest", message));
    };
    let listed = call.head.header("access-control-request-headers")?.unwrap_or_default();
    let headers =
        listed.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
    let wish = Wish { origin: &origin, method: &method, headers };
    let rules = call.bucket()?.settings().cors;
    let rule = wish.granted_by(&rules).ok_or_else(|| not_allowed(&rules))?;
    let mut response = empty(StatusCode::OK);
    wish.write(rule, response.headers_mut());
    Ok(response)
}

/// Adds what a page needs to read an answer, be it a refusal.
pub(super) fn decorate(head: &Head, settings: &Settings, headers: &mut HeaderMap) {
    let Some(origin) = wire::values(&head.headers, "origin").next() else {
        return;
    };
    let wish = Wish { origin: &origin, method: head.method.as_str(), headers: Vec::new() };
    if let Some(rule) = wish.granted_by(&settings.cors) {
        wish.write(rule, headers);
    }
}

/// Whether `text` fits a pattern with one `*` at most.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

fn not_allowed(rules: &[CorsRule]) -> OssError {
    let message = if rules.is_empty() {
        "CORSResponse: CORS is not enabled for this bucket."
    } else {
        {
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request \
             method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the \
             resource's CORS spec."
        }
    };
    OssError::forbidden("AccessForbidden", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origin: &str, method: &str, header: &str) -> CorsRule {
        CorsRule {
            allowed_origin: vec![origin.to_owned()],
            allowed_method: vec![method.to_owned()],
            allowed_header: vec![header.to_owned()],
            ..CorsRule::default()
        }
    }

    #[test]
    fn a_wish_is_granted_by_the_first_rule_that_has_all_of_it() {
        let rules = [rule("https://*.example.com", "PUT", "X-Oss-*"), rule("*", "GET", "*")];
        for (origin, method, header, expected) in [
            ("https://a.example.com", "PUT", "x-oss-date", Some(0)),
            ("https://a.example.com", "PUT", "content-type", None),
            ("https://example.com", "PUT", "x-oss-date", None),
            ("http://else", "GET", "anything", Some(1)),
            ("http://else", "PUT", "x-oss-date", None),
        ] {
            let wish = Wish { origin, method, headers: vec![header.to_owned()] };
            let granted = wish.granted_by(&rules).and_then(|rule| rules.iter().position(|known| known == rule));
            assert_eq!(granted, expected, "{origin} {method} {header}");
        }
    }

    #[test]
    fn one_star_fits_any_run_of_characters() {
        for (pattern, text, expected) in
            [("*", "", true), ("a*b", "ab", true), ("a*a", "a", false), ("a*", "ba", false), ("a", "a", true)]
        {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
