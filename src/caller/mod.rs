//! A proof becomes a caller: who asks, as far as it was proven.
//!
//! The first proof that is present decides. A wrong proof is refused and never falls through, neither to the next kind
//! nor to anonymous. The kinds, in the order in which they are looked for:
//!
//! 1. the header of a trusted proxy ([`TrustedProxy`]);
//! 2. `Authorization`: an API key ([`KnownApiKey`]) or a JWT ([`jwt`]) as bearer, else what forward-auth passes on;
//! 3. a JWT in a cookie, from a trusted page only;
//! 4. the cookies and headers that forward-auth passes on ([`Forward`]), cookies from a trusted page only.
//!
//! Ids of all sources share one space, in which each source has a prefix of its own ([`IdNamespace`]): no two sources can
//! give the same id.

mod api_key;
mod authenticator;
mod forward;
pub mod jwt;
mod namespace;
mod outbound;
mod probe;
mod proof;
mod proxy;
mod remembered;
mod unauthenticated;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use self::api_key::{ApiKey, InvalidApiKeyHash, KnownApiKey};
pub use self::authenticator::Authenticator;
pub use self::forward::{Forward, ForwardSpec};
pub use self::namespace::{IdNamespace, ReservedId};
pub use self::outbound::{NoTls, Outbound};
pub use self::probe::ForwardProbe;
pub use self::proof::Proof;
pub use self::proxy::TrustedProxy;
pub use self::unauthenticated::{Duplicate, Unauthenticated};

/// The claims that somebody reads, by their names.
pub type ClaimNames = BTreeSet<String>;

/// Who asks: an id and verified claims, or nobody in particular. A clone shares both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller(Option<Arc<Known>>);

/// A token has a dozen claims, of which hardly any is read, and thousands of callers are remembered: a map would have its
/// nodes mostly empty.
#[derive(Debug, PartialEq)]
struct Known {
    id: Box<str>,
    /// In the order of the names.
    claims: Box<[(Box<str>, Value)]>,
}

impl Caller {
    /// A caller that proved nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A caller whose id and claims were verified.
    #[must_use]
    pub fn known(id: impl Into<String>, claims: Map<String, Value>) -> Self {
        let mut claims: Box<[_]> = claims.into_iter().map(|(name, value)| (name.into(), value)).collect();
        claims.sort_unstable_by(|(one, _): &(Box<str>, _), (other, _)| one.cmp(other));
        Self(Some(Arc::new(Known { id: id.into().into(), claims })))
    }

    /// The same without the claims that have none of these `names`.
    #[must_use]
    pub fn with_only(&self, names: &ClaimNames) -> Self {
        let Self(Some(known)) = self else { return Self::anonymous() };
        let claims = known.claims.iter().filter(|(name, _)| names.contains(&**name)).cloned().collect();
        Self(Some(Arc::new(Known { id: known.id.clone(), claims })))
    }

    /// The verified id; `None` for an anonymous caller.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.as_ref().map(|known| &*known.id)
    }

    /// The verified claim `name`.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        let claims = &self.0.as_ref()?.claims;
        let at = claims.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        Some(&claims[at].1)
    }
}
