//! A header that a trusted proxy sets once it has found out who asks.
//!
//! The header counts only from the proxy's own address: from anywhere else it is refused, never passed over, since
//! whoever sends it there means to be taken for somebody.

use std::net::IpAddr;

use http::HeaderName;
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::proof::Proof;
use super::{Caller, IdNamespace, Unauthenticated};

/// The proxy and its headers.
#[derive(Clone, Debug)]
pub struct TrustedProxy {
    /// The header that carries the caller's id.
    pub id: HeaderName,
    /// Headers that carry claims, by the names of the claims; each becomes a text.
    pub claims: Vec<(String, HeaderName)>,
    /// The ids that it may give.
    pub ids: IdNamespace,
    /// Where the proxy's connections come from.
    pub from: Vec<IpNet>,
}

impl TrustedProxy {
    /// The caller that the headers name, or `None` if none of them is there. The proxy adds them to the requests of any
    /// page that its user opens, so they count for no page but our own and those of the origins `listed`.
    pub(super) fn identify(&self, proof: &Proof<'_>, listed: &[String]) -> Result<Option<Caller>, Unauthenticated> {
        let names = self.claims.iter().map(|(_, header)| header).chain([&self.id]);
        if !names.into_iter().any(|name| proof.unverified_headers.contains_key(name)) {
            return Ok(None);
        }
        if !proof.peer.is_some_and(|peer| self.is_ours(peer)) {
            return Err(Unauthenticated::NotFromProxy);
        }
        if !proof.is_of_no_foreign_page(listed)? {
            return Err(Unauthenticated::Origin);
        }
        let id = proof.header(&self.id)?.filter(|id| !id.is_empty()).ok_or(Unauthenticated::EmptyProxyHeader)?;
        let mut claims = Map::new();
        for (name, header) in &self.claims {
            if let Some(value) = proof.header(header)? {
                claims.insert(name.clone(), Value::from(value));
            }
        }
        Ok(Some(Caller::known(self.ids.id(id)?, claims)))
    }

    /// A listener on `::` sees IPv4 peers as `::ffff:a.b.c.d`.
    fn is_ours(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.from.iter().any(|network| network.contains(&peer))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn identify(
        headers: &[(&'static str, &'static str)],
        peer: Option<&str>,
    ) -> Result<Option<Caller>, Unauthenticated> {
        let proxy = TrustedProxy {
            id: HeaderName::from_static("x-user"),
            claims: vec![("tenant".into(), HeaderName::from_static("x-tenant"))],
            ids: IdNamespace::default(),
            from: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let peer = peer.map(|peer| peer.parse().unwrap());
        proxy.identify(&Proof { unverified_headers: &map, authority: None, peer }, &[])
    }

    #[test]
    fn the_header_counts_from_the_proxy() {
        for peer in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"] {
            let caller = identify(&[("x-user", "u42"), ("x-tenant", "t1")], Some(peer)).unwrap().unwrap();
            assert_eq!((caller.id(), caller.claim("tenant")), (Some("u42"), Some(&Value::from("t1"))), "{peer}");
        }
        assert_eq!(identify(&[], Some("10.1.2.3")), Ok(None));
    }

    #[test]
    fn from_elsewhere_it_is_refused_and_never_passed_over() {
        for peer in [Some("192.0.2.1"), Some("::1"), Some("::ffff:192.0.2.1"), None] {
            for headers in [&[("x-user", "u42")][..], &[("x-tenant", "t1")], &[("x-user", "")]] {
                assert_eq!(identify(headers, peer), Err(Unauthenticated::NotFromProxy), "{peer:?} {headers:?}");
            }
        }
    }

    #[test]
    fn a_proxy_that_names_nobody_or_two_is_refused() {
        let here = Some("10.0.0.1");
        assert_eq!(identify(&[("x-user", "")], here), Err(Unauthenticated::EmptyProxyHeader));
        assert_eq!(identify(&[("x-tenant", "t1")], here), Err(Unauthenticated::EmptyProxyHeader));
        let twice = identify(&[("x-user", "a"), ("x-user", "b")], here);
        assert!(matches!(twice, Err(Unauthenticated::Duplicate(_))), "{twice:?}");
    }
}
