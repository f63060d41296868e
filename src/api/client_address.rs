//! The address that a request really came from, seen through the proxies that are known to tell the truth.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::gate::Front;

/// Whom each proxy was asked by. (A name that is a text would be read anew with each request.)
pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the first hop, from our end, that is none of the `trusted` proxies.
///
/// Each proxy appends to `X-Forwarded-For` whom it was asked by; so the list is true from its end up to the first address
/// that we do not know, and what stands before that is whatever that one liked to write. An entry that is no address ends
/// the walk too: then the proxy that wrote it stands for all behind it.
pub(super) fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, front: &Front) -> IpAddr {
    // Whoever comes by a Unix socket has no address, and shares this one with all who do.
    let mut nearest = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.to_canonical());
    if !front.trusts(peer) {
        return nearest;
    }
    let trusted = &front.networks;
    for value in headers.get_all(&X_FORWARDED_FOR).iter().rev() {
        for entry in value.as_bytes().rsplit(|byte| *byte == b',') {
            match address(entry) {
                Some(hop) if is_trusted(hop, trusted) => nearest = hop,
                Some(client) => return client,
                None => return nearest,
            }
        }
    }
    nearest
}

pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// `192.0.2.1`, `2001:db8::1`, and both with a port, as some proxies write them.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn each(peer: &str, trusted: &[&str], table: &[(&[&str], &str)]) {
        let networks = trusted.iter().filter_map(|network| network.parse().ok()).collect();
        let front = Front { networks, unix: trusted.contains(&"unix"), require_https: false };
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append("x-forwarded-for", HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            let found = client_address(peer.parse().ok(), &headers, &front);
            assert_eq!(found.to_string(), *expected, "{lines:?}");
        }
    }

    #[test]
    fn a_chain_is_believed_from_its_end_up_to_the_first_stranger() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        each(
            "10.0.0.1",
            &trusted,
            &[
                (&[], "10.0.0.1"),
                (&["192.0.2.7"], "192.0.2.7"),
                (&["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
                (&["198.51.100.1, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
                (&["10.0.0.9, 192.0.2.7"], "192.0.2.7"),
                (&["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
                (&["192.0.2.7", "10.0.0.3"], "192.0.2.7"),
                (&["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
                (&["192.0.2.7:5555"], "192.0.2.7"),
                (&["2001:db8::7, fd00::1"], "2001:db8::7"),
                (&["[2001:db8::7]:443"], "2001:db8::7"),
                (&["[2001:db8::7]"], "2001:db8::7"),
                (&["::ffff:192.0.2.7"], "192.0.2.7"),
            ],
        );
        each("::ffff:10.0.0.1", &trusted, &[(&["192.0.2.7"], "192.0.2.7")]);
    }

    #[test]
    fn what_is_no_address_ends_the_walk_at_the_proxy_that_wrote_it() {
        each(
            "10.0.0.1",
            &["10.0.0.0/8"],
            &[
                (&["192.0.2.7, unknown"], "10.0.0.1"),
                (&["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2"),
                (&["192.0.2.7,"], "10.0.0.1"),
                (&[""], "10.0.0.1"),
                (&["192.0.2.7, 10.0.0.2\u{e9}"], "10.0.0.1"),
                (&["192.0.2.07"], "10.0.0.1"),
            ],
        );
    }

    #[test]
    fn who_comes_by_a_unix_socket_is_believed_if_that_is_said() {
        let table: &[(&[&str], &str)] = &[(&["192.0.2.7, 10.0.0.1"], "192.0.2.7"), (&[], "::")];
        each("-", &["unix", "10.0.0.0/8"], table);
        each("-", &["10.0.0.0/8"], &[(&["192.0.2.7, 10.0.0.1"], "::")]);
        each("203.0.113.5", &["unix"], &[(&["192.0.2.7"], "203.0.113.5")]);
    }

    #[test]
    fn a_stranger_is_not_believed_whatever_it_says() {
        let table: &[(&[&str], &str)] = &[(&["192.0.2.7"], "203.0.113.5"), (&["10.0.0.1"], "203.0.113.5")];
        each("203.0.113.5", &["10.0.0.0/8"], table);
        each("203.0.113.5", &[], table);
        each("10.0.0.1", &[], &[(&["192.0.2.7"], "10.0.0.1")]);
    }
}
