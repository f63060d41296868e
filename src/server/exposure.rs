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

/// Decides for a listener at `address`, and writes the decision into `auth.anonymous`.
///
/// On loopback and on a Unix socket a server without any authentication serves everyone, so that a first try needs no more
/// than an AccessKey. Anywhere else that takes `insecure`, the flag whose name says what it does. `anonymous = false` in the
/// configuration overrides both. A reload cannot use this to open a running server: [`Reload::reload`](super::Reload::reload)
/// refuses a configuration that serves callers without proof where the running one does not.
///
/// Returns whether a TCP listener on loopback is the only reason that callers without proof are served. Then a page that
/// makes its own name resolve to loopback (DNS rebinding) must not be served: see [`Loaded::local_hosts_only`].
///
/// [`Loaded::local_hosts_only`]: crate::config::Loaded::local_hosts_only
pub fn decide(auth: &mut AuthSettings, address: &Address, insecure: bool) -> Result<bool, Exposed> {
    let written = auth.anonymous;
    let serves = written.unwrap_or(!auth.knows_callers() || insecure);
    auth.anonymous = Some(serves);
    if serves && !address.is_local() && !insecure {
        return Err(Exposed { address: address.clone() });
    }
    Ok(serves && written.is_none() && !insecure && matches!(address, Address::Tcp(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ApiKeySettings;

    fn decided(anonymous: Option<bool>, keys: usize, address: &str, insecure: bool) -> Result<bool, Exposed> {
        let mut auth =
            AuthSettings { anonymous, api_keys: vec![ApiKeySettings::default(); keys], ..AuthSettings::default() };
        decide(&mut auth, &Address::Tcp(address.parse().unwrap()), insecure).map(|_| auth.serves_anonymous())
    }

    #[test]
    fn on_loopback_a_first_try_needs_no_authentication() {
        assert_eq!(decided(None, 0, "127.0.0.1:8000", false), Ok(true));
        assert_eq!(decided(None, 1, "[::1]:8000", false), Ok(false));
        assert_eq!(decided(Some(true), 1, "127.0.0.1:8000", false), Ok(true));
    }

    #[test]
    fn loopback_is_the_only_reason_where_nothing_else_is_configured() {
        let alone = |anonymous, keys, address: &Address, insecure| {
            let mut auth =
                AuthSettings { anonymous, api_keys: vec![ApiKeySettings::default(); keys], ..AuthSettings::default() };
            decide(&mut auth, address, insecure).unwrap()
        };
        let (tcp, unix) = (Address::Tcp("127.0.0.1:8000".parse().unwrap()), Address::Unix("/run/vend".into()));
        assert!(alone(None, 0, &tcp, false));
        assert!(alone(None, 0, &Address::Tcp("[::1]:8000".parse().unwrap()), false));
        assert!(!alone(Some(true), 0, &tcp, false), "anonymous = true is written out");
        assert!(!alone(None, 1, &tcp, false), "callers are known");
        assert!(!alone(None, 0, &tcp, true), "the flag is given");
        assert!(!alone(None, 0, &unix, false), "no page reaches a Unix socket");
    }

    #[test]
    fn an_open_listener_serves_nobody_unknown_unless_told_so() {
        for (anonymous, keys) in [(None, 0), (Some(true), 0), (Some(true), 1)] {
            assert!(decided(anonymous, keys, "0.0.0.0:8000", false).is_err());
            assert_eq!(decided(anonymous, keys, "0.0.0.0:8000", true), Ok(true));
        }
        assert_eq!(decided(None, 1, "[::]:8000", false), Ok(false));
    }

    #[test]
    fn a_unix_socket_is_local() {
        let address = Address::Unix("/run/oss-vend.sock".into());
        for (anonymous, served) in [(None, true), (Some(false), false), (Some(true), true)] {
            let mut auth = AuthSettings { anonymous, ..AuthSettings::default() };
            assert_eq!(decide(&mut auth, &address, false), Ok(false));
            assert_eq!(auth.serves_anonymous(), served);
        }
    }

    #[test]
    fn anonymous_false_that_is_written_is_obeyed_everywhere() {
        for address in ["127.0.0.1:8000", "[::1]:8000", "0.0.0.0:8000"] {
            for (keys, insecure) in [(0, false), (0, true), (1, false), (1, true)] {
                assert_eq!(decided(Some(false), keys, address, insecure), Ok(false), "{address} {keys} {insecure}");
            }
        }
    }
}
