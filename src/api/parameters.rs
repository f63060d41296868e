//! The parameters of a request: from the query, from a JSON body, or from both, each exactly once.
//!
//! A name that is not known is refused: a misspelt limit that is silently dropped would be no limit.

use std::borrow::Cow;
use std::fmt;
use std::string::FromUtf8Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::Problem;

/// How much of a request's body is read, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit {
    /// The most bytes.
    pub bytes: usize,
    /// The longest time until all of it is there.
    pub time: Duration,
}

/// More parameters than most requests have.
const USUAL: usize = 6;

/// The parameters of one request, or of one item of a batch: a handful, by the names that are known. What the query says
/// is borrowed from it.
#[derive(Debug, Default)]
pub(super) struct Parameters<'r>(Vec<Parameter<'r>>);

/// One of them.
#[derive(Debug)]
pub(super) struct Parameter<'r> {
    pub(super) name: &'static str,
    given: Given<'r>,
}

#[derive(Debug)]
enum Given<'r> {
    Text(Cow<'r, str>),
    Json(Value),
    List(Vec<Box<RawValue>>),
}

impl Given<'_> {
    /// A list stays text, so that what is inside can be read as strictly as what is outside.
    fn of_json(value: &RawValue) -> Self {
        match serde_json::from_str(value.get()) {
            Ok(items) => Self::List(items),
            Err(_) => Self::Json(serde_json::from_str(value.get()).unwrap_or(Value::Null)),
        }
    }
}

impl<'r> Parameters<'r> {
    /// Reads those of the request with this head and body, all of which have to be among `known`.
    pub(super) async fn read(
        head: &'r Parts,
        body: Body,
        known: &'static [&'static str],
        limit: BodyLimit,
    ) -> Result<Self, Problem> {
        let mut parameters = Self::of_query(head.uri.query().unwrap_or_default(), known)?;
        if head.method == Method::POST {
            // A box, lest every request has room for what only those with a body need.
            let bytes = Box::pin(collect(body, limit)).await?;
            if !bytes.is_empty() {
                expect_json(&head.headers)?;
                parameters.insert_object(&bytes, known)?;
            }
        }
        Ok(parameters)
    }

    /// Reads a query, `name=value` joined by `&`.
    fn of_query(query: &'r str, known: &'static [&'static str]) -> Result<Self, Problem> {
        let mut parameters = Self(Vec::with_capacity(if query.is_empty() { 0 } else { USUAL }));
        let mut rest = query;
        while !rest.is_empty() {
            let (pair, after) = first_pair(rest);
            if let Some((name, value)) = pair {
                parameters.insert(&name, Given::Text(value), known)?;
            }
            rest = after;
        }
        Ok(parameters)
    }

    /// Reads an item of a batch.
    pub(super) fn of_item(item: &str, known: &'static [&'static str]) -> Result<Self, Problem> {
        let mut parameters = Self::default();
        parameters.insert_object(item.as_bytes(), known)?;
        Ok(parameters)
    }

    /// The text of the parameter `name`, if it was given.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        self.find(name).map(Parameter::text).transpose()
    }

    /// The number of the parameter `name`, if it was given.
    pub(super) fn number<N: TryFrom<u64>>(&self, name: &str) -> Result<Option<N>, Problem> {
        self.find(name).map(Parameter::number).transpose()
    }

    /// The list `name`, each entry as JSON text, taken out.
    pub(super) fn take_list(&mut self, name: &str) -> Result<Option<Vec<Box<RawValue>>>, Problem> {
        let Some(at) = self.0.iter().position(|parameter| parameter.name == name) else { return Ok(None) };
        match self.0.swap_remove(at).given {
            Given::List(items) => Ok(Some(items)),
            _ => Err(invalid(name, "is not a list")),
        }
    }

    /// Those that were given.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Parameter<'r>> {
        self.0.iter()
    }

    fn find(&self, name: &str) -> Option<&Parameter<'r>> {
        self.iter().find(|parameter| parameter.name == name)
    }

    fn insert(&mut self, name: &str, given: Given<'r>, known: &'static [&'static str]) -> Result<(), Problem> {
        let Some(name) = known.iter().find(|known| **known == name) else {
            return Err(unknown(name, known));
        };
        if self.find(name).is_some() {
            return Err(
                bad("duplicate_parameter", format!("the parameter {name:?} is given twice")).hint("send it once")
            );
        }
        self.0.push(Parameter { name, given });
        Ok(())
    }

    fn insert_object(&mut self, bytes: &[u8], known: &'static [&'static str]) -> Result<(), Problem> {
        let Object(members) = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        for (name, value) in members {
            match Given::of_json(&value) {
                Given::Json(Value::Null) => {}
                given => self.insert(&name, given, known)?,
            }
        }
        Ok(())
    }
}

