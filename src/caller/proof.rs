//! What a request brings along to say who sent it. Nothing in it is verified, and nothing prints it.

use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;

use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::unauthenticated::{Duplicate, Unauthenticated};

/// The header by which a browser says what kind of page asks; no script can set it (W3C Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The schemes of `Authorization` that a browser repeats by itself, whichever site's page asks.
const REPEATED_BY_BROWSERS: [&str; 4] = ["basic", "digest", "negotiate", "ntlm"];

/// What a request brings along.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// Its headers.
    pub unverified_headers: &'a HeaderMap,
    /// The host and port that its target names, as that of HTTP/2 does; else its `Host` is looked at.
    pub authority: Option<&'a str>,
    /// The address at the other end of the connection, proxy or not.
    pub peer: Option<IpAddr>,
}

impl<'a> Proof<'a> {
    /// The value of the header `name`, which must not occur twice. What is not ASCII is read as empty.
    pub(super) fn header(&self, name: &HeaderName) -> Result<Option<&'a str>, Unauthenticated> {
        Ok(self.only(name)?.map(text))
    }

    /// The same, as it came.
    pub(super) fn only(&self, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Unauthenticated> {
        let mut values = self.unverified_headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Unauthenticated::Duplicate(Duplicate::Header(name.to_string()))),
            (first, None) => Ok(first),
        }
    }

    /// The value of the cookie `name`, which must not occur twice: one of them may be another site's doing.
    pub(super) fn cookie(&self, name: &str) -> Result<Option<&'a str>, Unauthenticated> {
        let mut values = self.cookies().filter(|(known, _)| *known == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Unauthenticated::Duplicate(Duplicate::Cookie(name.to_owned()))),
            (first, None) => Ok(first),
        }
    }

    /// Whether the request is from a page of our own origin, or of one of `listed`. A browser sends cookies whoever made
    /// the page; this is what keeps other sites from using them.
    ///
    /// `Origin` decides. A browser leaves it out only with a GET of a page's own origin, and then says `same-origin` in
    /// `Sec-Fetch-Site`; what says neither is no page that we know.
    pub(super) fn is_of_trusted_page(&self, listed: &[String]) -> Result<bool, Unauthenticated> {
        let site = self.header(&SEC_FETCH_SITE)?;
        Ok(match self.header(&ORIGIN)? {
            Some(origin) if listed.iter().any(|listed| listed == origin) => true,
            Some(origin) => self.is_own(origin) && site.is_none_or(|site| site == "same-origin"),
            None => site == Some("same-origin"),
        })
    }

    /// Whether the request is from no page at all, as far as a browser would say so, or from a page that is trusted. It is
    /// for proofs that something else than the page adds, such as an authenticating proxy: SDKs and mobile apps behind it
    /// send neither `Origin` nor `Sec-Fetch-Site`.
    ///
    /// `same-origin` is enough here, whatever `Host` says: a proxy may have rewritten that. A navigation (`none`) is
    /// refused: it is no request of a page, and its answer would be left in a tab and in the history.
    pub(super) fn is_of_no_foreign_page(&self, listed: &[String]) -> Result<bool, Unauthenticated> {
        Ok(match (self.header(&ORIGIN)?, self.header(&SEC_FETCH_SITE)?) {
            (None, None) | (_, Some("same-origin")) => true,
            _ => self.is_of_trusted_page(listed)?,
        })
    }

    fn is_own(&self, origin: &str) -> bool {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.zip(self.host()).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
    }

    /// The host that the request was sent to, with its port if that was said.
    fn host(&self) -> Option<&'a str> {
        let mut hosts = self.unverified_headers.get_all(HOST).iter();
        let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok());
        self.authority.or(host)
    }

    /// HTTP/2 may send each cookie in a header of its own (RFC 9113 §8.2.3).
    fn cookies(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let headers = self.unverified_headers.get_all(COOKIE).iter();
        let pairs = headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('='))
    }
}

