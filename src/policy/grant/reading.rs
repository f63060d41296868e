//! How a grant signs GET and HEAD. OSS follows a symbolic link when it is read, with the rights of the session that
//! signed the read, so that session must not read more than the caller may.

use std::borrow::Cow;

use super::super::method::Method;
use super::super::reach::{Area, Owner};
use super::super::reads::Reads;
use super::super::session::Session;
use super::super::template::{Filling, Unfillable};
use super::{Grant, InvalidGrant, Policy};

/// What a session needs to put a symbolic link.
const LINKING: &str = "oss:PutObject";
/// What a session needs to read an object, or an old version of one.
const READING: [&str; 2] = ["oss:GetObject", "oss:GetObjectVersion"];

impl Grant {
    /// How GET and HEAD are signed.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// Whether it signs URLs that read.
    #[must_use]
    pub fn signs_reads(&self) -> bool {
        self.methods.contains(Method::Get) || self.methods.contains(Method::Head)
    }

    /// The session that signs GET and HEAD. `filling` has the caller's directory.
    pub(in crate::policy) fn reading_session(&self, filling: &Filling<'_>) -> Result<Cow<'_, Session>, Unfillable> {
        match (self.reads, &self.policy) {
            // A session with an operator's policy is opened for the caller's directory anyway.
            (Reads::Shared, _) | (_, Policy::Template(_)) => self.signing_session(filling),
            (Reads::Confined, Policy::Generated | Policy::Role) => {
                self.named(self.reader.below(filling.dir.to_owned()), filling).map(Cow::Owned)
            }
        }
    }

    /// Whether credentials of this grant can put a symbolic link where `reader` may read it for a caller. Of generated
    /// policies and directories the fixed starts are compared; a role without a policy may reach every bucket.
    pub(in crate::policy) fn plants_links_for(&self, reader: &Self) -> bool {
        let area = Area { bucket: &reader.bucket, prefix: reader.dir.fixed_start() };
        self.methods.contains(Method::Sts)
            && match &self.policy {
                Policy::Role => true,
                Policy::Template(policy) => policy.may_reach(LINKING, &self.owner(), &area),
                Policy::Generated => {
                    let own = self.dir.fixed_start();
                    let uploads = self.methods.contains(Method::Put) || self.methods.contains(Method::Post);
                    let meets = own.starts_with(area.prefix) || area.prefix.starts_with(own);
                    uploads && self.bucket == reader.bucket && meets
                }
            }
    }

    /// Decides how GET and HEAD are signed; `writer` is the grant, if there is one, whose callers can put symbolic links
    /// where this one reads.
    pub(in crate::policy) fn settle_reads(&mut self, writer: Option<&str>) -> Result<(), InvalidGrant> {
        let needed = writer.filter(|_| self.signs_reads() && self.shared_session_reads_more());
        let confined = match (needed, self.wanted_reads) {
            (Some(writer), Some(Reads::Shared)) => return Err(invalid(not_shared(writer))),
            (Some(writer), _) if !self.can_confine() => return Err(invalid(not_held(Some(writer)))),
            (None, Some(Reads::Confined)) if !self.can_confine() => return Err(invalid(not_held(None))),
            (needed, wanted) => needed.is_some() || wanted == Some(Reads::Confined),
        };
        self.reads = if confined || self.is_held_by_policy() { Reads::Confined } else { Reads::Shared };
        Ok(())
    }

    /// Whether the session that signs forms and URLs reads more than the caller's directory, and more than credentials of
    /// this grant would for the same caller.
    fn shared_session_reads_more(&self) -> bool {
        let own_rights = self.methods.contains(Method::Sts);
        match &self.policy {
            Policy::Generated => self.dir.as_fixed().is_none(),
            Policy::Role => !own_rights && self.dir.as_fixed() != Some(""),
            Policy::Template(_) => !own_rights && !self.can_confine(),
        }
    }

    /// Nothing but the text of an operator's policy can hold its sessions to the directory.
    fn can_confine(&self) -> bool {
        !matches!(self.policy, Policy::Template(_)) || self.is_held_by_policy()
    }

    fn is_held_by_policy(&self) -> bool {
        let Policy::Template(policy) = &self.policy else { return false };
        READING.iter().all(|action| policy.is_held_to_dir(action, &self.owner()))
    }

    fn owner(&self) -> Owner<'_> {
        Owner { bucket: &self.bucket, dir: &self.dir }
    }
}

fn invalid(problem: String) -> InvalidGrant {
    InvalidGrant { key: "reads".to_owned(), problem }
}

fn not_shared(writer: &str) -> String {
    format!(
        "cannot be \"shared\": with credentials of the grant {writer:?} a caller can put a symbolic link where this grant \
         reads, and GET and HEAD would follow it to objects of other callers: use \"confined\", or remove the key"
    )
}

fn not_held(writer: Option<&str>) -> String {
    let why = writer.map(|writer| {
        format!(
            "must be \"confined\", because with credentials of the grant {writer:?} a caller can put a symbolic link where \
             this grant reads, and "
        )
    });
    let why = why.as_deref().unwrap_or("cannot be \"confined\": ");
    format!(
        "{why}the policy file allows reading outside the caller's directory: in the file, allow oss:GetObject and \
         oss:GetObjectVersion on acs:oss:*:*:${{bucket}}/${{dir}}* alone, or set policy to \"generated\""
    )
}
