//! Which values of `Host` are answered: a defence against DNS rebinding.
//!
//! A page of any site can have its own name resolve to 127.0.0.1. Its requests then reach a server on this machine, and
//! the browser takes the answers for the site's own. Only `Host` still carries the site's name.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};

use super::problem::Problem;

/// The hosts that requests may be sent to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum AllowedHosts {
    /// Any host, and requests without one.
    #[default]
    Any,
    /// IP addresses, `localhost` and names below it, which no other site can have.
    Local,
    /// The hosts of the setting `hosts`.
    Listed(Vec<Host>),
}

/// A host without its port. Two are equal if they differ in case or in a final dot alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Host {
    /// An IP address, whose brackets are left out.
    Address(IpAddr),
    /// A name in lower case, without a final dot.
    Name(Box<str>),
}

impl Host {
    /// Reads a host without a port; an address of IPv6 may stand in brackets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            return rest.strip_suffix(']')?.parse().ok().map(|address: Ipv6Addr| Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = name.parse() {
            return Some(Self::Address(address));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let valid = !name.is_empty() && !name.starts_with('.') && !name.ends_with('.') && name.bytes().all(plain);
        valid.then(|| Self::Name(name.to_ascii_lowercase().into()))
    }

    /// Reads `host[:port]` (RFC 9110 §7.2). Anything else in it, such as user information, makes it no host.
    fn of_authority(text: &str) -> Option<Self> {
        let (host, port) = match text.rfind(':').filter(|at| !text[*at..].contains(']')) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, ""),
        };
        // Without brackets a colon in what is left would be that of an address of IPv6, which needs them here.
        let valid = port.bytes().all(|byte| byte.is_ascii_digit()) && (host.starts_with('[') || !host.contains(':'));
        if valid { Self::parse(host) } else { None }
    }

    /// Whether no other site can have this host.
    fn is_local(&self) -> bool {
        match self {
            Self::Address(_) => true,
            Self::Name(name) => &**name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

impl AllowedHosts {
    /// Refuses a request that was sent to another host, to none, or to several. `Host` and the host in the target
    /// (`:authority` of HTTP/2, or an absolute target) have to agree where both are there. `X-Forwarded-Host` is never
    /// read: a page can set it.
    pub(super) fn check(&self, head: &Parts) -> Result<(), Problem> {
        let allows = |host: &Host| match self {
            Self::Any => true,
            Self::Local => host.is_local(),
            Self::Listed(hosts) => hosts.contains(host),
        };
        if matches!(self, Self::Any) || host(head).is_some_and(|host| allows(&host)) {
            return Ok(());
        }
        let problem = Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "host_not_allowed",
            "this server does not answer requests for the host that \"Host\" names, or the request names no single host",
        );
        Err(problem.hint(match self {
            Self::Listed(_) => "use a host of the setting \"hosts\", or add this one to it",
            _ => {
                "without authentication only IP addresses, localhost and *.localhost are answered: configure \
                 authentication, list the host in the setting \"hosts\", or set auth.anonymous = true"
            }
        }))
    }
}

/// The one host that a request was sent to.
fn host(head: &Parts) -> Option<Host> {
    let mut headers = head.headers.get_all(header::HOST).iter();
    let (in_header, None) = (headers.next(), headers.next()) else { return None };
    let in_header = in_header.map(|value| value.to_str().ok().and_then(Host::of_authority));
    let in_target = head.uri.authority().map(|authority| Host::of_authority(Authority::as_str(authority)));
    match (in_header, in_target) {
        (Some(host), None) | (None, Some(host)) => host,
        (Some(one), Some(other)) => one.filter(|one| other.as_ref() == Some(one)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};

    use super::*;

    fn check(allowed: &AllowedHosts, target: &str, hosts: &[&str]) -> bool {
        let (mut head, ()) = Request::get(target).body(()).unwrap().into_parts();
        for host in hosts {
            head.headers.append(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        allowed.check(&head).is_ok()
    }

    const LOCAL: [&str; 14] = [
        "localhost",
        "localhost:8000",
        "LocalHost.",
        "localhost:",
        "app.localhost:8000",
        "127.0.0.1",
        "127.0.0.1:8000",
        "127.0.0.1.",
        "192.0.2.7:80",
        "[::1]",
        "[::1]:8000",
        "[2001:DB8::1]",
        "[::ffff:127.0.0.1]:1",
        "0.0.0.0",
    ];

    const FOREIGN: [&str; 34] = [
        "",
        ":8000",
        ".",
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "localhostevil.example",
        "evil-localhost",
        "xlocalhost",
        ".localhost",
        "localhost..",
        "127.0.0.1.nip.io",
        "127.0.0.1..",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1@evil.example",
        "localhost@evil.example",
        "user@localhost",
        "user:pass@localhost",
        "localhost/evil.example",
        "localhost, evil.example",
        "localhost evil.example",
        "localhost:80:80",
        "localhost:x",
        "evil.example:8000:localhost",
        "::1",
        "[::1",
        "[::1]x",
        "[::1]]:80",
        "[fe80::1%25lo]",
        "localhost\u{e9}",
    ];

    #[test]
    fn only_addresses_and_names_of_this_machine_are_local() {
        for host in LOCAL {
            assert!(check(&AllowedHosts::Local, "/sts", &[host]), "{host:?}");
        }
        for host in FOREIGN {
            assert!(!check(&AllowedHosts::Local, "/sts", &[host]), "{host:?}");
            assert!(check(&AllowedHosts::Any, "/sts", &[host]), "{host:?}");
        }
    }

    #[test]
    fn a_request_names_one_host_in_target_and_header_together() {
        let local = AllowedHosts::Local;
        for (target, hosts, expected) in [
            ("/sts", &[][..], false),
            ("/sts", &["localhost", "localhost"], false),
            ("/sts", &["localhost", "evil.example"], false),
            ("http://localhost:8000/sts", &[], true),
            ("http://localhost:8000/sts", &["LOCALHOST"], true),
            ("http://localhost:8000/sts", &["127.0.0.1"], false),
            ("http://localhost/sts", &["evil.example"], false),
            ("http://evil.example/sts", &["localhost"], false),
            ("http://evil.example/sts", &[], false),
            ("http://user@localhost/sts", &["localhost"], false),
            ("http://localhost/sts", &["localhost", "localhost"], false),
        ] {
            assert_eq!(check(&local, target, hosts), expected, "{target} {hosts:?}");
        }
    }

    #[test]
    fn a_list_is_exact_and_takes_any_port() {
        let hosts = ["upload.example.com", "[::1]", "192.0.2.7"].map(|host| Host::parse(host).unwrap());
        let listed = AllowedHosts::Listed(hosts.to_vec());
        for host in ["upload.example.com", "UPLOAD.example.com.:8443", "[0:0::1]:1", "192.0.2.7"] {
            assert!(check(&listed, "/sts", &[host]), "{host}");
        }
        for host in ["localhost", "127.0.0.1", "a.upload.example.com", "example.com", "upload.example.com.evil.example"]
        {
            assert!(!check(&listed, "/sts", &[host]), "{host}");
        }
    }
}
