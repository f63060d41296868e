//! One exit of a vending route, as a line of JSON.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;

/// Who asked.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Who<T> {
    /// No caller was established: the proof was wrong, or missing where one is needed.
    #[default]
    Unproven,
    /// A caller that proved nothing and is served all the same.
    Anonymous,
    /// A caller with this id.
    Known(T),
}

impl<T> Who<T> {
    fn is_unproven(&self) -> bool {
        matches!(self, Self::Unproven)
    }
}

impl Who<String> {
    /// The same with the id borrowed.
    #[must_use]
    pub fn as_deref(&self) -> Who<&str> {
        match self {
            Self::Unproven => Who::Unproven,
            Self::Anonymous => Who::Anonymous,
            Self::Known(id) => Who::Known(id),
        }
    }
}

/// What is told of one exit. Members that do not apply are left out of the line.
///
/// Texts that a client chose are cut to [`Event::LONGEST`] bytes.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// When the request came: RFC 3339 in UTC, with milliseconds.
    pub time: &'a str,
    /// The request's id, as its answer and the log have it.
    pub request_id: &'a str,
    /// The id of the trace that it is part of, as `traceparent` said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<&'a str>,
    /// Who asked: an id, `null` for an anonymous caller; absent where no caller was established.
    #[serde(skip_serializing_if = "Who::is_unproven")]
    pub caller: Who<&'a str>,
    /// Where the request came from, before all proxies that are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// The path.
    pub route: &'a str,
    /// The HTTP method of the request.
    pub method: &'a str,
    /// The position in a batch; each of its items is an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// The grant asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Cow<'a, str>>,
    /// `vended`, the code of the problem that was answered, or `abandoned` where nobody waited for the answer.
    pub outcome: &'a str,
    /// The HTTP status; absent where nobody waited for the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was handed out allows: `sts` (credentials), or the HTTP method of the form or URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allows: Option<&'a str>,
    /// The key that was vended or, in a refusal, asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'a, str>>,
    /// The directory, where what was vended is good for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<Cow<'a, str>>,
    /// The public half of the key that was vended or that signed, as the cloud's own trail shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Cow<'a, str>>,
    /// The SHA-256 of that key's token, in hexadecimal; a long-lived key has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<Cow<'a, str>>,
    /// When what was vended ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Cow<'a, str>>,
    /// Why it ends earlier than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clamped_by: Option<&'a str>,
    /// How long the request took, in microseconds.
    pub micros: u64,
}

impl Event<'_> {
    /// The most bytes of a text that a client chose: the longest key.
    pub const LONGEST: usize = 1023;

    /// The line, with its end.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(512);
        serde_json::to_writer(&mut line, self).expect("texts and numbers serialize into memory");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anonymous_caller_differs_from_one_that_was_not_established() {
        let line = |caller| String::from_utf8(Event { caller, ..Event::default() }.to_line()).unwrap();
        assert!(line(Who::Anonymous).contains(r#""caller":null"#));
        assert!(line(Who::Known("a")).contains(r#""caller":"a""#));
        assert!(!line(Who::Unproven).contains("caller"));
    }

    #[test]
    fn what_a_client_chose_stays_in_its_line() {
        let event = Event { key: Some("a\n{\"outcome\":\"vended\"}\u{2028}".into()), ..Event::default() };
        let line = event.to_line();
        assert_eq!(line.split_inclusive(|byte| *byte == b'\n').count(), 1);
        assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
    }
}
