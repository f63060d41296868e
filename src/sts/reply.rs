//! An answer as it came, before anything in it is believed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{AGE, DATE, HeaderMap, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::error::{Flaw, StsError};

/// Status, the headers that matter, and the body.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) notes: Notes,
    /// Absent when it was longer than any answer of STS.
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
}

/// What the headers of an answer say.
#[derive(Default)]
pub(super) struct Notes {
    /// STS's clock; absent if a cache has kept the answer, and the date with it.
    pub(super) date: Option<DateTime<Utc>>,
    /// How long to leave STS alone.
    pub(super) retry_after: Option<Duration>,
    /// Whether STS's own throttling header is there; the SDKs go by it whatever the code.
    pub(super) throttled: bool,
}

const X_ACS_RETRY_AFTER: HeaderName = HeaderName::from_static("x-acs-retry-after");

/// No pause that STS asks for is longer: a wrong number must not silence us for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

impl Reply {
    /// The body as a `T`. The words of a parse error are dropped: they repeat the text, which may be a secret.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Flaw> {
        let body = self.body.as_ref().ok_or(Flaw::TooLong)?;
        serde_json::from_slice(body).map_err(|_| Flaw::NotJson)
    }

    /// The error for an answer that is not as STS answers.
    pub(super) fn invalid(&self, flaw: Flaw) -> StsError {
        StsError::InvalidAnswer { status: self.status.as_u16(), flaw }
    }
}

impl Notes {
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let date = only(headers, &DATE).filter(|_| !headers.contains_key(AGE));
        let date = date.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        let millis = number(headers, &X_ACS_RETRY_AFTER).map(Duration::from_millis);
        let retry_after = millis.or_else(|| number(headers, &RETRY_AFTER).map(Duration::from_secs));
        Self {
            date: date.map(|date| date.to_utc()),
            retry_after: retry_after.map(|pause| pause.min(MAX_RETRY_AFTER)),
            throttled: millis.is_some(),
        }
    }
}

/// A positive whole number; zero says nothing.
fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    only(headers, name)?.parse().ok().filter(|number| *number > 0)
}

/// The value of a header that occurs exactly once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

#[cfg(test)]
impl Reply {
    /// A reply with `headers` given as lines.
    pub(super) fn new(status: StatusCode, headers: &str, body: impl Into<Vec<u8>>) -> Self {
        let pairs = headers.lines().filter_map(|line| line.split_once(": "));
        let headers = pairs.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| _ = map.append(name, value));
        Self { status, notes: Notes::new(&map), body: Some(Zeroizing::new(body.into())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(headers: &str) -> Notes {
        Reply::new(StatusCode::OK, headers, "").notes
    }

    #[test]
    fn a_pause_is_read_from_either_header_and_bounded() {
        for (headers, pause, throttled) in [
            ("", None, false),
            ("x-acs-retry-after: 1500", Some(Duration::from_millis(1500)), true),
            ("retry-after: 2", Some(Duration::from_secs(2)), false),
            ("x-acs-retry-after: 10\nretry-after: 2", Some(Duration::from_millis(10)), true),
            ("x-acs-retry-after: 0", None, false),
            ("x-acs-retry-after: -1", None, false),
            ("x-acs-retry-after: 18446744073709551615", Some(MAX_RETRY_AFTER), true),
            ("x-acs-retry-after: 1\nx-acs-retry-after: 2", None, false),
            ("retry-after: Wed, 21 Oct 2026 07:28:00 GMT", None, false),
        ] {
            let notes = notes(headers);
            assert_eq!((notes.retry_after, notes.throttled), (pause, throttled), "{headers}");
        }
    }

    #[test]
    fn the_date_is_read_when_it_occurs_once_and_no_cache_has_kept_it() {
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(notes(date).date, Some("1994-11-06T08:49:37Z".parse().unwrap()));
        assert_eq!(notes(&format!("{date}\n{date}")).date, None);
        assert_eq!(notes(&format!("{date}\nage: 600")).date, None);
        for garbage in ["now", "", "0", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"] {
            assert_eq!(notes(&format!("date: {garbage}")).date, None, "{garbage}");
        }
    }
}
