//! Which pages of other origins may ask and read answers (CORS, the Fetch standard). With none configured no header is
//! sent, and a browser lets only pages of our own origin read.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::problem::Problem;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
/// What a page may send that a form could not.
const REQUEST_HEADERS: &str = "authorization, content-type, x-request-id";
/// What a page may read besides the body.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("x-request-id, retry-after, ratelimit, ratelimit-policy, x-oss-vend-expiration");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const VARY: HeaderValue = HeaderValue::from_static("origin");
const VARY_OF_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// The pages that may ask.
#[derive(Debug)]
pub struct Cors {
    any: bool,
    exact: Vec<String>,
    patterns: Vec<Pattern>,
    request_headers: HeaderValue,
    credentials: bool,
    max_age: u64,
}

/// What a page may do with the response to its request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Readable {
    /// The value of `Access-Control-Allow-Origin`.
    pub(super) origin: HeaderValue,
    /// Whether its browser may send what it adds by itself, such as cookies. Never for the origins of a pattern: any of
    /// their names may be given to others, and whatever proof the visitor has would be used in the visitor's name.
    pub(super) with_credentials: bool,
}

/// `https://*.example.com`, parted at the star.
#[derive(Debug)]
struct Pattern {
    scheme: String,
    domain: String,
}

impl Cors {
    /// Pages of `origins`, which are exact or `*` alone, and of `patterns`, each with one star in place of one label.
    /// They may send `headers` besides those that we know ourselves.
    #[must_use]
    pub fn new(
        origins: Vec<String>,
        patterns: &[String],
        headers: &[String],
        credentials: bool,
        max_age: Duration,
    ) -> Self {
        let parted = |pattern: &String| {
            let (scheme, domain) = pattern.split_once('*')?;
            Some(Pattern { scheme: scheme.to_owned(), domain: domain.to_owned() })
        };
        let any = origins.iter().any(|origin| origin == "*");
        let patterns = patterns.iter().filter_map(parted).collect();
        let more = headers.iter().map(|name| format!(", {}", name.to_ascii_lowercase()));
        let request_headers = HeaderValue::from_str(&more.fold(REQUEST_HEADERS.to_owned(), |all, one| all + &one))
            .unwrap_or(HeaderValue::from_static(REQUEST_HEADERS));
        // Whatever a browser adds by itself is not for any page there is.
        let (credentials, max_age) = (credentials && !any, max_age.as_secs());
        Self { any, exact: origins, patterns, request_headers, credentials, max_age }
    }

    /// The answer to a request that only asks whether another may be sent; `None` if this is none.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Result<Response<Bytes>, Problem>> {
        let asks = method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || !headers.contains_key(header::ORIGIN) {
            return None;
        }
        Some(match self.allowed(headers) {
            Some(_) => Ok(self.permission()),
            None => Err(not_allowed().header("vary", VARY_OF_PREFLIGHT)),
        })
    }

    fn permission(&self) -> Response<Bytes> {
        let mut permission = Response::default();
        *permission.status_mut() = StatusCode::NO_CONTENT;
        permission.headers_mut().extend([
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, self.request_headers.clone()),
            (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age)),
            (header::VARY, VARY_OF_PREFLIGHT),
        ]);
        permission
    }

    /// What the page that sent a request with these headers may do with the response, if it may read it at all.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<Readable> {
        if self.any {
            return Some(Readable { origin: ANY, with_credentials: false });
        }
        let mut given = headers.get_all(header::ORIGIN).iter();
        let (origin, None) = (given.next()?, given.next()) else { return None };
        let is_exact = self.exact.iter().any(|exact| exact == origin);
        let fits = || origin.to_str().is_ok_and(|origin| self.patterns.iter().any(|pattern| pattern.names(origin)));
        (is_exact || fits())
            .then(|| Readable { origin: origin.clone(), with_credentials: self.credentials && is_exact })
    }

    /// Lets the page that may read `response` do so. Whether a page may depends on its origin, so caches have to know
    /// of that even where the answer is to nobody's.
    pub(super) fn mark(&self, allowed: Option<Readable>, response: &mut HeaderMap) {
        if !self.any && (!self.exact.is_empty() || !self.patterns.is_empty()) && !names_origin(response) {
            response.append(header::VARY, VARY);
        }
        let Some(Readable { origin, with_credentials }) = allowed else { return };
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if with_credentials {
            response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
    }
}

