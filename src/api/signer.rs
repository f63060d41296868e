//! What is prepared for signing with a session key, kept from one answer to the next.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use chrono::{DateTime, Utc};

use crate::keys::SessionKey;
use crate::signing::v4::{PRODUCT, Signer};

/// The last signer of a grant. All its callers sign with one session key, unless its sessions are for one caller: then each
/// change of caller makes a new signer, which costs about as much as a signature.
#[derive(Debug, Default)]
pub(super) struct LastSigner(ArcSwapOption<Held>);

#[derive(Debug)]
struct Held {
    key: Arc<SessionKey>,
    signer: Signer,
}

/// A signer for one answer.
pub(super) struct Lent(Guard<Option<Arc<Held>>>);

impl Deref for Lent {
    type Target = Signer;

    fn deref(&self) -> &Signer {
        &self.0.as_ref().expect("what is lent is there").signer
    }
}

impl LastSigner {
    /// The signer of `key` for the grant's `region` on the day of `at`.
    pub(super) fn of(&self, key: &Arc<SessionKey>, region: &str, at: DateTime<Utc>) -> Lent {
        let last = self.0.load();
        if last.as_ref().is_some_and(|held| Arc::ptr_eq(&held.key, key) && held.signer.covers(at)) {
            return Lent(last);
        }
        let signer = Signer::new(&key.access_key, region, PRODUCT, at.date_naive());
        let held = Some(Arc::new(Held { key: Arc::clone(key), signer }));
        self.0.store(held.clone());
        Lent(Guard::from_inner(held))
    }
}
