//! What an error answer of OSS or STS means, and what to change; pure.
//!
//! [`Answer`] is what was pasted, [`Asked`] the request behind it, if it is at hand; [`diagnose`] says in words what is
//! wrong. The text that OSS signed is held against the one that follows from the request, line by line: no secret is
//! needed for that, and none is shown, nor a token or a signature.

mod answer;
mod asked;
mod codes;
mod compare;
mod masked;
mod percent;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::answer::{Answer, Service};
pub use self::asked::Asked;
pub use self::codes::{Known, known_of_oss};
use self::compare::{Compared, compare};
use self::masked::masked;
use crate::sts;

/// What is wrong, as far as it can be told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// `OSS`, `STS` or `oss-vend`.
    pub service: &'static str,
    /// The code of the answer.
    pub code: String,
    /// The finer code of OSS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec: Option<String>,
    /// What the service said in words, without anything like a key.
    pub message: String,
    /// The id by which the cloud's support finds the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Whether the code is one that this program knows.
    pub known: bool,
    /// What is wrong, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// What to change, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What the answer and the request show beside.
    pub findings: Vec<Finding>,
}

/// One thing that the answer or the request shows.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// What it is about: `signature`, `content-type`, `clock`, `token`, `expiry`, `policy`, `address`.
    pub about: &'static str,
    /// What was found.
    pub says: String,
}

/// Says what is wrong.
#[must_use]
pub fn diagnose(answer: &Answer, asked: Option<&Asked>) -> Diagnosis {
    let (meaning, change) = explained(answer);
    Diagnosis {
        service: match answer.service {
            Service::Oss => "OSS",
            Service::Sts => "STS",
            Service::OssVend => "oss-vend",
        },
        code: answer.code.clone(),
        ec: answer.ec().map(str::to_owned),
        message: sts::Message::new(answer.message()).as_str().to_owned(),
        request_id: answer.request_id().map(str::to_owned),
        known: meaning.is_some() || change.is_some(),
        meaning,
        change,
        findings: findings(answer, asked),
    }
}

/// What is known of the code: meaning and change.
fn explained(answer: &Answer) -> (Option<String>, Option<String>) {
    match answer.service {
        Service::Oss => known_of_oss(&answer.code, answer.ec(), answer.message())
            .map_or((None, None), |known| (Some(known.meaning.to_owned()), Some(known.change.to_owned()))),
        Service::Sts => (None, sts::hint(&answer.code, answer.message()).map(str::to_owned)),
        Service::OssVend => (answer.field("Detail").map(masked), answer.field("Hint").map(masked)),
    }
}

fn findings(answer: &Answer, asked: Option<&Asked>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(asked.and_then(token));
    found.extend(asked.and_then(|asked| compare(answer, asked)).into_iter().flat_map(|compared| signature(&compared)));
    found.extend(content_type(answer, asked));
    found.extend(clock(answer));
    found.extend(condition(answer));
    found.extend(address(answer));
    found.extend(argument(answer));
    found
}

fn token(asked: &Asked) -> Option<Finding> {
    let names = ["x-oss-security-token", "security-token"];
    let token = names.into_iter().find_map(|name| asked.parameter(name))?;
    let says = "the token in the URL has a space where it had a \"+\": it must be written %2B; something decoded the URL and \
                put it together again";
    token.contains(' ').then(|| Finding { about: "token", says: says.to_owned() })
}

fn signature(compared: &Compared) -> Vec<Finding> {
    let says = match compared {
        Compared::Same => {
            "OSS signed the very text that follows from this request; so the signature was made with another \
                           secret, or for another request than this one"
                .to_owned()
        }
        Compared::Differs { what, ours, theirs } => {
            format!("the first difference is {what}: this request has {ours:?}, OSS saw {theirs:?}")
        }
    };
    vec![Finding { about: "signature", says }]
}

/// The usual reason for a URL that does not match: a browser adds a type that was not signed.
fn content_type(answer: &Answer, asked: Option<&Asked>) -> Option<Finding> {
    let signed = match (answer.field("CanonicalRequest"), answer.field("StringToSign")) {
        (Some(canonical), _) => canonical.lines().find_map(|line| line.strip_prefix("content-type:"))?,
        (None, Some(text)) if !text.starts_with("OSS4") => text.lines().nth(2)?,
        _ => return None,
    };
    if asked.is_some_and(|asked| asked.header("content-type") == Some(signed.trim())) || signed.is_empty() {
        return None;
    }
    let says = format!(
        "the request came with Content-Type {:?}, which takes part in the signature: it must be the one in `headers` of the \
         answer of `/presigned-url`, or none where that has none",
        masked(signed.trim())
    );
    Some(Finding { about: "content-type", says })
}

fn clock(answer: &Answer) -> Option<Finding> {
    let server = time(answer.field("ServerTime")?)?;
    if let Some(request) = answer.field("RequestTime").and_then(time) {
        let seconds = (request - server).num_seconds();
        let side = if seconds < 0 { "behind" } else { "ahead of" };
        let says = format!("the clock that signed is {} s {side} that of OSS", seconds.abs());
        return Some(Finding { about: "clock", says });
    }
    let over = server - time(answer.field("Expires")?)?;
    let says = format!("it ended {} s before it was used", over.num_seconds());
    Some(Finding { about: "expiry", says })
}

/// A time as OSS writes it: ISO 8601, or as in a `Date` header.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let rfc_2822 = || DateTime::parse_from_rfc2822(text).ok();
    DateTime::parse_from_rfc3339(text).ok().or_else(rfc_2822).map(|time| time.to_utc())
}

/// The condition of a form that failed, in words.
fn condition(answer: &Answer) -> Option<Finding> {
    let (_, rest) = answer.message().split_once("Policy Condition failed:")?;
    let list: serde_json::Value = serde_json::from_str(rest.trim().trim_end_matches('.')).ok()?;
    let text = |index: usize| masked(list[index].as_str().unwrap_or_default().trim_start_matches('$'));
    let values = |index: usize| masked(&list[index].to_string());
    let says = match list[0].as_str()? {
        "eq" => format!("the form's field {:?} has to be exactly {:?}", text(1), text(2)),
        "starts-with" => format!("the form's field {:?} has to begin with {:?}", text(1), text(2)),
        "in" => format!("the form's field {:?} has to be one of {}", text(1), values(2)),
        "not-in" => format!("the form's field {:?} must be none of {}", text(1), values(2)),
        "content-length-range" => format!("the file has to have {} to {} bytes", values(1), values(2)),
        _ => return None,
    };
    Some(Finding { about: "policy", says })
}

fn address(answer: &Answer) -> Option<Finding> {
    let endpoint = answer.field("Endpoint")?;
    Some(Finding { about: "address", says: format!("OSS names the right endpoint: {}", masked(endpoint)) })
}

fn argument(answer: &Answer) -> Option<Finding> {
    let (name, value) = (answer.field("ArgumentName")?, answer.field("ArgumentValue").unwrap_or_default());
    let secret = name.to_ascii_lowercase().contains("token") || name.to_ascii_lowercase().contains("signature");
    let value = if secret { "…".to_owned() } else { masked(value) };
    Some(Finding { about: "argument", says: format!("the argument is {:?}, its value {value:?}", masked(name)) })
}
