//! What the texts of the configuration have to look like, as far as it can be told without asking anyone.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

/// `[a-z0-9][a-z0-9_-]{0,31}`: what a URL, a variable and a metric's label can carry as it is.
pub(super) fn is_grant_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=32).contains(&text.len())
        && plain(text.as_bytes()[0])
        && all(text, |byte| plain(byte) || b"_-".contains(&byte))
}

/// `address:port` or `host:port`.
/// `unix:/path`.
pub(super) fn is_socket(text: &str) -> bool {
    text.strip_prefix("unix:").is_some_and(|path| path.starts_with('/') && path.len() > 1)
}

pub(super) fn is_listen_address(text: &str) -> bool {
    let named = |(host, port): (&str, &str)| is_host(host) && port.parse::<u16>().is_ok();
    text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(named)
}

pub(super) fn is_host(text: &str) -> bool {
    !text.is_empty() && all(text, |byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// A region's id, such as `cn-hangzhou`.
pub(super) fn is_region(text: &str) -> bool {
    text.contains('-') && is_label(text)
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    edge(text.as_bytes().first()) && edge(text.as_bytes().last()) && all(text, inner)
}

/// `acs:ram::<account id>:role/<role name>`.
pub(super) fn is_role_arn(text: &str) -> bool {
    let Some((account, role)) = text.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/")) else {
        return false;
    };
    (1..=20).contains(&account.len()) && all(account, |byte| byte.is_ascii_digit()) && is_role_name(role)
}

/// `[A-Za-z0-9._-]{1,64}`.
pub(super) fn is_role_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && all(text, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// 2 to 1,224 of `[A-Za-z0-9_+=,.@:/-]`.
pub(super) fn is_external_id(text: &str) -> bool {
    (2..=1224).contains(&text.len()) && all(text, |byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
}

/// 2 to 64 of `[A-Za-z0-9_+=,.@-]`, and none of the prefixes that the platform keeps for itself.
pub(super) fn is_source_identity(text: &str) -> bool {
    let kept = ["acs:", "aliyun:", "alibabacloud:"].iter().any(|prefix| text.starts_with(prefix));
    !kept
        && (2..=64).contains(&text.len())
        && all(text, |byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// 1 to 128 of `[A-Za-z0-9_.@=-]`, never `.` or `..`: what may fill a slot of a template.
pub(super) fn is_caller_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@=-".contains(&byte);
    (1..=128).contains(&text.len()) && ![".", ".."].contains(&text) && all(text, plain)
}

/// An id that a proof may carry; only one that fills a slot has to be a caller id.
pub(super) fn is_listed_id(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// `sha256:` and 64 hex digits.
pub(super) fn is_sha256(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && all(hex, |byte| byte.is_ascii_hexdigit()))
}

/// An origin exactly as a browser sends it.
pub(super) fn is_origin(text: &str) -> bool {
    // A URL may have a star in its host; no page has.
    !text.contains('*')
        && Url::parse(text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
}

/// An origin with `*.` before a name of at least two labels, or before `localhost`.
pub(super) fn is_origin_pattern(text: &str) -> bool {
    let Some((scheme, name)) = text.split_once("://*.") else { return false };
    let host = name.split(':').next().unwrap_or_default();
    (host.contains('.') || host == "localhost") && is_origin(&format!("{scheme}://x.{name}"))
}

/// An address, or a network with its prefix; a network of all addresses is none.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse().ok()?,
    };
    (network.prefix_len() > 0).then_some(network)
}

/// `text` as `https://host[:port]`, if it is an address with nothing else in it; `http` only for this machine.
/// A bare host, as SDKs take it, means `https`.
pub(super) fn web_address(text: &str) -> Option<String> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&with_scheme).ok()?;
    let allowed = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url.host()?);
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    (allowed && bare && anonymous).then(|| url.origin().ascii_serialization())
}

/// An address whose answers can be believed: `https`, or `http` on this machine, and no password in it.
pub(super) fn is_secure_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let local = url.scheme() == "http" && url.host().is_some_and(|host| is_loopback(&host));
        (url.scheme() == "https" || local) && url.username().is_empty() && url.password().is_none()
    })
}

/// Up to 32 of the characters of a caller's id.
pub(super) fn is_id_prefix(text: &str) -> bool {
    text.len() <= 32 && all(text, |byte| byte.is_ascii_alphanumeric() || b"_.@=-".contains(&byte))
}

/// A name of a cookie (RFC 6265 §4.1.1).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && all(text, |byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// The region in an address of OSS such as `https://oss-cn-hangzhou-internal.aliyuncs.com`.
pub(super) fn region_of(endpoint: &str) -> Option<&str> {
    let label = endpoint.strip_prefix("https://oss-")?.strip_suffix(".aliyuncs.com")?;
    let region = label.strip_suffix("-internal").unwrap_or(label);
    (is_region(region) && !region.starts_with("accelerate")).then_some(region)
}

