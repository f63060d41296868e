//! What is prepared for signing with a session key, kept from one answer to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};

use crate::keys::SessionKey;
use crate::policy::{Grant, Grants};
use crate::signing::v4::{PRODUCT, Signer};

/// The last signer of each grant. All callers of a grant sign with one session key, unless its sessions name the caller:
/// then each change of caller makes a new signer, which costs about as much as a signature.
#[derive(Debug)]
pub struct Signers(BTreeMap<String, ArcSwapOption<Held>>);

#[derive(Debug)]
struct Held {
    key: Arc<SessionKey>,
    signer: Arc<Signer>,
}

impl Signers {
    /// Room for those of `grants`.
    #[must_use]
    pub fn of(grants: &Grants) -> Self {
        Self(grants.keys().map(|name| (name.clone(), ArcSwapOption::empty())).collect())
    }

    /// The signer of `key` for the bucket of `grant` on the day of `at`.
    pub(super) fn signer(&self, grant: &Grant, key: &Arc<SessionKey>, at: DateTime<Utc>) -> Arc<Signer> {
        let Some(place) = self.0.get(&grant.name) else { return made(grant, key, at) };
        if let Some(held) = &*place.load()
            && Arc::ptr_eq(&held.key, key)
            && held.signer.covers(at)
        {
            return Arc::clone(&held.signer);
        }
        let signer = made(grant, key, at);
        place.store(Some(Arc::new(Held { key: Arc::clone(key), signer: Arc::clone(&signer) })));
        signer
    }
}

fn made(grant: &Grant, key: &SessionKey, at: DateTime<Utc>) -> Arc<Signer> {
    Arc::new(Signer::new(&key.access_key, &grant.region, PRODUCT, at.date_naive()))
}
