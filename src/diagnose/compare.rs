//! The text that OSS signed, beside the one that follows from the request.

use super::answer::Answer;
use super::asked::Asked;
use super::masked::masked;
use crate::signing::{Request, v1, v4};

/// The first place where the two texts differ, or that they do not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Compared {
    /// Every line is the same.
    Same,
    /// This line is not.
    Differs {
        /// What stands in the line.
        what: &'static str,
        /// The line that follows from the request; safe to show.
        ours: String,
        /// The line of OSS; safe to show.
        theirs: String,
    },
}

/// Compares what the answer says that was signed with what follows from the request; `None` where the answer says
/// nothing of it. What is not known of the request (its method, the bucket of a custom domain) is taken from the answer.
pub(super) fn compare(answer: &Answer, asked: &Asked) -> Option<Compared> {
    if let Some(theirs) = answer.field("CanonicalRequest") {
        let ours = with_request(asked, theirs, 1, v4::canonical_request);
        return Some(by_line(&ours, theirs, V4_LINES, "an additional header"));
    }
    let theirs = answer.field("StringToSign")?;
    if theirs.starts_with(v4::SCHEME) || !theirs.contains('\n') {
        return None;
    }
    let date = asked.parameter("Expires").or_else(|| asked.header("x-oss-date")).or_else(|| asked.header("date"));
    let ours = with_request(asked, theirs, 5, |request| v1::string_to_sign(request, date.unwrap_or_default()));
    Some(by_line(&ours, theirs, V1_LINES, "an x-oss header, or bucket, key and sub-resources"))
}

const V4_LINES: &[&str] = &["the method", "bucket and key", "the query", "a header"];
const V1_LINES: &[&str] = &["the method", "Content-MD5", "Content-Type", "the date"];

fn with_request(asked: &Asked, theirs: &str, resource_line: usize, text: impl Fn(&Request<'_>) -> String) -> String {
    let method = asked.method.as_deref().or_else(|| theirs.lines().next()).unwrap_or_default();
    let line = if resource_line == 1 { theirs.lines().nth(1) } else { theirs.lines().last() };
    let in_theirs = line.and_then(|line| line.trim_start_matches('/').split('/').next()).unwrap_or_default();
    let (bucket, key) = asked.resource().unwrap_or_else(|| (in_theirs.to_owned(), asked.path.clone()));
    let query: Vec<_> = asked.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let headers: Vec<_> = asked.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let listed = additional(asked);
    let additional_headers: Vec<_> = listed.split(';').filter(|name| !name.is_empty()).collect();
    text(&Request {
        method,
        bucket: Some(&bucket),
        key: Some(&key).filter(|key| !key.is_empty()).map(String::as_str),
        query: &query,
        headers: &headers,
        additional_headers: &additional_headers,
    })
}

/// The headers that a V4 signer chose beyond the usual, joined by semicolons.
fn additional(asked: &Asked) -> String {
    let in_header = || {
        let value = asked.header("authorization")?;
        let (_, rest) = value.split_once("AdditionalHeaders=")?;
        rest.split([',', ' ']).next()
    };
    asked.parameter("x-oss-additional-headers").or_else(in_header).unwrap_or_default().to_owned()
}

fn by_line(ours: &str, theirs: &str, names: &'static [&'static str], rest: &'static str) -> Compared {
    // A browser's text area or a pretty-printer may have changed the ends.
    let (mut ours, mut theirs) = (ours.trim_end().split('\n'), theirs.trim_end().split('\n'));
    for index in 0.. {
        let what = names.get(index).copied().unwrap_or(rest);
        match (ours.next(), theirs.next().map(|line| line.trim_end_matches('\r'))) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) if what == "the query" => return in_query(one.unwrap_or_default(), other.unwrap_or_default()),
            (one, other) => return differs(what, one.unwrap_or("(no line)"), other.unwrap_or("(no line)")),
        }
    }
    Compared::Same
}

/// The first parameter that differs: the line of a query holds them all.
fn in_query(ours: &str, theirs: &str) -> Compared {
    let (mut ours, mut theirs) = (ours.split('&'), theirs.split('&'));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Compared::Same,
            (one, other) if one == other => {}
            (one, other) => {
                return differs("a parameter of the query", one.unwrap_or("(none)"), other.unwrap_or("(none)"));
            }
        }
    }
}

fn differs(what: &'static str, ours: &str, theirs: &str) -> Compared {
    let shown = |line: &str| if line.is_empty() { "(empty)".to_owned() } else { masked(line) };
    Compared::Differs { what, ours: shown(ours), theirs: shown(theirs) }
}