fn all(text: &str, holds: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(holds: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(holds(text), "{text:?} is refused");
        }
        for text in bad {
            assert!(!holds(text), "{text:?} is accepted");
        }
    }

    #[test]
    fn names_have_their_alphabets_and_lengths() {
        let long = "a".repeat(129);
        each(is_grant_name, &["a", "default", "0-_", &long[..32]], &["", "-a", "_a", "A", "a.b", "ä", &long[..33]]);
        each(is_region, &["cn-hangzhou", "ap-southeast-1"], &["", "hangzhou", "cn_hangzhou", "-cn", "CN-hangzhou"]);
        each(is_caller_id, &["a", "a@b=c", &long[..128]], &["", ".", "..", "a/b", "*", "a b", &long]);
    }

    #[test]
    fn roles_and_identities_follow_the_rules_of_ram() {
        each(
            is_role_arn,
            &["acs:ram::1234567890123456:role/vend.er_1-x"],
            &[
                "",
                "role",
                "acs:ram::x:role/a",
                "acs:ram:::role/a",
                "acs:ram::1:role/",
                "acs:ram::1:user/a",
                "acs:ram::1:role/a b",
            ],
        );
        each(is_external_id, &["ab", "a:b/c"], &["", "a", "a b", "a*"]);
        each(is_source_identity, &["ab", "me@x"], &["a", "acs:me", "a:b", "a/b"]);
    }

    #[test]
    fn a_listen_address_has_a_host_and_a_port() {
        each(
            is_listen_address,
            &["127.0.0.1:8000", "[::1]:0", "localhost:80", "0.0.0.0:443"],
            &["", "8000", ":8000", "localhost", "localhost:x", "localhost:70000", "::1:8000", "a b:80", "http://a:80"],
        );
    }

    #[test]
    fn an_origin_is_exact() {
        each(
            is_origin,
            &["https://app.example.com", "http://localhost:5173", "https://a.example:8443", "http://[::1]:3000"],
            &[
                "",
                "*",
                "null",
                "app.example.com",
                "https://a.example/",
                "https://a.example:443",
                "https://A.example",
                "https://*.example.com",
                "ftp://a",
            ],
        );
    }

    #[test]
    fn a_pattern_of_origins_leaves_one_label_open() {
        each(
            is_origin_pattern,
            &["https://*.example.com", "http://*.localhost:5173", "https://*.a.example.com:8443"],
            &[
                "*",
                "https://*",
                "https://*.com",
                "https://*example.com",
                "https://a.*.example.com",
                "https://*.*.example.com",
                "https://*.example.com/",
                "https://*.example.com:443",
                "https://*.Example.com",
                "*.example.com",
                "https://*.1.2.3.4",
                "https://example.com",
            ],
        );
    }

    #[test]
    fn a_network_is_written_as_cidr_and_is_not_everything() {
        each(
            |text| network(text).is_some(),
            &["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8", "192.0.2.1/32"],
            &["", "*", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0", "proxy.example.com", "10.0.0.0 / 8"],
        );
    }

    #[test]
    fn hashes_are_whole() {
        let hash = format!("sha256:{}", "0a".repeat(32));
        each(is_sha256, &[&hash], &["", "sha256:", &hash[..70], "md5:00", "secret"]);
    }

    #[test]
    fn an_address_is_https_unless_it_is_this_machine() {
        let table = [
            ("https://sts.aliyuncs.com", Some("https://sts.aliyuncs.com")),
            ("https://sts.aliyuncs.com/", Some("https://sts.aliyuncs.com")),
            ("oss-cn-hangzhou.aliyuncs.com", Some("https://oss-cn-hangzhou.aliyuncs.com")),
            ("http://127.0.0.1:9000", Some("http://127.0.0.1:9000")),
            ("http://[::1]:9000", Some("http://[::1]:9000")),
            ("http://localhost:9000", Some("http://localhost:9000")),
            ("http://example.com", None),
            ("https://example.com/path", None),
            ("https://user:word@example.com", None),
            ("https://example.com?a", None),
            ("ftp://example.com", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(web_address(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_region_is_read_from_an_address_of_oss() {
        let table = [
            ("https://oss-cn-hangzhou.aliyuncs.com", Some("cn-hangzhou")),
            ("https://oss-ap-southeast-1-internal.aliyuncs.com", Some("ap-southeast-1")),
            ("https://oss-accelerate.aliyuncs.com", None),
            ("https://oss-accelerate-overseas.aliyuncs.com", None),
            ("http://127.0.0.1:9000", None),
        ];
        for (endpoint, region) in table {
            assert_eq!(region_of(endpoint), region, "{endpoint}");
        }
    }
}
