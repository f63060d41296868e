//! An object: its content and what is known of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::content::Content;

/// One object, as it was stored; a change makes a new one.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// Its bytes.
    pub(crate) content: Content,
    /// What the uploader said of it.
    pub(crate) attributes: Attributes,
    /// What the store found out.
    pub(crate) facts: Facts,
}

/// What an uploader says of an object.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Attributes {
    /// Headers that come back with the object: lower-case name to value, `x-oss-meta-*` among them.
    pub(crate) headers: BTreeMap<String, String>,
    /// `Standard`, `IA`, …
    pub(crate) storage_class: String,
    /// `default` (the bucket's), `private`, `public-read` or `public-read-write`.
    pub(crate) acl: String,
    /// Tags in order.
    pub(crate) tags: Vec<(String, String)>,
    /// The key that a symbolic link stands for.
    #[serde(default)]
    pub(crate) target: Option<String>,
}

/// What the store finds out of an object.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Facts {
    /// Without its quotes.
    pub(crate) etag: String,
    /// Base64 of the MD5, when the object came in one piece.
    pub(crate) content_md5: Option<String>,
    /// CRC-64/XZ of the whole.
    pub(crate) crc64: u64,
    /// How it was made.
    pub(crate) kind: Kind,
    /// When it was last written.
    pub(crate) modified: DateTime<Utc>,
    /// Its id where versions are kept.
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// Until when an archived object can be read.
    #[serde(default)]
    pub(crate) restored: Option<DateTime<Utc>>,
}

/// How an object was made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Kind {
    /// At once.
    Normal,
    /// From parts.
    Multipart,
    /// By appending.
    Appendable,
    /// A name for another object.
    Symlink,
}

impl Kind {
    /// As `x-oss-object-type` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Multipart => "Multipart",
            Self::Appendable => "Appendable",
            Self::Symlink => "Symlink",
        }
    }
}

impl Attributes {
    /// What the attributes take of memory.
    pub(super) fn weight(&self) -> u64 {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + 64);
        let tags = self.tags.iter().map(|(name, value)| name.len() + value.len() + 64);
        headers.chain(tags).sum::<usize>() as u64
    }
}

impl Object {
    /// What the object takes of memory beside its bytes.
    pub(super) fn weight(&self) -> u64 {
        self.attributes.weight() + self.content.weight() + 512
    }
}
