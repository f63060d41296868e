//! Which pages may order callbacks.
//!
//! The keys of `dev` are public, so any page that a developer's browser shows can sign an upload to the emulator. With a
//! callback it could send requests to servers on the developer's machine and read their answers. So a request that a
//! browser sent for a page orders a callback only if the page is one of `dev`'s own, or of an origin that is configured.
//! The emulator's own origin is not among them: any page can upload a page to it.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::super::super::error::OssError;
use super::super::super::loopback;
use super::super::super::wire;
use super::super::head::Head;

/// The pages that may order callbacks.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Where pages are served on this machine.
    pub(super) address: Option<SocketAddr>,
    /// Exact origins of others.
    pub(super) origins: Vec<String>,
}

impl Pages {
    /// Refuses a request that a browser sent for a page of any other origin.
    pub(super) fn check(&self, head: &Head) -> Result<(), OssError> {
        let mut origins = wire::values(&head.headers, "origin").peekable();
        if origins.peek().is_none() {
            return match wire::values(&head.headers, "sec-fetch-site").find(|site| site != "none") {
                Some(_) => Err(refused("unknown")),
                None => Ok(()),
            };
        }
        match origins.find(|origin| !self.has(origin, &head.host)) {
            Some(foreign) => Err(refused(&foreign)),
            None => Ok(()),
        }
    }

    fn has(&self, origin: &str, host: &str) -> bool {
        self.origins.iter().any(|known| known.trim_end_matches('/').eq_ignore_ascii_case(origin))
            || self.serves(origin, host)
    }

    /// A page is served here if its host is a name of this machine, or the very address by which the emulator was reached,
    /// and its port the one of the pages. A name could have been made to lead here, an address could not.
    fn serves(&self, origin: &str, host: &str) -> bool {
        let (Some(address), Ok(url)) = (self.address, Url::parse(origin)) else { return false };
        let reached = loopback::without_port(host).parse::<IpAddr>().ok();
        let is_here = match url.host() {
            Some(Host::Domain(name)) => loopback::is_loopback(name),
            Some(Host::Ipv4(page)) => page.is_loopback() || reached == Some(page.into()),
            Some(Host::Ipv6(page)) => page.is_loopback() || reached == Some(page.into()),
            None => false,
        };
        is_here && url.port_or_known_default() == Some(address.port())
    }
}

fn refused(origin: &str) -> OssError {
    let message = format!(
        "The emulator takes no upload callback from a page of another origin ({origin}): the page could reach servers on this \
         machine through it. Serve the page by oss-vend dev (--static-dir), or allow its origin with --callback-origin."
    );
    OssError::access_denied(message).with("Origin", origin)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn taken(host: &str, headers: &[(&str, &str)]) -> bool {
        let pages = Pages {
            address: Some("127.0.0.1:8000".parse().unwrap()),
            origins: vec!["https://app.example.com".to_owned()],
        };
        let request = Request::put("/b/a").header("host", host);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        pages.check(&Head::of(request.body(()).unwrap().into_parts().0)).is_ok()
    }

    #[test]
    fn a_page_of_another_origin_is_refused_whatever_name_it_has() {
        for (host, origin, expected) in [
            ("127.0.0.1:9000", "http://127.0.0.1:8000", true),
            ("127.0.0.1:9000", "http://localhost:8000", true),
            ("127.0.0.1:9000", "http://[::1]:8000", true),
            ("examplebucket.localhost:9000", "http://app.localhost:8000", true),
            ("192.168.1.5:9000", "http://192.168.1.5:8000", true),
            ("127.0.0.1:9000", "https://app.example.com", true),
            ("127.0.0.1:9000", "https://app.example.com:444", false),
            ("127.0.0.1:9000", "http://app.example.com", false),
            ("127.0.0.1:9000", "http://192.168.1.5:8000", false),
            ("192.168.1.5:9000", "http://192.168.1.5:8001", false),
            ("127.0.0.1:9000", "http://127.0.0.1:9000", false),
            ("127.0.0.1:9000", "http://127.0.0.1:5173", false),
            ("evil.example:8000", "http://evil.example:8000", false),
            ("127.0.0.1.evil.example:8000", "http://127.0.0.1.evil.example:8000", false),
            ("127.0.0.1:9000", "http://localhost@evil.example:8000", false),
            ("127.0.0.1:9000", "http://localhost.:8000", false),
            ("127.0.0.1:9000", "http://0.0.0.0:8000", false),
            ("127.0.0.1:9000", "null", false),
            ("127.0.0.1:9000", "file://", false),
            ("127.0.0.1:9000", "*", false),
            ("127.0.0.1:9000", "", false),
        ] {
            assert_eq!(taken(host, &[("origin", origin)]), expected, "{origin} at {host}");
        }
    }

    #[test]
    fn what_no_page_sent_is_taken() {
        let host = "127.0.0.1:9000";
        assert!(taken(host, &[]));
        assert!(taken(host, &[("sec-fetch-site", "none")]));
        for site in ["cross-site", "same-site", "same-origin", ""] {
            assert!(!taken(host, &[("sec-fetch-site", site)]), "{site}");
        }
        let own = ("origin", "http://127.0.0.1:8000");
        assert!(!taken(host, &[own, ("origin", "http://evil.example")]));
        assert!(taken(host, &[own, ("sec-fetch-site", "same-site")]));
    }
}
