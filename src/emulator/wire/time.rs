//! The spellings of time on the wire. Each reader takes exactly one spelling: what it would not print itself, it refuses.

use axum::http::HeaderValue;
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};

/// `2025-02-14T08:09:10Z`, with or without a fraction of a second (ali-oss sends milliseconds).
pub(crate) fn iso8601(text: &str) -> Option<DateTime<Utc>> {
    let fraction = text.get(19..)?.strip_suffix('Z')?;
    let whole = exact(text.get(..19)?, "%Y-%m-%dT%H:%M:%S")?;
    match fraction.strip_prefix('.') {
        None if fraction.is_empty() => Some(whole),
        Some(digits) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(whole),
        _ => None,
    }
}

/// `20250214T080910Z`, as V4 writes `x-oss-date`.
pub(crate) fn compact(text: &str) -> Option<DateTime<Utc>> {
    exact(text, "%Y%m%dT%H%M%SZ")
}

/// `Fri, 14 Feb 2025 08:09:10 GMT`, as V1 and HTTP write a date.
pub(crate) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    exact(text, HTTP_DATE)
}

/// Prints what [`http_date`] reads.
pub(crate) fn to_http_date(time: DateTime<Utc>) -> String {
    time.format(HTTP_DATE).to_string()
}

/// The value of a `Date` header.
pub(crate) fn http_date_value(time: DateTime<Utc>) -> HeaderValue {
    HeaderValue::try_from(to_http_date(time)).expect("a date is printed in visible ASCII")
}

/// Prints what [`iso8601`] reads, without a fraction.
pub(crate) fn to_iso8601(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

fn exact(text: &str, format: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(text, format).ok()?.and_utc();
    ((0..=9999).contains(&time.year()) && time.format(format).to_string() == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_reader_takes_its_own_spelling_only() {
        let moment = DateTime::from_timestamp(1_739_520_550, 0);
        assert_eq!(iso8601("2025-02-14T08:09:10Z"), moment);
        assert_eq!(iso8601("2025-02-14T08:09:10.123Z"), moment);
        assert_eq!(compact("20250214T080910Z"), moment);
        assert_eq!(http_date("Fri, 14 Feb 2025 08:09:10 GMT"), moment);
        for odd in ["2025-02-14T08:09:10", "2025-2-14T08:09:10Z", "2025-02-14T08:09:10.Z", "2025-02-14 08:09:10Z"] {
            assert_eq!(iso8601(odd), None, "{odd}");
        }
        assert_eq!(compact("20250214T080910"), None);
        assert_eq!(http_date("Mon, 14 Feb 2025 08:09:10 GMT"), None, "the weekday is wrong");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in ".{0,40}") {
            let _ = (iso8601(&text), compact(&text), http_date(&text));
        }
    }
}
