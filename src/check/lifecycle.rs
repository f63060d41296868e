//! The lifecycle rule that ends uploads whose page went away: their parts are stored and paid for, and no listing shows them.

use quick_xml::de::from_str;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::cloud::{Ask, Cloud, Place};
use super::report::{Outcome, Verdict};
use crate::keys::AccessKey;

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "Rule", default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    prefix: Option<String>,
    status: Option<String>,
    abort_multipart_upload: Option<IgnoredAny>,
}

/// Whether a rule ends unfinished uploads below `prefix`.
pub(super) async fn ends_uploads(cloud: &Cloud, place: &Place, key: &AccessKey, prefix: &str) -> Outcome {
    let ask = Ask { method: "GET", query: &[("lifecycle", "")], ..Ask::default() };
    match cloud.signed(place, ask, key).await {
        Ok(reply) if reply.status.is_success() => judged(&reply.text(), prefix),
        Ok(reply) if reply.is_denied() => {
            Outcome::skipped("the rules may not be read (oss:GetBucketLifecycle)").hint(rule(prefix))
        }
        Ok(reply) => {
            let outcome = reply.refused("the bucket's lifecycle rules");
            match outcome.code.as_deref() {
                Some("NoSuchLifecycle") => missing(prefix).code(outcome.code.as_deref()),
                _ => Outcome { verdict: Verdict::Warning, ..outcome },
            }
        }
        Err(no_answer) => no_answer.outcome("the bucket's lifecycle rules"),
    }
}

fn judged(document: &str, prefix: &str) -> Outcome {
    let Ok(Configuration { rules }) = from_str(document) else {
        return Outcome::warning("the bucket's lifecycle rules cannot be read").hint(rule(prefix));
    };
    let ends = |rule: &&Rule| {
        let covers = prefix.starts_with(rule.prefix.as_deref().unwrap_or_default());
        covers && rule.status.as_deref() == Some("Enabled") && rule.abort_multipart_upload.is_some()
    };
    if rules.iter().any(|rule| ends(&rule)) { Outcome::ok("unfinished uploads are ended") } else { missing(prefix) }
}

fn missing(prefix: &str) -> Outcome {
    Outcome::warning("no rule ends unfinished uploads: their parts stay and are paid for").hint(rule(prefix))
}

fn rule(prefix: &str) -> String {
    format!(
        "set this rule (OSS console: the bucket, Data Management, Lifecycle, Create Rule, Delete Parts):\n\
         <LifecycleConfiguration>\n  <Rule>\n    <ID>end-unfinished-uploads</ID>\n    <Prefix>{prefix}</Prefix>\n    \
         <Status>Enabled</Status>\n    <AbortMultipartUpload>\n      <Days>7</Days>\n    </AbortMultipartUpload>\n  </Rule>\n\
         </LifecycleConfiguration>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_in_force_for_the_directory_counts() {
        let document = |prefix: &str, status: &str, what: &str| {
            format!(
                "<LifecycleConfiguration><Rule><ID>a</ID><Prefix>{prefix}</Prefix><Status>{status}</Status>{what}</Rule>\
                 </LifecycleConfiguration>"
            )
        };
        let abort = "<AbortMultipartUpload><Days>7</Days></AbortMultipartUpload>";
        for (document, verdict) in [
            (document("", "Enabled", abort), Verdict::Ok),
            (document("up", "Enabled", abort), Verdict::Ok),
            (document("other/", "Enabled", abort), Verdict::Warning),
            (document("", "Disabled", abort), Verdict::Warning),
            (document("", "Enabled", "<Expiration><Days>7</Days></Expiration>"), Verdict::Warning),
            ("<a>".to_owned(), Verdict::Warning),
        ] {
            assert_eq!(judged(&document, "uploads/").verdict, verdict, "{document}");
        }
    }
}
