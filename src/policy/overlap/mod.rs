//! Grants of one bucket whose directories meet, so that callers of one reach what is promised to callers of another.
//!
//! A directory that has `${caller.id}` is promised to one caller, one that has claims to those who share them, and one
//! that has neither to the grant's audience. Every method counts: to read, list, write or delete in a directory of others
//! is to reach it. Buckets are compared by name, which is unique in OSS.

use std::fmt::{self, Display, Formatter};

use super::audience::Audience;
use super::grant::Grant;
use super::method::Method;
use super::template::{Segment, Template, UnsafeId};

/// A grant whose callers reach into the directory of another grant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Overlap {
    /// The grant whose callers reach too far.
    pub grant: String,
    /// The grant whose directory they reach.
    pub other: String,
    /// Why that is more than was promised.
    pub reason: OverlapReason,
}

/// Why callers of one grant must not reach the directory of another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OverlapReason {
    /// The directory holds one directory for each caller, or for each group of callers, of the other grant.
    ContainsCallers,
    /// An identity can be chosen such that the two directories are the same, or one is inside the other.
    SameNames,
    /// The two write ids differently (`unsafe_id`), so the id of one caller can be what stands for that of another.
    DifferentIds,
    /// The directory holds that of the other grant, whose audience does not cover all callers of this one.
    WiderAudience,
}

impl Display for OverlapReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContainsCallers => "it contains the directories of single callers or groups",
            Self::SameNames => "an identity can be equal to a name in the other directory",
            Self::DifferentIds => "unsafe_id differs, so one caller's id can equal another's hash",
            Self::WiderAudience => "it contains that directory and is for callers that the other grant refuses",
        })
    }
}

/// What of a grant decides where its callers reach.
struct Reach<'g> {
    name: &'g str,
    bucket: &'g str,
    audience: &'g Audience,
    unsafe_id: UnsafeId,
    segments: Vec<Segment>,
}

/// All overlaps among `grants`, in the order of the grants.
#[must_use]
pub fn overlaps<'g>(grants: impl IntoIterator<Item = &'g Grant>) -> Vec<Overlap> {
    find(&grants.into_iter().map(Reach::of).collect::<Vec<_>>())
}

fn find(grants: &[Reach<'_>]) -> Vec<Overlap> {
    let pairs = grants.iter().flat_map(|grant| grants.iter().map(move |other| (grant, other)));
    let found = pairs.filter(|(grant, other)| grant.name != other.name && grant.bucket == other.bucket);
    let found = found.filter_map(|(grant, other)| Some((grant, other, grant.reaches(other)?)));
    let overlap = |(grant, other, reason): (&Reach<'_>, &Reach<'_>, _)| Overlap {
        grant: grant.name.to_owned(),
        other: other.name.to_owned(),
        reason,
    };
    found.map(overlap).collect()
}

impl<'g> Reach<'g> {
    fn of(grant: &'g Grant) -> Self {
        // Credentials with all rights of the role are held to no directory.
        let unbounded = grant.has_role_rights() && grant.methods.contains(Method::Sts);
        let segments = if unbounded { Vec::new() } else { Template::segments(grant.directory()) };
        Self {
            name: &grant.name,
            bucket: &grant.bucket,
            audience: &grant.audience,
            unsafe_id: grant.unsafe_id(),
            segments,
        }
    }

    /// Why a caller of this grant must not have what it has, if it can reach into a directory of `other`.
    fn reaches(&self, other: &Self) -> Option<OverlapReason> {
        let shared = self.segments.len().min(other.segments.len());
        let (common, rest) = other.segments.split_at(shared);
        let own = &self.segments[..shared];
        if !own.iter().zip(common).all(|(own, other)| own.can_equal(other)) {
            return None;
        }
        let same = own == common;
        if same && common.iter().any(Segment::names_id) {
            // One and the same caller on both sides, as long as both write its id in the same way.
            return (self.unsafe_id != other.unsafe_id).then_some(OverlapReason::DifferentIds);
        }
        if !same && own.iter().chain(common).any(Segment::names_caller) {
            return Some(OverlapReason::SameNames);
        }
        if rest.iter().any(Segment::names_caller) {
            return Some(OverlapReason::ContainsCallers);
        }
        let contains = self.segments.len() <= other.segments.len();
        (contains && !self.audience.is_subset_of(other.audience)).then_some(OverlapReason::WiderAudience)
    }
}

#[cfg(test)]
mod tests;
