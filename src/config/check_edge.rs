//! Checks what stands between callers and the server: hosts, origins of pages, proxies, limits.

use std::net::IpAddr;

use super::check::Check;
use super::format;
use super::problem::{Problem, step};
use super::settings::{CorsSettings, FrontSettings, LimitSettings};

/// What a head may be limited to: below, the server's own buffer would not fit; above, it is no limit.
const HEAD_BYTES: std::ops::RangeInclusive<u64> = 8 * 1024..=1024 * 1024;

/// How `proxy.trusted` names those who come by a Unix socket.
pub(super) const UNIX: &str = "unix";

impl Check<'_> {
    pub(super) fn hosts(&mut self, hosts: &[String]) {
        let expected =
            "a host as it stands in the address without its port, such as \"upload.example.com\" or \"10.0.0.5\"";
        for (index, host) in hosts.iter().enumerate() {
            self.text(&["hosts", &step(index)], host, is_host_name_or_address, expected);
        }
    }

    pub(super) fn cors(&mut self, cors: &CorsSettings) {
        let any = cors.origins.iter().any(|origin| origin == "*");
        let exact = "an origin as a browser sends it, such as \"https://app.example.com\", or \"*\" alone";
        for (index, origin) in cors.origins.iter().enumerate() {
            let path = ["cors", "origins", &step(index)];
            self.text(&path, origin, |text| text == "*" || format::is_origin(text), exact);
        }
        for (index, pattern) in cors.origin_patterns.iter().enumerate() {
            let path = ["cors", "origin_patterns", &step(index)];
            let expected = "an origin with \"*.\" before the host's name, such as \"https://*.example.com\"";
            self.text(&path, pattern, format::is_origin_pattern, expected);
        }
        if any && cors.origins.len() + cors.origin_patterns.len() > 1 {
            let text = "has \"*\", every page there is, beside others: leave one of them out";
            self.blame(&["cors", "origins"], &Problem::Other(text.to_owned()));
        }
        if any && cors.credentials {
            let text = "cannot stand beside the origin \"*\": any page could then ask in the name of its visitor";
            self.blame(&["cors", "credentials"], &Problem::Other(text.to_owned()));
        }
    }

    pub(super) fn proxies(&mut self, proxy: &FrontSettings, tls: bool) {
        if proxy.require_https && proxy.trusted.is_empty() && !tls {
            let text = "would refuse everyone: name the proxy that ends TLS in proxy.trusted, or set [tls]";
            self.blame(&["proxy", "require_https"], &Problem::Other(text.to_owned()));
        }
        for (index, network) in proxy.trusted.iter().enumerate() {
            let path = ["proxy", "trusted", &step(index)];
            let expected = "an address or a network such as \"10.0.0.0/8\", and not all there are, or \"unix\"";
            self.text(&path, network, |text| text == UNIX || format::network(text).is_some(), expected);
        }
    }

    pub(super) fn limits(&mut self, limits: &LimitSettings) {
        self.positive(&["limits", "request_timeout"], limits.request_timeout);
        self.positive(&["limits", "header_timeout"], limits.header_timeout);
        self.positive(&["limits", "body_timeout"], limits.body_timeout);
        self.positive(&["limits", "idle_timeout"], limits.idle_timeout);
        if !HEAD_BYTES.contains(&limits.head.bytes()) {
            self.blame(&["limits", "head"], &Problem::misfit("8 KiB to 1 MiB", limits.head.to_string()));
        }
    }
}

/// A host of a URL without its port; IPv6 with or without brackets.
fn is_host_name_or_address(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let is_name = || format::is_host(text) && text.split('.').all(|label| !label.is_empty());
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6() || bare == text) || is_name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_no_scheme_port_or_wildcard() {
        for host in ["upload.example.com", "localhost", "10.0.0.5", "::1", "[::1]"] {
            assert!(is_host_name_or_address(host), "{host:?} is refused");
        }
        let bad = [
            "",
            "https://a.example",
            "a.example:443",
            "a.example/",
            "*.a.example",
            "[10.0.0.5]",
            "[::1]:80",
            "a..b",
            "a.",
        ];
        for text in bad {
            assert!(!is_host_name_or_address(text), "{text:?} is accepted");
        }
    }
}
