//! Whether callers that prove nothing may be served here.

use thiserror::Error;

use super::listener::Address;
use crate::config::AuthSettings;

/// The listener can be reached by others, and whoever reaches it would be served.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "{address} can be reached from other machines, and callers that prove nothing would be served: anyone could upload. \
     Configure [[auth.jwt]], [auth.forward], [auth.proxy] or [[auth.api_keys]] and leave auth.anonymous out, listen on 127.0.0.1, or, if you mean it, start with \
     --insecure-allow-anonymous"
)]
pub struct Exposed {
    address: Address,
}

/// Decides for a listener at `address`.
///
/// On loopback and on a Unix socket a server without any authentication serves everyone, so that a first try needs no more than an AccessKey.
/// Anywhere else that takes `insecure`, the flag whose name says what it does.
///
/// Returns whether a TCP listener on loopback is the only reason that callers without proof are served. Then a page that
/// makes its own name resolve to loopback (DNS rebinding) must not be served: see [`Loaded::local_hosts_only`].
///
/// [`Loaded::local_hosts_only`]: crate::config::Loaded::local_hosts_only
pub fn decide(auth: &mut AuthSettings, address: &Address, insecure: bool) -> Result<bool, Exposed> {
    let nobody_is_known = !auth.knows_callers();
    let loopback_alone = nobody_is_known && !auth.anonymous && !insecure && matches!(address, Address::Tcp(_));
    auth.anonymous |= nobody_is_known || insecure;
    if auth.anonymous && !address.is_local() && !insecure {
        return Err(Exposed { address: address.clone() });
    }
    Ok(loopback_alone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ApiKeySettings;

    fn decided(anonymous: bool, keys: usize, address: &str, insecure: bool) -> Result<bool, Exposed> {
        let mut auth =
            AuthSettings { anonymous, api_keys: vec![ApiKeySettings::default(); keys], ..AuthSettings::default() };
        decide(&mut auth, &Address::Tcp(address.parse().unwrap()), insecure).map(|_| auth.anonymous)
    }

    #[test]
    fn on_loopback_a_first_try_needs_no_authentication() {
        assert_eq!(decided(false, 0, "127.0.0.1:8000", false), Ok(true));
        assert_eq!(decided(false, 1, "[::1]:8000", false), Ok(false));
        assert_eq!(decided(true, 1, "127.0.0.1:8000", false), Ok(true));
    }

    #[test]
    fn loopback_is_the_only_reason_where_nothing_else_is_configured() {
        let alone = |anonymous, keys, address: &Address, insecure| {
            let mut auth =
                AuthSettings { anonymous, api_keys: vec![ApiKeySettings::default(); keys], ..AuthSettings::default() };
            decide(&mut auth, address, insecure).unwrap()
        };
        let (tcp, unix) = (Address::Tcp("127.0.0.1:8000".parse().unwrap()), Address::Unix("/run/vend".into()));
        assert!(alone(false, 0, &tcp, false));
        assert!(alone(false, 0, &Address::Tcp("[::1]:8000".parse().unwrap()), false));
        assert!(!alone(true, 0, &tcp, false), "anonymous = true is written out");
        assert!(!alone(false, 1, &tcp, false), "callers are known");
        assert!(!alone(false, 0, &tcp, true), "the flag is given");
        assert!(!alone(false, 0, &unix, false), "no page reaches a Unix socket");
    }

    #[test]
    fn an_open_listener_serves_nobody_unknown_unless_told_so() {
        for (anonymous, keys) in [(false, 0), (true, 0), (true, 1)] {
            assert!(decided(anonymous, keys, "0.0.0.0:8000", false).is_err());
            assert_eq!(decided(anonymous, keys, "0.0.0.0:8000", true), Ok(true));
        }
        assert_eq!(decided(false, 1, "[::]:8000", false), Ok(false));
    }
}
