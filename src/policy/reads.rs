//! Which grants sign GET and HEAD with a session for the caller's directory alone, decided in view of all grants.
//!
//! With credentials of `/sts` a caller can put a symbolic link in its own directory; `oss:PutObject` is enough. OSS checks
//! the right to the target when the link is read, with the credentials that sign that read. A session that reads for all
//! callers would follow the link to another's object, so reads are confined wherever such links can be planted.

use serde::Deserialize;

use super::{Grants, InvalidGrant};

/// How GET and HEAD are signed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    /// With a session that RAM limits to the caller's own directory.
    Confined,
    /// With the session that signs forms and uploads for all callers.
    Shared,
}

impl Reads {
    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confined => "confined",
            Self::Shared => "shared",
        }
    }
}

/// Decides for each grant how GET and HEAD are signed, given all the others. What cannot be signed as the configuration
/// wants it is returned with the name of its grant.
pub fn confine_reads(grants: &mut Grants) -> Vec<(String, InvalidGrant)> {
    let writers: Vec<_> = grants
        .values()
        .map(|reader| {
            let others = grants.values().filter(|other| other.name != reader.name);
            let mut writers = std::iter::once(reader).chain(others);
            writers.find(|writer| writer.plants_links_for(reader)).map(|writer| writer.name.clone())
        })
        .collect();
    let settled = grants.values_mut().zip(writers).map(|(grant, writer)| {
        let outcome = grant.settle_reads(writer.as_deref());
        outcome.map_err(|problem| (grant.name.clone(), problem))
    });
    settled.filter_map(Result::err).collect()
}
