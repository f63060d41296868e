//! A number of bytes as people write it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// The units, largest first, each with its size in bytes.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes, written as `"5 MiB"`, `"1 GB"` or a plain integer; `KiB` is 1,024 and `KB` is 1,000.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct ByteSize(u64);

/// A text that is not a size.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a size is a whole number of bytes, or one with B, KB, KiB, MB, MiB, GB or GiB, such as \"5 MiB\"")]
pub struct NotASize;

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = unit.trim_start();
        let scale = match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, scale)) => *scale,
            None if unit.is_empty() && digits.len() == text.len() => 1,
            None => return Err(NotASize),
        };
        let number = digits.parse::<u64>().map_err(|_| NotASize)?;
        number.checked_mul(scale).map(Self).ok_or(NotASize)
    }
}

impl Display for ByteSize {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, scale)| self.0 != 0 && self.0.is_multiple_of(*scale));
        let (unit, scale) = exact.unwrap_or(&("B", 1));
        write!(f, "{} {unit}", self.0 / scale)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as \"5 MiB\"")
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<ByteSize, E> {
        u64::try_from(bytes).map(ByteSize).map_err(|_| E::invalid_value(Unexpected::Signed(bytes), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_with_and_without_a_unit() {
        let table = [
            ("0", 0),
            ("1", 1),
            ("65536", 65_536),
            ("7 B", 7),
            ("1 KB", 1_000),
            ("64 KiB", 65_536),
            ("5MiB", 5 << 20),
            ("1000 MiB", 1000 << 20),
            ("1 GB", 1_000_000_000),
            ("5 GiB", 5 << 30),
        ];
        for (text, bytes) in table {
            assert_eq!(text.parse(), Ok(ByteSize::new(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in [
            "",
            " ",
            "MiB",
            "-1",
            "1.5 GB",
            "5 mib",
            "5 TB",
            "5 MiB ",
            " 5",
            "1 0",
            "1 ",
            "17179869184 GiB",
            "99999999999999999999",
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(NotASize), "{text:?}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_largest_unit_that_is_exact() {
        for text in ["0 B", "1 B", "1001 B", "64 KiB", "1000 MiB", "1 GB", "5 GiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
    }
}
