//! Moments as texts, on the stack: an answer has up to five of them, and a general formatter is as slow as a hash.

use std::str;

use chrono::{DateTime, Datelike, Timelike, Utc};

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    const DIGITS: &[u8; 10] = b"0123456789";
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [DIGITS[number / 10], DIGITS[number % 10]];
        number += 1;
    }
    pairs
};

/// A moment in one of the forms that are signed, answered or noted. Aligned, and with blanks behind it up to whole words, it
/// is quickly seen to be a text.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub struct Moment<const LENGTH: usize>([u8; ROOM]);

const ROOM: usize = 32;

/// `20250214T080910Z`, as in `x-oss-date`.
pub type Basic = Moment<16>;

/// `2025-02-14T08:09:10Z` (RFC 3339), whole seconds.
pub type Extended = Moment<20>;

/// `2025-02-14T08:09:10.123Z` (RFC 3339), cut to milliseconds.
pub type Precise = Moment<24>;

impl<const LENGTH: usize> Moment<LENGTH> {
    /// The text.
    ///
    /// # Panics
    /// Never: digits and signs are ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &str::from_utf8(&self.0).expect("digits and signs are ASCII")[..LENGTH]
    }

    /// What digits are to be put into.
    #[inline]
    fn form(form: &[u8; LENGTH]) -> Self {
        let mut text = [b' '; ROOM];
        text[..LENGTH].copy_from_slice(form);
        Self(text)
    }

    /// The place of a pair is known where this is compiled, so that nothing is checked when it runs.
    #[inline]
    fn put<const AT: usize>(mut self, number: u32) -> Self {
        self.0[AT..AT + 2].copy_from_slice(&PAIRS[usize::try_from(number % 100).unwrap_or_default()]);
        self
    }
}

impl Basic {
    /// The text for `at`, a moment of the years 0 to 9999.
    #[must_use]
    pub fn of(at: DateTime<Utc>) -> Self {
        let [century, year, month, day, hour, minute, second] = numbers(at);
        let day = Self::form(b"yyyymmddThhmmssZ").put::<0>(century).put::<2>(year).put::<4>(month).put::<6>(day);
        day.put::<9>(hour).put::<11>(minute).put::<13>(second)
    }
}

impl Extended {
    /// The text for `at`, a moment of the years 0 to 9999.
    #[must_use]
    pub fn of(at: DateTime<Utc>) -> Self {
        let [century, year, month, day, hour, minute, second] = numbers(at);
        let day = Self::form(b"yyyy-mm-ddThh:mm:ssZ").put::<0>(century).put::<2>(year).put::<5>(month).put::<8>(day);
        day.put::<11>(hour).put::<14>(minute).put::<17>(second)
    }
}

impl Precise {
    /// The text for `at`, a moment of the years 0 to 9999.
    #[must_use]
    pub fn of(at: DateTime<Utc>) -> Self {
        let millis = at.timestamp_subsec_millis().min(999);
        let mut text = Self::form(b"yyyy-mm-ddThh:mm:ss.mmmZ");
        text.0[..19].copy_from_slice(&Extended::of(at).0[..19]);
        // The last digit of the one pair and the first of the other are the same.
        text.put::<20>(millis / 10).put::<21>(millis % 100)
    }
}

/// Each of two digits. In UTC there is no offset to be looked at.
#[inline]
fn numbers(at: DateTime<Utc>) -> [u32; 7] {
    let at = at.naive_utc();
    let (day, second) = (at.date(), at.time().num_seconds_from_midnight());
    let year = day.year().unsigned_abs();
    [year / 100, year % 100, day.month(), day.day(), second / 3600, second / 60 % 60, second % 60]
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn everything_has_two_digits_and_there_is_no_fraction() {
        assert_eq!(Basic::of("2025-02-03T04:05:06Z".parse().unwrap()).as_str(), "20250203T040506Z");
        assert_eq!(Extended::of("2025-12-31T23:59:59.9Z".parse().unwrap()).as_str(), "2025-12-31T23:59:59Z");
    }

    proptest! {
        #[test]
        fn a_general_formatter_writes_the_same(
            seconds in -62_167_219_200_i64..253_402_300_800,
            nanos in 0_u32..1_000_000_000,
        ) {
            let at = DateTime::from_timestamp(seconds, nanos).unwrap();
            let (basic, extended, precise) = (Basic::of(at), Extended::of(at), Precise::of(at));
            prop_assert_eq!(precise.as_str(), at.to_rfc3339_opts(SecondsFormat::Millis, true));
            prop_assert_eq!(basic.as_str(), at.format("%Y%m%dT%H%M%SZ").to_string());
            prop_assert_eq!(extended.as_str(), at.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
    }
}
