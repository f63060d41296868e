//! One exit of a vending route, as a line of JSON.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use crate::json;

/// Who asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
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

/// What is told of one exit. Members that do not apply are left out of the line.
///
/// Texts that a client chose are cut to [`Event::LONGEST`] bytes. Those that are ours (times, ids of requests and traces,
/// routes, methods, outcomes, digests) have no character that JSON escapes, and are not looked at.
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
    pub grant: Option<&'a str>,
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
    pub key: Option<&'a str>,
    /// The directory, where what was vended is good for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<&'a str>,
    /// The public half of the key that was vended or that signed, as the cloud's own trail shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<&'a str>,
    /// The SHA-256 of that key's token, in hexadecimal; a long-lived key has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<&'a str>,
    /// When what was vended ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<&'a str>,
    /// Why it ends earlier than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clamped_by: Option<&'a str>,
    /// How long the request took, in microseconds.
    pub micros: u64,
}

/// How much of the queue an event may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Share {
    /// Something was handed out: all of it.
    Vended,
    /// A known caller got nothing.
    Refusal,
    /// A caller that proved nothing got nothing. Anyone on the network can cause any number of these.
    UnprovenRefusal,
}

impl Event<'_> {
    /// The outcome of a request that was given what it asked for.
    pub const VENDED: &'static str = "vended";
    /// The most bytes of a text that a client chose: the longest key.
    pub const LONGEST: usize = 1023;

    pub(super) fn share(&self) -> Share {
        match self.caller {
            _ if self.outcome == Self::VENDED => Share::Vended,
            Who::Known(_) => Share::Refusal,
            Who::Unproven | Who::Anonymous => Share::UnprovenRefusal,
        }
    }

    /// Appends the line, with its end. It is what `serde` writes of this, at a fifth of the cost.
    pub(super) fn push_line(&self, line: &mut String) {
        self.push(line).expect("a String takes what is written");
    }

    fn push(&self, line: &mut String) -> fmt::Result {
        plain(line, r#"{"time":""#, Some(self.time));
        plain(line, r#","requestId":""#, Some(self.request_id));
        plain(line, r#","traceId":""#, self.trace_id);
        match self.caller {
            Who::Unproven => {}
            Who::Anonymous => line.push_str(r#","caller":null"#),
            Who::Known(id) => text(line, r#","caller":"#, Some(id)),
        }
        match self.peer {
            None => {}
            Some(IpAddr::V4(peer)) => push_peer(line, peer),
            Some(IpAddr::V6(peer)) => write!(line, r#","peer":"{peer}""#)?,
        }
        plain(line, r#","route":""#, Some(self.route));
        plain(line, r#","method":""#, Some(self.method));
        number(line, r#","item":"#, self.item.map(|item| u64::try_from(item).unwrap_or(u64::MAX)));
        text(line, r#","grant":"#, self.grant);
        plain(line, r#","outcome":""#, Some(self.outcome));
        number(line, r#","status":"#, self.status.map(u64::from));
        plain(line, r#","allows":""#, self.allows);
        text(line, r#","key":"#, self.key);
        text(line, r#","dir":"#, self.dir);
        text(line, r#","accessKeyId":"#, self.access_key_id);
        plain(line, r#","tokenSha256":""#, self.token_sha256);
        plain(line, r#","expiration":""#, self.expiration);
        plain(line, r#","clampedBy":""#, self.clamped_by);
        number(line, r#","micros":"#, Some(self.micros));
        line.push_str("}\n");
        Ok(())
    }
}

/// Appends a text, if it applies; `name` is the member's with all that stands around it.
#[inline]
fn text(line: &mut String, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        line.push_str(name);
        json::push_text(line, value);
    }
}

/// The same for a text of ours, that has nothing to escape; `name` ends with its quote.
#[inline]
fn plain(line: &mut String, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        line.push_str(name);
        line.push_str(value);
        line.push('"');
    }
}

/// The same for a number.
#[inline]
fn number(line: &mut String, name: &'static str, value: Option<u64>) {
    if let Some(value) = value {
        line.push_str(name);
        json::push_number(line, value);
    }
}

/// Appends an address as its own `Display` does, at a quarter of the cost.
fn push_peer(line: &mut String, peer: Ipv4Addr) {
    line.push_str(",\"peer\":\"");
    for (at, octet) in peer.octets().into_iter().enumerate() {
        line.push_str(if at == 0 { "" } else { "." });
        json::push_number(line, octet.into());
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(event: &Event<'_>) -> String {
        let mut line = String::new();
        event.push_line(&mut line);
        line
    }

    #[test]
    fn an_anonymous_caller_differs_from_one_that_was_not_established() {
        let line = |caller| line(&Event { caller, ..Event::default() });
        assert!(line(Who::Anonymous).contains(r#""caller":null"#));
        assert!(line(Who::Known("a")).contains(r#""caller":"a""#));
        assert!(!line(Who::Unproven).contains("caller"));
    }

    #[test]
    fn what_is_vended_may_use_all_of_the_queue_and_refusals_a_part() {
        let share = |caller, outcome| Event { caller, outcome, ..Event::default() }.share();
        for caller in [Who::Known("a"), Who::Anonymous] {
            assert_eq!(share(caller, "vended"), Share::Vended);
        }
        assert_eq!(share(Who::Known("a"), "rate_limited"), Share::Refusal);
        for caller in [Who::Unproven, Who::Anonymous] {
            for outcome in ["invalid_proof", "key_outside_directory", "abandoned"] {
                assert_eq!(share(caller, outcome), Share::UnprovenRefusal, "{caller:?} {outcome}");
            }
        }
    }

    #[test]
    fn what_a_client_chose_stays_in_its_line() {
        let event = Event { key: Some("a\n{\"outcome\":\"vended\"}\u{2028}"), ..Event::default() };
        let line = line(&event);
        assert_eq!(line.split_inclusive('\n').count(), 1);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    proptest! {
        #[test]
        fn a_line_is_what_a_general_writer_makes_of_the_event(
            ours in prop::collection::vec("[a-z0-9:.-]{0,40}", 4),
            ours_if_any in prop::collection::vec(prop::option::of("[a-z0-9:.-]{0,40}"), 5),
            theirs in prop::collection::vec(any::<Option<String>>(), 5),
            peer in any::<Option<IpAddr>>(),
            item in any::<Option<usize>>(),
            status in any::<Option<u16>>(),
            micros in any::<u64>(),
        ) {
            let (maybe, theirs) = (|at: usize| ours_if_any[at].as_deref(), |at: usize| theirs[at].as_deref());
            let event = Event {
                time: &ours[0],
                request_id: &ours[1],
                trace_id: maybe(0),
                caller: theirs(0).map_or(Who::Anonymous, Who::Known),
                peer,
                route: &ours[2],
                method: "GET",
                item,
                grant: theirs(1),
                outcome: &ours[3],
                status,
                allows: maybe(1),
                key: theirs(2),
                dir: theirs(3),
                access_key_id: theirs(4),
                token_sha256: maybe(2),
                expiration: maybe(3),
                clamped_by: maybe(4),
                micros,
            };
            prop_assert_eq!(line(&event), serde_json::to_string(&event).unwrap() + "\n");
        }
    }
}
