//! `traceparent`: which trace, and whose call in it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A valid `traceparent` (W3C Trace Context §3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceParent {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    sampled: bool,
}

/// It is not one; then it counts as absent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoTraceParent;

/// The id of a trace, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceId([u8; 16]);

impl TraceParent {
    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }

    /// The bytes of the trace's id.
    #[must_use]
    pub fn trace_bytes(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The bytes of the id of the call that called us.
    #[must_use]
    pub fn parent_bytes(&self) -> [u8; 8] {
        self.parent_id
    }

    /// Whether those who called record this trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    /// A later version may have more behind a further `-`; version `ff` is none.
    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(NoTraceParent);
        let version = hex::<1>(part()?)?[0];
        let (trace_id, parent_id, flags) = (hex::<16>(part()?)?, hex::<8>(part()?)?, hex::<1>(part()?)?[0]);
        let ends = version != 0 || parts.next().is_none();
        if version == 0xff || !ends || trace_id == [0; 16] || parent_id == [0; 8] {
            return Err(NoTraceParent);
        }
        Ok(Self { trace_id, parent_id, sampled: flags & 1 == 1 })
    }
}

impl Display for TraceId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

/// Lower case only, as the standard has it.
fn hex<const N: usize>(text: &str) -> Result<[u8; N], NoTraceParent> {
    if text.len() != 2 * N || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(NoTraceParent);
    }
    const_hex::decode_to_array(text).map_err(|_| NoTraceParent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let parent: TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        assert_eq!(parent.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(const_hex::encode(parent.parent_bytes()), "00f067aa0ba902b7");
        assert!(parent.is_sampled());
        for later in [
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-ever",
        ] {
            assert!(!later.parse::<TraceParent>().unwrap().is_sampled());
        }
    }

    #[test]
    fn what_is_not_valid_is_none() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-0x92f3577b34da6a3ce929d0e0e47360-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(NoTraceParent), "{text}");
        }
    }
}