/// The value of a header; what is not ASCII is read as empty.
pub(super) fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// Whether a browser may have added this `Authorization` by itself.
pub(super) fn is_repeated_by_browsers(authorization: &HeaderValue) -> bool {
    let scheme = text(authorization).split(' ').next().unwrap_or_default();
    REPEATED_BY_BROWSERS.iter().any(|repeated| repeated.eq_ignore_ascii_case(scheme))
}

impl Debug for Proof<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("authority", &self.authority).field("peer", &self.peer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn many(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn proof(headers: &HeaderMap) -> Proof<'_> {
        Proof { unverified_headers: headers, authority: Some("vend.example.com"), peer: None }
    }

    #[test]
    fn a_cookie_is_found_in_any_header_and_only_once() {
        let split = many(&[("cookie", "a=1; session=x=y"), ("cookie", "b=2")]);
        assert_eq!(proof(&split).cookie("session"), Ok(Some("x=y")));
        assert_eq!(proof(&split).cookie("b"), Ok(Some("2")));
        assert_eq!(proof(&split).cookie("ession"), Ok(None));
        for twice in [&[("cookie", "s=1; s=2")][..], &[("cookie", "s=1"), ("cookie", "s=1")]] {
            let expected = Unauthenticated::Duplicate(Duplicate::Cookie("s".into()));
            assert_eq!(proof(&many(twice)).cookie("s"), Err(expected));
        }
    }

    #[test]
    fn only_our_own_pages_and_those_of_listed_origins_use_cookies() {
        let listed = ["https://app.example.com".to_owned()];
        for (pairs, expected) in [
            (&[("origin", "https://app.example.com")][..], true),
            (&[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")], true),
            (&[("origin", "https://vend.example.com")], true),
            (&[("origin", "https://vend.example.com"), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "http://vend.example.com"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://vend.example.com:8443")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "https://app.example.com.evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], false),
            (&[], false),
        ] {
            assert_eq!(proof(&headers(pairs)).is_of_trusted_page(&listed), Ok(expected), "{pairs:?}");
        }
    }

    #[test]
    fn a_proof_that_something_else_adds_is_kept_from_foreign_pages_alone() {
        let listed = ["https://app.example.com".to_owned()];
        for (pairs, expected) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "https://vend.example.com")], true),
            (&[("origin", "https://behind.example.com"), ("sec-fetch-site", "same-origin")], true),
            (&[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")], true),
            (&[("origin", "https://app.example.com")], true),
            (&[("origin", "https://vend.example.com"), ("sec-fetch-site", "same-site")], false),
            (&[("origin", "https://a.example.com")], false),
            (&[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "")], false),
            (&[("sec-fetch-site", "Same-Origin")], false),
        ] {
            assert_eq!(proof(&headers(pairs)).is_of_no_foreign_page(&listed), Ok(expected), "{pairs:?}");
        }
        for name in ["origin", "sec-fetch-site"] {
            let twice = many(&[(name, "https://app.example.com"), (name, "https://app.example.com")]);
            let expected = Err(Unauthenticated::Duplicate(Duplicate::Header(name.to_owned())));
            assert_eq!(proof(&twice).is_of_no_foreign_page(&listed), expected);
        }
    }

    #[test]
    fn logins_of_http_itself_are_repeated_by_browsers_and_tokens_are_not() {
        for (value, expected) in [
            ("Basic dXNlcjpwYXNz", true),
            ("bAsIc dXNlcjpwYXNz", true),
            ("Digest username=u", true),
            ("Negotiate YII", true),
            ("NTLM", true),
            ("Bearer t", false),
            ("Token t", false),
            ("", false),
        ] {
            assert_eq!(is_repeated_by_browsers(&HeaderValue::from_static(value)), expected, "{value:?}");
        }
    }

    #[test]
    fn debug_shows_no_header() {
        let headers = headers(&[("authorization", "Bearer hush"), ("cookie", "s=hush")]);
        assert_eq!(format!("{:?}", proof(&headers)), "Proof { authority: Some(\"vend.example.com\"), peer: None, .. }");
    }
}
