//! CORS: the rules of a bucket, the answer to a preflight, and the headers that other answers get.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::error::OssError;
use super::super::store::{CorsRule, Settings};
use super::super::wire;
use super::super::xml::{self, Xml};
use super::answer::{document, empty, set};
use super::body;
use super::call::{Call, Head};
use axum::body::Body;
use serde::Deserialize;

/// Rules at most.
const RULES: usize = 10;
const METHODS: [&str; 5] = ["GET", "PUT", "DELETE", "POST", "HEAD"];

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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    #[serde(rename = "CORSRule", default)]
    rules: Vec<CorsRule>,
}

/// `PUT /?cors`.
pub(super) async fn put(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:PutBucketCors", &bucket)?;
    let Configuration { rules } = xml::read(&body::document(call.head, body).await?, "CORSConfiguration")?;
    if rules.is_empty() || rules.len() > RULES || !rules.iter().all(is_valid) {
        return Err(OssError::malformed_xml());
    }
    bucket.change(|settings| settings.cors = rules)?;
    Ok(empty(StatusCode::OK))
}

/// `GET /?cors`.
pub(super) fn read(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:GetBucketCors", &bucket)?;
    let rules = bucket.settings().cors;
    if rules.is_empty() {
        let message = "The CORS Configuration does not exist.";
        return Err(OssError::not_found("NoSuchCORSConfiguration", message).with("BucketName", &bucket.name));
    }
    Ok(document("CORSConfiguration", |xml| {
        for rule in &rules {
            xml.element("CORSRule", |xml| write_rule(xml, rule));
        }
        xml.text("ResponseVary", false);
    }))
}

/// `DELETE /?cors`.
pub(super) fn delete(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:DeleteBucketCors", &bucket)?;
    bucket.change(|settings| settings.cors.clear())?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn write_rule(xml: &mut Xml, rule: &CorsRule) {
    for (name, values) in [
        ("AllowedOrigin", &rule.allowed_origin),
        ("AllowedMethod", &rule.allowed_method),
        ("AllowedHeader", &rule.allowed_header),
        ("ExposeHeader", &rule.expose_header),
    ] {
        for value in values {
            xml.text(name, value);
        }
    }
    if let Some(seconds) = rule.max_age_seconds {
        xml.text("MaxAgeSeconds", seconds);
    }
}

fn is_valid(rule: &CorsRule) -> bool {
    let one_star = |pattern: &String| pattern.matches('*').count() <= 1;
    let lists = [&rule.allowed_origin, &rule.allowed_method, &rule.allowed_header, &rule.expose_header];
    let short = lists.iter().all(|list| list.len() <= 1000 && list.iter().all(|text| text.len() <= 1024));
    short
        && !rule.allowed_origin.is_empty()
        && !rule.allowed_method.is_empty()
        && rule.allowed_origin.iter().chain(&rule.allowed_header).all(one_star)
        && rule.allowed_method.iter().all(|method| METHODS.contains(&method.as_str()))
        && !rule.expose_header.iter().any(|header| header.contains('*'))
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

    #[test]
    fn a_configuration_is_read_as_oss_writes_it() {
        let text = "<CORSConfiguration><CORSRule><AllowedOrigin>http://a</AllowedOrigin><AllowedOrigin>http://b</AllowedOrigin>\
            <AllowedMethod>PUT</AllowedMethod><MaxAgeSeconds>5</MaxAgeSeconds></CORSRule>\
            <ResponseVary>true</ResponseVary></CORSConfiguration>";
        let read: Configuration = xml::read(text.as_bytes(), "CORSConfiguration").expect("it is well-formed");
        assert_eq!(read.rules[0].allowed_origin, ["http://a", "http://b"]);
        assert_eq!(read.rules[0].max_age_seconds, Some(5));
        assert!(is_valid(&read.rules[0]));
    }

    #[test]
    fn rules_that_oss_refuses_are_invalid() {
        let exposing = CorsRule { expose_header: vec!["x-*".to_owned()], ..rule("*", "GET", "*") };
        for rule in
            [rule("*.*", "GET", "*"), rule("*", "PATCH", "*"), rule("*", "GET", "**"), exposing, CorsRule::default()]
        {
            assert!(!is_valid(&rule), "{rule:?}");
        }
    }
}
