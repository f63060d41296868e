//! Whether a host is this machine by its own names. A name that DNS could lead here is not.

use std::net::IpAddr;

/// A `Host` without its port and without the brackets of IPv6.
pub(crate) fn without_port(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a host without its port is `localhost` or a loopback address.
pub(crate) fn is_this_machine(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a host without its port is this machine, or a name below `localhost`.
pub(crate) fn is_loopback(name: &str) -> bool {
    let below = name.len().checked_sub(".localhost".len()).and_then(|at| name.get(at..));
    is_this_machine(name) || below.is_some_and(|end| end.eq_ignore_ascii_case(".localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_this_machine() {
        for (host, this, below) in [
            ("127.0.0.1:9000", true, true),
            ("127.9.9.9", true, true),
            ("[::1]:9000", true, true),
            ("LOCALHOST", true, true),
            ("app.localhost:80", false, true),
            ("localhost.", false, false),
            ("localhost.example", false, false),
            ("notlocalhost", false, false),
            ("é.localhost", false, true),
            ("0.0.0.0", false, false),
            ("[::]", false, false),
            ("10.0.0.1", false, false),
            ("127.0.0.1.example", false, false),
            ("127.0.0.1@example", false, false),
            ("", false, false),
        ] {
            let name = without_port(host);
            assert_eq!((is_this_machine(name), is_loopback(name)), (this, below), "{host}");
        }
    }
}
