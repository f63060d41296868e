//! The bucket's CORS: what the pages of `[cors]` need from it, asked as a browser asks.

use std::fmt::Write as _;

use super::cloud::{Ask, Cloud, Place};
use super::report::{Outcome, Verdict};
use super::subject::Subject;
use crate::keys::AccessKey;
use crate::policy::Method;

/// What pages have to be allowed at one bucket.
pub(super) struct Need {
    pub(super) origins: Vec<String>,
    pub(super) methods: Vec<&'static str>,
    /// Whether pages upload in parts, which needs the `ETag` of each.
    pub(super) in_parts: bool,
}

/// The headers that an SDK sends with credentials.
const SDK_HEADERS: &str =
    "authorization,content-type,x-oss-content-sha256,x-oss-date,x-oss-security-token,x-oss-user-agent";

/// The headers that are useful to a page.
const EXPOSED: [&str; 2] = ["ETag", "x-oss-request-id"];

impl Need {
    pub(super) fn of(subjects: &[&Subject<'_>], origins: &[String]) -> Self {
        let has = |method| subjects.iter().any(|subject| subject.has(method));
        let in_parts = subjects.iter().any(|subject| subject.uploads_in_parts());
        let wanted = [
            ("PUT", has(Method::Put) || in_parts),
            ("POST", has(Method::Post) || in_parts),
            ("GET", has(Method::Get) || has(Method::List) || in_parts),
            ("HEAD", has(Method::Head)),
            ("DELETE", has(Method::Delete) || in_parts),
        ];
        let methods = wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(method, _)| method).collect();
        Self { origins: origins.to_vec(), methods, in_parts }
    }

    /// The rule as the API takes it, and as the console's form has it.
    fn rule(&self) -> String {
        let mut text = String::from("set this rule (OSS console: the bucket, Content Security, CORS, Create Rule):\n");
        text.push_str("<CORSConfiguration>\n  <CORSRule>\n");
        let origins: Vec<&str> = match self.origins.as_slice() {
            [] => vec!["https://your-page.example.com"],
            origins => origins.iter().map(String::as_str).collect(),
        };
        let mut push = |name: &str, values: &[&str]| {
            for value in values {
                writeln!(text, "    <{name}>{value}</{name}>").expect("a String takes what is written");
            }
        };
        push("AllowedOrigin", &origins);
        push("AllowedMethod", &self.methods);
        push("AllowedHeader", &["*"]);
        push("ExposeHeader", &EXPOSED);
        push("MaxAgeSeconds", &["600"]);
        text.push_str("  </CORSRule>\n</CORSConfiguration>\n");
        let (methods, exposed) = (self.methods.join(", "), EXPOSED.join(", "));
        write!(
            text,
            "Sources: {} | Allowed Methods: {methods} | Allowed Headers: * | Exposed Headers: {exposed} | Cache Timeout: 600",
            origins.join(", ")
        )
        .expect("a String takes what is written");
        text
    }
}

/// Whether the bucket has rules at all, as far as this may be read.
pub(super) async fn rules(cloud: &Cloud, place: &Place, key: &AccessKey, need: &Need) -> Outcome {
    let ask = Ask { method: "GET", query: &[("cors", "")], ..Ask::default() };
    match cloud.signed(place, ask, key).await {
        Ok(reply) if reply.status.is_success() => {
            let count = reply.text().matches("<CORSRule>").count();
            let origins = if need.origins.is_empty() {
                "; which pages need them is not known, since `cors.origins` is empty"
            } else {
                ""
            };
            Outcome::ok(format!("{count} rules{origins}"))
        }
        Ok(reply) if reply.is_denied() => Outcome::skipped(
            "the rules may not be read (oss:GetBucketCors); what they do is seen by preflight, if `cors.origins` is set",
        ),
        Ok(reply) => {
            let outcome = reply.refused("the bucket's CORS rules");
            match outcome.code.as_deref() {
                Some("NoSuchCORSConfiguration") => {
                    Outcome::failed("the bucket has no CORS rule, so no page can upload to it or read from it")
                        .code(outcome.code.as_deref())
                        .hint(need.rule())
                }
                _ => Outcome { verdict: Verdict::Warning, ..outcome },
            }
        }
        Err(no_answer) => no_answer.outcome("the bucket's CORS rules"),
    }
}

/// Asks for `origin` as a browser does, for each method.
pub(super) async fn preflight(cloud: &Cloud, place: &Place, origin: &str, need: &Need) -> Outcome {
    let page = origin_of_page(origin);
    let mut refused = Vec::new();
    let mut exposed = String::new();
    for method in &need.methods {
        let headers = [
            ("origin", page.as_str()),
            ("access-control-request-method", method),
            ("access-control-request-headers", if need.in_parts { SDK_HEADERS } else { "content-type" }),
        ];
        let ask = Ask { method: "OPTIONS", headers: &headers, ..Ask::default() };
        match cloud.unsigned(place, ask).await {
            Err(no_answer) => return no_answer.outcome("a preflight"),
            Ok(reply) => {
                let allowed =
                    reply.header("access-control-allow-origin").is_some_and(|for_| for_ == "*" || for_ == page);
                if reply.status.is_success() && allowed {
                    exposed = reply.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
                } else {
                    refused.push(*method);
                }
            }
        }
    }
    judged(&page, need, &refused, &exposed)
}

fn judged(page: &str, need: &Need, refused: &[&str], exposed: &str) -> Outcome {
    if !refused.is_empty() {
        let says = format!("the bucket's CORS rules do not let the pages of {page} do {}", refused.join(", "));
        return Outcome::failed(says).hint(need.rule());
    }
    let hidden = |name: &&str| !exposed.split(',').any(|one| one.trim().eq_ignore_ascii_case(name));
    let hidden: Vec<_> = EXPOSED.into_iter().filter(hidden).collect();
    match hidden.as_slice() {
        [] => Outcome::ok(format!("the pages of {page} may do {}", need.methods.join(", "))),
        names if need.in_parts && names.contains(&"ETag") => {
            let says = format!("the pages of {page} cannot read {}: uploads in parts fail", names.join(", "));
            Outcome::failed(says).hint(need.rule())
        }
        names => Outcome::warning(format!("the pages of {page} cannot read {}", names.join(", "))).hint(need.rule()),
    }
}

/// A page that a configured origin stands for.
fn origin_of_page(origin: &str) -> String {
    match origin {
        "*" => "https://oss-vend-check.example.com".to_owned(),
        pattern => pattern.replacen('*', "oss-vend-check", 1),
    }
}
