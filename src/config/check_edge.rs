//! Checks what stands between callers and the server: origins of pages, proxies, limits.

use super::check::Check;
use super::format;
use super::problem::{Problem, step};
use super::settings::{CorsSettings, FrontSettings, LimitSettings};

/// What a head may be limited to: below, the server's own buffer would not fit; above, it is no limit.
const HEAD_BYTES: std::ops::RangeInclusive<u64> = 8 * 1024..=1024 * 1024;

/// How `proxy.trusted` names those who come by a Unix socket.
pub(super) const UNIX: &str = "unix";

impl Check<'_> {
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
