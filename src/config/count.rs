//! A whole number of things, from 1 to a million: a limit of nothing would be a server that is off.

use std::fmt::{self, Formatter};

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

const MOST: u32 = 1_000_000;

/// Reads a number, also from the text of a variable.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    deserializer.deserialize_any(CountVisitor)
}

/// Reads a number that may be absent.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    struct Present(#[serde(deserialize_with = "count")] u32);

    Ok(Option::<Present>::deserialize(deserializer)?.map(|present| present.0))
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = u32;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 1 to {MOST}")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u32, E> {
        let fitting = u32::try_from(number).ok().filter(|number| (1..=MOST).contains(number));
        fitting.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        let number = text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))?;
        self.visit_i64(number)
    }
}
