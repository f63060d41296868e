//! A length of time as people write it: `"3s"`, `"500ms"`, `"2m"`, `"1h"`, or a plain integer of seconds.

use std::fmt::{self, Formatter};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Milliseconds in each unit; a number without a unit counts seconds.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Reads a length of time.
pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(DurationVisitor)
}

/// Reads a length of time that may be absent.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    struct Present(#[serde(deserialize_with = "required")] Duration);

    Ok(Option::<Present>::deserialize(deserializer)?.map(|present| present.0))
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*scale).map(Duration::from_millis)
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as \"3s\", \"500ms\", \"2m\", \"1h\", or whole seconds")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        let seconds = u64::try_from(seconds).map_err(|_| E::invalid_value(Unexpected::Signed(seconds), &self))?;
        Ok(Duration::from_secs(seconds))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_read_with_and_without_a_unit() {
        for (text, millis) in
            [("500ms", 500), ("3s", 3_000), ("3600", 3_600_000), ("2m", 120_000), ("1h", 3_600_000), ("0", 0)]
        {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_length_of_time_is_refused() {
        for text in ["", "s", "-1", "1.5s", "3 s", "3S", "1d", "99999999999999999999", "99999999999999999h"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
