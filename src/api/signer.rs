//! What is prepared for signing with a session key, kept from one answer to the next.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};

use crate::keys::SessionKey;
use crate::signing::v4::{PRODUCT, Signer};

/// The last signer of a grant. All its callers sign with one session key, unless its sessions name the caller: then each
/// change of caller makes a new signer, which costs about as much as a signature.
#[derive(Debug, Default)]
pub(super) struct LastSigner(ArcSwapOption<Held>);

#[derive(Debug)]
struct Held {
    key: Arc<SessionKey>,
    signer: Arc<Signer>,
}

impl LastSigner {
    /// The signer of `key` for the grant's `region` on the day of `at`.
    pub(super) fn of(&self, key: &Arc<SessionKey>, region: &str, at: DateTime<Utc>) -> Arc<Signer> {
        if let Some(held) = &*self.0.load()
            && Arc::ptr_eq(&held.key, key)
            && held.signer.covers(at)
        {
            return Arc::clone(&held.signer);
        }
        let signer = Arc::new(Signer::new(&key.access_key, region, PRODUCT, at.date_naive()));
        self.0.store(Some(Arc::new(Held { key: Arc::clone(key), signer: Arc::clone(&signer) })));
        signer
    }
}
