//! What may be had, with what is counted of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::signer::LastSigner;
use super::{form_answer, sts};
use crate::metrics::{Metrics, OfGrant};
use crate::policy::{Grant, Grants};

/// The grants by name.
#[derive(Debug)]
pub struct Offers(BTreeMap<String, Offer>);

/// A grant, its counts, and what signs for it.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) grant: Grant,
    pub(super) counts: Arc<OfGrant>,
    pub(super) signer: LastSigner,
    /// Where the bucket is, as members of an answer.
    pub(super) place: String,
    /// What all its forms have in common.
    pub(super) forms: form_answer::Common,
}

impl Offers {
    /// `grants`, each with its counts in `metrics`, which go on where there were such.
    #[must_use]
    pub fn new(grants: Grants, metrics: &Metrics) -> Self {
        let offer = |(name, grant): (String, Grant)| {
            let counts = metrics.grant(&name);
            let (place, forms) = (sts::place(&grant), form_answer::Common::of(&grant));
            (name, Offer { grant, counts, signer: LastSigner::default(), place, forms })
        };
        Self(grants.into_iter().map(offer).collect())
    }

    /// The offer of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Offer> {
        self.0.get(name)
    }

    pub(super) fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.0.values().map(|offer| &offer.grant)
    }
}
