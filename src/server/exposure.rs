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
pub fn decide(auth: &mut AuthSettings, address: &Address, insecure: bool) -> Result<(), Exposed> {
    let serves = auth.anonymous.unwrap_or(!auth.knows_callers()) || (insecure && auth.anonymous.is_none());
    auth.anonymous = Some(serves);
    if serves && !address.is_local() && !insecure {
        return Err(Exposed { address: address.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ApiKeySettings;

    fn decided(anonymous: Option<bool>, keys: usize, address: &str, insecure: bool) -> Result<bool, Exposed> {
        let mut auth =
            AuthSettings { anonymous, api_keys: vec![ApiKeySettings::default(); keys], ..AuthSettings::default() };
        decide(&mut auth, &Address::Tcp(address.parse().unwrap()), insecure).map(|()| auth.serves_anonymous())
    }

    #[test]
    fn on_loopback_a_first_try_needs_no_authentication() {
        assert_eq!(decided(None, 0, "127.0.0.1:8000", false), Ok(true));
        assert_eq!(decided(None, 1, "[::1]:8000", false), Ok(false));
        assert_eq!(decided(Some(true), 1, "127.0.0.1:8000", false), Ok(true));
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
            assert_eq!(decide(&mut auth, &address, false), Ok(()));
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
