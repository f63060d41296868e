//! What may be had, with what is counted of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::signer::LastSigner;
use super::{form_answer, sts};
use crate::metrics::{Metrics, OfGrant};
use crate::policy::{Grant, Grants, Reads};

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

    /// The names of grants whose reads were confined to the caller's directory `before`, and are not now.
    pub fn no_longer_confined<'o>(&'o self, before: &'o Self) -> impl Iterator<Item = &'o str> {
        self.grants().filter(|grant| grant.signs_reads() && grant.reads() == Reads::Shared).filter_map(|grant| {
            let earlier = &before.get(&grant.name)?.grant;
            (earlier.signs_reads() && earlier.reads() == Reads::Confined).then_some(grant.name.as_str())
        })
    }

    pub(super) fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.0.values().map(|offer| &offer.grant)
    }
}
