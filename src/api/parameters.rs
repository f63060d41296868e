//! The parameters of a request: from the query, from a JSON body, or from both, each exactly once.
//!
//! A name that is not known is refused: a misspelt limit that is silently dropped would be no limit.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use serde_json::value::RawValue;

use super::body::{BodyLimit, collect, expect_json};
use super::json_value::{Json, Object, Value};
use super::problem::Problem;
use super::query::first_pair;

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
    value: Value<'r>,
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
                parameters.insert(&name, Value::Query(value), known)?;
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

    /// Whether the parameter `name` was given as null. Everywhere else such a parameter counts as absent.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.0.iter().any(|parameter| parameter.name == name && parameter.is_null())
    }

    /// The text of the parameter `name`, if it was given.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        self.find(name).map(Parameter::text).transpose()
    }

    /// The number of the parameter `name`, if it was given.
    pub(super) fn number<N: TryFrom<u64>>(&self, name: &str) -> Result<Option<N>, Problem> {
        self.find(name).map(Parameter::number).transpose()
    }

    /// The list `name` as it was sent, taken out.
    pub(super) fn take_list(&mut self, name: &str) -> Result<Option<Box<RawValue>>, Problem> {
        let Some(at) = self.0.iter().position(|parameter| parameter.name == name) else { return Ok(None) };
        match self.0.swap_remove(at).value {
            Value::Json(Json::List(items)) => Ok(Some(items)),
            Value::Json(Json::Null) => Ok(None),
            _ => Err(invalid(name, "is not a list")),
        }
    }

    /// Those that were given.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Parameter<'r>> {
        self.0.iter().filter(|parameter| !parameter.is_null())
    }

    fn find(&self, name: &str) -> Option<&Parameter<'r>> {
        self.iter().find(|parameter| parameter.name == name)
    }

    fn insert(&mut self, name: &str, value: Value<'r>, known: &'static [&'static str]) -> Result<(), Problem> {
        let Some(name) = known.iter().find(|known| **known == name) else {
            return Err(unknown(name, known));
        };
        if self.0.iter().any(|parameter| parameter.name == *name) {
            return Err(
                bad("duplicate_parameter", format!("the parameter {name:?} is given twice")).hint("send it once")
            );
        }
        self.0.push(Parameter { name, value });
        Ok(())
    }

    fn insert_object(&mut self, bytes: &[u8], known: &'static [&'static str]) -> Result<(), Problem> {
        let Object(members) = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        for (name, value) in members {
            self.insert(&name, Value::Json(Json::of(value)), known)?;
        }
        Ok(())
    }
}

impl Parameter<'_> {
    fn is_null(&self) -> bool {
        matches!(self.value, Value::Json(Json::Null))
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&str, Problem> {
        let text = match &self.value {
            Value::Query(text) => &**text,
            Value::Json(Json::Text(text)) => text,
            Value::Json(_) => return Err(invalid(self.name, "is not a text, or not one in Unicode")),
        };
        // The decoder puts this character where the bytes were no UTF-8, and nobody means to name a file by it.
        let broken = !text.is_ascii() && text.contains('\u{fffd}');
        if broken { Err(invalid(self.name, "is not UTF-8")) } else { Ok(text) }
    }

    /// A whole number that is not negative.
    pub(super) fn number<N: TryFrom<u64>>(&self) -> Result<N, Problem> {
        let number = match &self.value {
            Value::Query(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Value::Json(Json::Number(number)) => *number,
            _ => None,
        };
        let number = number.and_then(|number: u64| N::try_from(number).ok());
        number.ok_or_else(|| invalid(self.name, "is not a whole number, or too large or negative"))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Result<bool, Problem> {
        match &self.value {
            Value::Json(Json::Flag(flag)) => Ok(*flag),
            Value::Query(text) if text == "true" => Ok(true),
            Value::Query(text) if text == "false" => Ok(false),
            _ => Err(invalid(self.name, "is neither true nor false")),
        }
    }
}

fn bad(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

/// A parameter whose value makes no sense.
pub(super) fn invalid(name: &str, problem: &str) -> Problem {
    bad("invalid_parameter", format!("the parameter {name:?} {problem}"))
        .hint("docs/api.md has a table of the parameters")
}

/// The longest name for which a similar one is suggested: the comparison takes a time that grows with the square of the
/// length, and anyone may send a name as long as a request's head.
const LONGEST_COMPARED: usize = 40;

fn unknown(name: &str, known: &[&str]) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    let compared = known.iter().filter(|_| name.len() <= LONGEST_COMPARED);
    let likenesses = compared.map(|known| (known, strsim::jaro_winkler(known, name)));
    let hint = match likenesses.max_by(|(_, a), (_, b)| a.total_cmp(b)) {
        Some((nearest, likeness)) if likeness > 0.8 => format!("did you mean {nearest:?}?"),
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
