use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::super::error::OssError;
use super::super::super::store::CorsRule;
use super::super::super::xml::{self, Xml};
use super::super::answer::{document, empty};
use super::super::body;
use super::super::call::Call;

/// Rules at most.
const RULES: usize = 10;
const METHODS: [&str; 5] = ["GET", "PUT", "DELETE", "POST", "HEAD"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    #[serde(rename = "CORSRule", default)]
    rules: Vec<CorsRule>,
}

/// `PUT /?cors`.
pub(in super::super) async fn put(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
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
pub(in super::super) fn read(call: &Call<'_>) -> Result<Response, OssError> {
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
pub(in super::super) fn delete(call: &Call<'_>) -> Result<Response, OssError> {
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
