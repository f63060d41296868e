//! The placeholders, and where each may stand.

/// A placeholder of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Slot {
    /// `${caller.id}`: the verified id of the caller.
    CallerId,
    /// `${caller.claims.NAME}`: a verified claim of the caller, a text.
    CallerClaim(String),
    /// `${date}`: the day in UTC, `2026-01-31`.
    Date,
    /// `${uuid}`: new for each answer.
    Uuid,
    /// `${filename}`: the name that the caller gives the file.
    Filename,
    /// `${ext}`: the extension of that name with its dot, in lower case; empty where there is none.
    Ext,
    /// `${bucket}`: the grant's bucket; in policies.
    Bucket,
    /// `${dir}`: the caller's directory; in policies.
    Dir,
}

impl Slot {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "caller.id" => Self::CallerId,
            "date" => Self::Date,
            "uuid" => Self::Uuid,
            "filename" => Self::Filename,
            "ext" => Self::Ext,
            "bucket" => Self::Bucket,
            "dir" => Self::Dir,
            _ => Self::CallerClaim(name.strip_prefix("caller.claims.").filter(|claim| !claim.is_empty())?.to_owned()),
        })
    }

    pub(super) fn names_caller(&self) -> bool {
        matches!(self, Self::CallerId | Self::CallerClaim(_))
    }
}

/// Where a template stands, which decides the slots that it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// A grant's `dir`.
    Directory,
    /// A grant's `key`, the name of a new object below the directory.
    Key,
    /// A grant's `session_name`.
    SessionName,
    /// A text in a policy file.
    Policy,
}

impl Place {
    pub(super) fn admits(self, slot: &Slot) -> bool {
        match slot {
            Slot::CallerId | Slot::CallerClaim(_) => true,
            Slot::Date => matches!(self, Self::Directory | Self::Key),
            Slot::Uuid | Slot::Filename | Slot::Ext => self == Self::Key,
            Slot::Bucket | Slot::Dir => self == Self::Policy,
        }
    }

    pub(super) const fn slots(self) -> &'static str {
        match self {
            Self::Directory => "${caller.id}, ${caller.claims.NAME} and ${date}",
            Self::Key => "${uuid}, ${ext}, ${filename}, ${date}, ${caller.id} and ${caller.claims.NAME}",
            Self::SessionName => "${caller.id} and ${caller.claims.NAME}",
            Self::Policy => "${bucket}, ${dir}, ${caller.id} and ${caller.claims.NAME}",
        }
    }
}
