//! The versions of one key, oldest first.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::object::Object;
use super::space::Space;

/// The id of the one version that a bucket without versioning keeps of a key.
pub(crate) const NULL: &str = "null";

/// Whether a bucket keeps what is replaced or removed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Versioning {
    /// It never did.
    #[default]
    Off,
    /// It does.
    Enabled,
    /// It did once; what was kept stays.
    Suspended,
}

/// One version of a key.
#[derive(Clone, Debug)]
pub(crate) enum Version {
    /// An object.
    Object(Arc<Object>),
    /// The mark that the key was removed.
    Marker(Marker),
}

/// The mark that a key was removed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Marker {
    /// Its id as a version.
    pub(crate) id: String,
    /// When the key was removed.
    pub(crate) modified: DateTime<Utc>,
}

/// A version with its share of memory.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) version: Version,
    pub(super) _space: Arc<Space>,
}

/// What became of a key that was to be removed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Removed {
    /// The version that was removed, or the marker that was made.
    pub(crate) version: Option<String>,
    /// Whether that is a marker.
    pub(crate) marker: bool,
}

impl Versioning {
    /// The id of a version that is about to be made; `None` where versions have no ids.
    pub(super) fn new_id(self) -> Option<String> {
        match self {
            Self::Off => None,
            Self::Enabled => Some(format!("CAEQ{}", Uuid::new_v4().simple())),
            Self::Suspended => Some(NULL.to_owned()),
        }
    }
}

impl Version {
    /// Its id; the one without is `null`.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Object(object) => object.facts.version.as_deref().unwrap_or(NULL),
            Self::Marker(marker) => &marker.id,
        }
    }

    /// The object, unless the version is a marker.
    pub(crate) fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Marker(_) => None,
        }
    }
}

/// The object that a key stands for now.
pub(super) fn current(entries: &[Entry]) -> Option<&Arc<Object>> {
    entries.last()?.version.object()
}

/// Where the version of that id is; without an id, the newest.
pub(super) fn position(entries: &[Entry], id: Option<&str>) -> Option<usize> {
    match id {
        None => entries.len().checked_sub(1),
        Some(id) => entries.iter().position(|entry| entry.version.id() == id),
    }
}

/// Adds the newest version, in the place of one of the same id.
pub(super) fn push(entries: &mut Vec<Entry>, entry: Entry) {
    entries.retain(|known| known.version.id() != entry.version.id());
    entries.push(entry);
}