impl Pattern {
    /// One label, as names of hosts have them: never none, never a dot.
    fn names(&self, origin: &str) -> bool {
        let label = origin.strip_prefix(&*self.scheme).and_then(|rest| rest.strip_suffix(&*self.domain));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        label.is_some_and(|label| (1..=63).contains(&label.len()) && label.bytes().all(plain))
    }
}

fn names_origin(response: &HeaderMap) -> bool {
    response.get(header::VARY) == Some(&VARY_OF_PREFLIGHT)
}

fn not_allowed() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "cors_origin_not_allowed", "pages of this origin may not ask here")
        .hint("the origins that may stand in cors.origins, exactly as the browser sends them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], patterns: &[&str], credentials: bool) -> Cors {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Cors::new(owned(origins), &owned(patterns), &[], credentials, Duration::from_mins(10))
    }

    fn from(origins: &[&str]) -> HeaderMap {
        origins.iter().map(|origin| (header::ORIGIN, HeaderValue::from_str(origin).unwrap())).collect()
    }

    #[track_caller]
    fn each(cors: &Cors, good: &[&str], bad: &[&str]) {
        for origin in good {
            assert_eq!(cors.allowed(&from(&[origin])).unwrap().origin, origin);
        }
        for origin in bad {
            assert_eq!(cors.allowed(&from(&[origin])), None, "{origin}");
        }
    }

    #[test]
    fn an_origin_is_compared_whole() {
        let bad = [
            "",
            "null",
            "*",
            "http://app.example.com",
            "https://app.example.com:443",
            "https://app.example.com/",
            "https://app.example.com.evil.example",
            "https://evil.example/https://app.example.com",
            "https://APP.example.com",
            "https://app.example.co",
        ];
        each(&cors(&["https://app.example.com"], &[], false), &["https://app.example.com"], &bad);
        each(&cors(&[], &[], true), &[], &["https://app.example.com", "null", ""]);
    }

    #[test]
    fn a_pattern_takes_one_label_of_its_own_scheme_and_port() {
        let good = ["https://a.example.com", "https://xn--fiq-2.example.com"];
        let bad = [
            "https://example.com",
            "https://.example.com",
            "https://a.b.example.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://evil.example#.example.com",
            "https://evil.example/.example.com",
            "https://user@.example.com",
            "https://aexample.com",
            "https://a.example.com.evil.example",
            "null",
        ];
        each(&cors(&[], &["https://*.example.com"], false), &good, &bad);
        each(&cors(&[], &["http://*.localhost:5173"], false), &["http://a.localhost:5173"], &["http://a.localhost"]);
    }

    #[test]
    fn only_exact_origins_are_allowed_credentials() {
        let cors = cors(&["https://app.example.com"], &["https://*.example.com"], true);
        for (origin, expected) in [("https://app.example.com", true), ("https://other.example.com", false)] {
            assert_eq!(cors.allowed(&from(&[origin])).unwrap().with_credentials, expected, "{origin}");
        }
    }

    #[test]
    fn two_origins_are_none() {
        let cors = cors(&["https://app.example.com"], &[], false);
        assert_eq!(cors.allowed(&from(&["https://app.example.com", "https://app.example.com"])), None);
    }

    #[test]
    fn every_page_is_never_every_page_with_cookies() {
        let cors = cors(&["*"], &[], true);
        let mut headers = HeaderMap::new();
        cors.mark(cors.allowed(&from(&["https://a.example"])), &mut headers);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        assert!(!headers.contains_key(header::VARY), "the answer is the same for all");
    }

    #[test]
    fn what_depends_on_the_origin_says_so_also_where_there_is_none() {
        let configured = cors(&["https://app.example.com"], &[], true);
        for headers in [HeaderMap::new(), from(&["https://app.example.com"]), from(&["https://evil.example"])] {
            let mut response = HeaderMap::new();
            configured.mark(configured.allowed(&headers), &mut response);
            assert_eq!(response[header::VARY], "origin");
        }
        let mut response = HeaderMap::new();
        cors(&[], &[], false).mark(None, &mut response);
        assert!(response.is_empty(), "with nothing configured nothing is said");
    }
}