impl Parameter<'_> {
    /// A text.
    pub(super) fn text(&self) -> Result<&str, Problem> {
        let text = match &self.given {
            Given::Text(text) => &**text,
            Given::Json(Value::String(text)) => text,
            Given::Json(_) | Given::List(_) => return Err(invalid(self.name, "is not a text")),
        };
        // The decoder puts this character where the bytes were no UTF-8, and nobody means to name a file by it.
        let broken = !text.is_ascii() && text.contains('\u{fffd}');
        if broken { Err(invalid(self.name, "is not UTF-8")) } else { Ok(text) }
    }

    /// A whole number that is not negative.
    pub(super) fn number<N: TryFrom<u64>>(&self) -> Result<N, Problem> {
        let number = match &self.given {
            Given::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Given::Json(Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let number = number.and_then(|number: u64| N::try_from(number).ok());
        number.ok_or_else(|| invalid(self.name, "is not a whole number, or too large or negative"))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Result<bool, Problem> {
        match &self.given {
            Given::Json(Value::Bool(flag)) => Ok(*flag),
            Given::Text(text) if text == "true" => Ok(true),
            Given::Text(text) if text == "false" => Ok(false),
            _ => Err(invalid(self.name, "is neither true nor false")),
        }
    }
}

/// The members of a JSON object as they were sent: a map would hide that a name came twice.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A name and a value.
type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// Name and value of the first pair of a query as they were meant, if it is not empty, and what follows it. They are short,
/// so one loop finds all that stands in it before a general search has begun.
fn first_pair(query: &str) -> (Option<Pair<'_>>, &str) {
    let (mut name, mut begin, mut escaped, mut at) = (None, 0, false, 0);
    let end = loop {
        let rest = &query.as_bytes()[at..];
        let Some(ahead) = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]) else { break query.len() };
        at += ahead;
        match rest[ahead] {
            b'&' => break at,
            b'=' if name.is_none() => (name, begin, escaped) = (Some(meant(&query[..at], escaped)), at + 1, false),
            b'=' => {}
            _ => escaped = true,
        }
        at += 1;
    };
    let last = meant(&query[begin..end], escaped);
    let pair = match name {
        Some(name) => (name, last),
        None => (last, Cow::default()),
    };
    ((end > 0).then_some(pair), query.get(end + 1..).unwrap_or_default())
}

fn meant(text: &str, escaped: bool) -> Cow<'_, str> {
    if escaped { decoded(text) } else { Cow::Borrowed(text) }
}

/// The bytes of a query that are not just what they are.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    (special[b'&' as usize], special[b'=' as usize]) = (true, true);
    (special[b'%' as usize], special[b'+' as usize]) = (true, true);
    special
};

/// `text` as a form's encoding means it (WHATWG URL §5.1). It is decoded here because the content type of nearly every
/// upload has a `%2F`: a general decoder spends five times as much on it, a thirtieth of all that a signed URL costs.
fn decoded(text: &str) -> Cow<'_, str> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'%' | b'+')) {
        let (run, escape) = rest.split_at(at);
        let (byte, length) = unescaped(escape);
        bytes.extend_from_slice(run);
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest);
    let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    Cow::Owned(String::from_utf8(bytes).unwrap_or_else(lossy))
}

/// What `text` begins with, and how many bytes of it that takes. A `%` that begins no escape is one.
fn unescaped(text: &[u8]) -> (u8, usize) {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    match (text[0], digit(1), digit(2)) {
        (b'+', ..) => (b' ', 1),
        (b'%', Some(high), Some(low)) => (u8::try_from(high << 4 | low).unwrap_or_default(), 3),
        (other, ..) => (other, 1),
    }
}

async fn collect(body: Body, limit: BodyLimit) -> Result<bytes::Bytes, Problem> {
    let collected = tokio::time::timeout(limit.time, Limited::new(body, limit.bytes).collect());
    match collected.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit.bytes)),
        Ok(Err(_)) => Err(bad("broken_body", "the body broke off")),
        Err(_elapsed) => Err(too_slow()),
    }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body has more than {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).hint(
        "file bytes do not pass through this server: send them to the URL that it signs. The limit is limits.body",
    )
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time")
        .hint("the time limit is limits.body_timeout")
}

fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "the body's Content-Type is not application/json";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
        .hint("send the parameters as a JSON object with Content-Type: application/json, or in the query of a GET"))
}

fn bad(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

/// A parameter whose value makes no sense.
pub(super) fn invalid(name: &str, problem: &str) -> Problem {
    bad("invalid_parameter", format!("the parameter {name:?} {problem}"))
        .hint("docs/api.md has a table of the parameters")
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = match nearest {
        Some(nearest) if strsim::jaro_winkler(nearest, name) > 0.8 => format!("did you mean {nearest:?}?"),
        _ => format!("this route knows {}", known.join(", ")),
    };
    bad("unknown_parameter", format!("there is no parameter {shown:?} here")).hint(hint)
}

fn not_json(error: &serde_json::Error) -> Problem {
    let detail = match error.classify() {
        serde_json::error::Category::Data => "the body is not a JSON object".to_owned(),
        _ => format!("the body is not JSON (line {}, column {})", error.line(), error.column()),
    };
    bad("invalid_json", detail).hint("send the parameters as one JSON object, such as {\"filename\": \"photo.png\"}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_query_is_read_as_a_general_reader_reads_it(text in "([a-z=+%&é\u{fffd}]|%[0-9a-fA-F]{2}){0,12}") {
            let (mut ours, mut rest) = (Vec::new(), text.as_str());
            while !rest.is_empty() {
                let (pair, after) = first_pair(rest);
                ours.extend(pair);
                rest = after;
            }
            let theirs: Vec<_> = url::form_urlencoded::parse(text.as_bytes()).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
