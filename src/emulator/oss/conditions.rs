//! The four conditions a read may carry, and the range it asks for.

use std::ops::RangeInclusive;

use super::super::error::OssError;
use super::super::store::Facts;
use super::super::wire::http_date;

/// The conditions of a read or of a copy's source.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    pub(super) matches: Option<String>,
    pub(super) none_match: Option<String>,
    pub(super) modified_since: Option<String>,
    pub(super) unmodified_since: Option<String>,
}

/// Whether an object is to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Send,
    NotModified,
}

impl Conditions {
    /// Holds the conditions against an object; dates that cannot be read are passed over. `PreconditionFailed` wins.
    pub(super) fn judge(&self, facts: &Facts) -> Result<Verdict, OssError> {
        if self.matches.as_deref().is_some_and(|wanted| !names(wanted, &facts.etag)) {
            return Err(OssError::precondition_failed("If-Match"));
        }
        let modified_after = |text: &Option<String>| {
            http_date(text.as_deref()?).map(|date| facts.modified.timestamp() > date.timestamp())
        };
        if modified_after(&self.unmodified_since) == Some(true) {
            return Err(OssError::precondition_failed("If-Unmodified-Since"));
        }
        let known = self.none_match.as_deref().is_some_and(|held| names(held, &facts.etag));
        if known || modified_after(&self.modified_since) == Some(false) {
            Ok(Verdict::NotModified)
        } else {
            Ok(Verdict::Send)
        }
    }
}

/// Whether a list of `ETag`s, quoted or not, names this one.
fn names(list: &str, etag: &str) -> bool {
    list.split(',')
        .map(|item| item.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|item| item == "*" || item.eq_ignore_ascii_case(etag))
}

/// The bytes that a `Range` asks for, or `None` for the whole.
///
/// OSS sends the whole object for a range that is not quite within it. Only with `x-oss-range-behavior: standard` does
/// it cut such a range to the object, and refuse one that lies outside. More than one range is never honoured.
pub(super) fn range(header: &str, size: u64, standard: bool) -> Result<Option<RangeInclusive<u64>>, OssError> {
    let Some(wanted) = header.strip_prefix("bytes=").and_then(Wanted::parse) else {
        return Ok(None);
    };
    let last = size.saturating_sub(1);
    let (range, exact) = match wanted {
        Wanted::Between(first, end) => (first..=end.min(last), end < size),
        Wanted::From(first) => (first..=last, true),
        Wanted::Last(count) => (size.saturating_sub(count)..=last, count <= size),
    };
    let outside = *range.start() >= size;
    if standard && outside {
        return Err(OssError::invalid_range());
    }
    Ok(Some(range).filter(|_| standard || (exact && !outside)))
}

/// A range as it is written.
enum Wanted {
    Between(u64, u64),
    From(u64),
    Last(u64),
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once('-')? {
            ("", count) => number(count).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => Some((number(first)?, number(last)?))
                .filter(|(first, last)| first <= last)
                .map(|(first, last)| Self::Between(first, last)),
        }
    }
}

/// Reads digits alone; more than fit mean the end.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::super::super::store::Kind;
    use super::*;

    const BEFORE: &str = "Fri, 14 Feb 2025 08:09:09 GMT";
    const AT: &str = "Fri, 14 Feb 2025 08:09:10 GMT";

    fn judge(matches: &str, none_match: &str, modified: &str, unmodified: &str) -> &'static str {
        let modified_at = http_date(AT).expect("a date") + TimeDelta::milliseconds(500);
        let facts = Facts {
            etag: "ABC".to_owned(),
            content_md5: None,
            crc64: 0,
            kind: Kind::Normal,
            modified: modified_at,
            version: None,
            restored: None,
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let conditions = Conditions {
            matches: some(matches),
            none_match: some(none_match),
            modified_since: some(modified),
            unmodified_since: some(unmodified),
        };
        match conditions.judge(&facts) {
            Ok(Verdict::Send) => "send",
            Ok(Verdict::NotModified) => "304",
            Err(_) => "412",
        }
    }

    #[test]
    fn conditions_are_held_against_tag_and_date() {
        for (matches, none_match, modified, unmodified, expected) in [
            ("", "", "", "", "send"),
            ("\"ABC\"", "", "", "", "send"),
            ("\"X\", abc", "", "", "", "send"),
            ("*", "", "", "", "send"),
            ("\"X\"", "", "", "", "412"),
            ("", "\"X\"", "", "", "send"),
            ("", "ABC", "", "", "304"),
            ("", "", BEFORE, "", "send"),
            ("", "", AT, "", "304"),
            ("", "", "yesterday", "", "send"),
            ("", "", "", AT, "send"),
            ("", "", "", BEFORE, "412"),
            ("\"X\"", "ABC", AT, "", "412"),
        ] {
            let judged = judge(matches, none_match, modified, unmodified);
            assert_eq!(judged, expected, "{matches} {none_match} {modified} {unmodified}");
        }
    }

    fn shown(header: &str, standard: bool) -> String {
        match range(header, 1000, standard) {
            Ok(Some(range)) => format!("{}-{}", range.start(), range.end()),
            Ok(None) => "whole".to_owned(),
            Err(error) => error.code.to_owned(),
        }
    }

    #[test]
    fn ranges_are_exact_or_passed_over_unless_the_standard_is_asked_for() {
        for (header, as_is, standard) in [
            ("bytes=0-499", "0-499", "0-499"),
            ("bytes=999-999", "999-999", "999-999"),
            ("bytes=500-", "500-999", "500-999"),
            ("bytes=-500", "500-999", "500-999"),
            ("bytes=-1000", "0-999", "0-999"),
            ("bytes=-2000", "whole", "0-999"),
            ("bytes=0-1000", "whole", "0-999"),
            ("bytes=1000-2000", "whole", "InvalidRange"),
            ("bytes=1000-", "whole", "InvalidRange"),
            ("bytes=-0", "whole", "InvalidRange"),
            ("bytes=500-400", "whole", "whole"),
            ("bytes=0-1,5-9", "whole", "whole"),
            ("bytes=-", "whole", "whole"),
            ("bytes=a-b", "whole", "whole"),
            ("bytes=+1-2", "whole", "whole"),
            ("byte=0-499", "whole", "whole"),
            ("bytes=0-99999999999999999999", "whole", "0-999"),
        ] {
            assert_eq!(shown(header, false), as_is, "{header}");
            assert_eq!(shown(header, true), standard, "{header}, standard");
        }
    }

    proptest! {
        #[test]
        fn a_range_always_lies_within_the_object(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size: u64, standard: bool) {
            if let Ok(Some(range)) = range(&header, size, standard) {
                prop_assert!(range.start() <= range.end() && *range.end() < size);
            }
        }
    }
}
