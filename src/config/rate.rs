//! A rate as people write it: `"20/s burst 500"`, `"600/m"`, `"off"`.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use crate::limits::Quota;

/// The lengths of time that a rate may be for.
const UNITS: [(&str, Duration); 3] =
    [("s", Duration::from_secs(1)), ("m", Duration::from_mins(1)), ("h", Duration::from_hours(1))];

/// How often something may be asked; `"off"` is without limit. Without a burst, it is as many as in the length of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate(Option<Quota>);

impl Rate {
    /// No limit.
    pub const OFF: Self = Self(None);

    /// `count` in each second, `burst` of them at once.
    pub(super) fn per_second(count: u32, burst: u32) -> Self {
        Self(Quota::new(count, Duration::from_secs(1), burst))
    }

    /// The quota, unless there is no limit.
    #[must_use]
    pub fn quota(self) -> Option<Quota> {
        self.0
    }

    /// Whether this allows more requests than `other`, at once or over time.
    pub(super) fn is_looser_than(self, other: Self) -> bool {
        match (self.0, other.0) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(this), Some(other)) => this.burst() > other.burst() || this.interval() < other.interval(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::OFF);
        }
        let (rate, burst) = match text.split_once(" burst ") {
            Some((rate, burst)) => (rate, Some(burst)),
            None => (text, None),
        };
        let (count, unit) = rate.split_once('/')?;
        let (_, per) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let count = number(count)?;
        let burst = burst.map_or(Some(count), number)?;
        Quota::new(count, *per, burst).map(|quota| Self(Some(quota)))
    }
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a rate such as \"20/s burst 500\" or \"600/m\" (s, m or h), or \"off\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
        Rate::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_with_and_without_a_burst() {
        let quota = |count, seconds, burst| Quota::new(count, Duration::from_secs(seconds), burst);
        for (text, expected) in [
            ("20/s burst 500", quota(20, 1, 500)),
            ("600/m", quota(600, 60, 600)),
            ("1/h burst 1", quota(1, 3600, 1)),
            ("off", None),
        ] {
            assert_eq!(Rate::parse(text), Some(Rate(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_rate_is_refused() {
        for text in [
            "",
            "20",
            "0/s",
            "20/s burst 0",
            "20/d",
            "/s",
            "-1/s",
            "1.5/s",
            "20/s burst",
            "20/sburst 5",
            "Off",
            "+1/s",
            "4294967295/s",
        ] {
            assert_eq!(Rate::parse(text), None, "{text:?}");
        }
    }
}
