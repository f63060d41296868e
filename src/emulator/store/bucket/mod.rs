//! One bucket: its settings, its objects with their versions, and its unfinished uploads.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::blob::Blob;
use super::content::Content;
use super::folder::{Folder, Record, VersionRecord};
use super::history::{Entry, Marker, Removed, Version, Versioning, current, position, push};
use super::listing::{Listing, Page};
use super::object::Object;
use super::space::Space;
use super::upload::Upload;
use super::versions::VersionPage;

/// A bucket.
pub(crate) struct Bucket {
    /// Its name.
    pub(crate) name: String,
    settings: Mutex<Settings>,
    objects: RwLock<BTreeMap<String, Vec<Entry>>>,
    pub(super) uploads: Mutex<BTreeMap<(String, String), Arc<Upload>>>,
    folder: Option<Arc<Folder>>,
    space: Space,
}

/// What belongs to a bucket itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Settings {
    /// `private`, `public-read` or `public-read-write`.
    pub(crate) acl: String,
    /// CORS rules, the first that matches wins; empty for none.
    pub(crate) cors: Vec<CorsRule>,
    /// When it was made.
    pub(crate) created: DateTime<Utc>,
    /// Whether it keeps versions.
    #[serde(default)]
    pub(crate) versioning: Versioning,
    /// The lifecycle configuration as it was sent; it is kept and never acted on.
    #[serde(default)]
    pub(crate) lifecycle: Option<String>,
}

impl Settings {
    /// Those of a new bucket.
    pub(crate) fn new(acl: String, created: DateTime<Utc>) -> Self {
        Self { acl, cors: Vec::new(), created, versioning: Versioning::Off, lifecycle: None }
    }
}

/// One CORS rule, named as in OSS's XML.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CorsRule {
    /// Origins, each with one `*` at most.
    pub(crate) allowed_origin: Vec<String>,
    /// Methods.
    pub(crate) allowed_method: Vec<String>,
    /// Request headers, each with one `*` at most.
    pub(crate) allowed_header: Vec<String>,
    /// Response headers that a script may read.
    pub(crate) expose_header: Vec<String>,
    /// How long a browser may remember the answer.
    pub(crate) max_age_seconds: Option<u32>,
}

impl Bucket {
    pub(super) fn create(
        name: String,
        settings: Settings,
        folder: Option<Arc<Folder>>,
        space: Space,
    ) -> io::Result<Self> {
        if let Some(folder) = &folder {
            folder.write_settings(&name, &settings)?;
        }
        let settings = Mutex::new(settings);
        Ok(Self { name, settings, objects: RwLock::default(), uploads: Mutex::default(), folder, space })
    }

    /// Reads a bucket back from disk.
    pub(super) fn load(name: String, folder: &Arc<Folder>, space: &Space) -> io::Result<Self> {
        let settings = folder.settings(&name)?;
        let records = folder.records(&name)?;
        let bucket = Self::create(name, settings, Some(Arc::clone(folder)), space.share())?;
        for record in records {
            bucket.restore(folder, record)?;
        }
        Ok(bucket)
    }

    fn restore(&self, folder: &Folder, record: Record) -> io::Result<()> {
        let restored = record.versions.into_iter().map(|version| self.restore_version(folder, &record.key, version));
        let entries = restored.collect::<io::Result<Vec<_>>>()?;
        self.objects.write().unwrap_or_else(PoisonError::into_inner).insert(record.key, entries);
        Ok(())
    }

    fn restore_version(&self, folder: &Folder, key: &str, version: VersionRecord) -> io::Result<Entry> {
        let (attributes, facts, blobs) = match version {
            VersionRecord::Marker(marker) => return self.entry(key, Version::Marker(marker)),
            VersionRecord::Object { attributes, facts, blobs } => (attributes, facts, blobs),
        };
        let mut content = Content::default();
        for (name, size) in &blobs {
            let blob = Blob::file(folder.blob(name), self.space.share())?;
            content.push(&Content::of(Arc::new(blob), *size));
        }
        content.blobs().for_each(|(blob, _)| blob.adopt());
        self.entry(key, Version::Object(Arc::new(Object { content, attributes, facts })))
    }

    /// Names of the blobs that objects refer to.
    pub(super) fn blob_names(&self) -> HashSet<String> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let kept = objects.values().flatten().filter_map(|entry| entry.version.object());
        kept.flat_map(|object| names(&object.content)).map(|(name, _)| name).collect()
    }

    /// What belongs to the bucket itself.
    pub(crate) fn settings(&self) -> Settings {
        self.lock_settings().clone()
    }

    /// Changes the settings.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Settings)) -> io::Result<()> {
        let mut settings = self.lock_settings();
        let mut changed = settings.clone();
        change(&mut changed);
        if let Some(folder) = &self.folder {
            folder.write_settings(&self.name, &changed)?;
        }
        *settings = changed;
        Ok(())
    }

    /// The object that the key stands for.
    pub(crate) fn object(&self, key: &str) -> Option<Arc<Object>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        current(objects.get(key)?).cloned()
    }

    /// The version of that id; without an id, the newest, which may be a marker.
    pub(crate) fn version(&self, key: &str, id: Option<&str>) -> Option<Version> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let entries = objects.get(key)?;
        position(entries, id).map(|at| entries[at].version.clone())
    }

    /// Makes what `make` returns the newest version; it is given the object of the key. Nothing else touches the key meanwhile.
    pub(crate) fn put<E: From<io::Error>>(
        &self,
        key: &str,
        make: impl FnOnce(Option<&Object>) -> Result<Object, E>,
    ) -> Result<Arc<Object>, E> {
        self.rewrite(key, |entries| {
            let mut object = make(current(entries).map(AsRef::as_ref))?;
            object.facts.version = self.lock_settings().versioning.new_id();
            let object = Arc::new(object);
            push(entries, self.entry(key, Version::Object(Arc::clone(&object)))?);
            Ok(object)
        })
    }

    /// Changes a version in its place, the newest without an id. `make` is given `None` where there is no such object.
    pub(crate) fn amend<E: From<io::Error>>(
        &self,
        key: &str,
        id: Option<&str>,
        make: impl FnOnce(Option<&Object>) -> Result<Object, E>,
    ) -> Result<Arc<Object>, E> {
        self.rewrite(key, |entries| {
            let at = position(entries, id).filter(|at| entries[*at].version.object().is_some());
            let old = at.and_then(|at| entries[at].version.object());
            let mut object = make(old.map(AsRef::as_ref))?;
            object.facts.version = match old {
                Some(old) => old.facts.version.clone(),
                None => self.lock_settings().versioning.new_id(),
            };
            let object = Arc::new(object);
            let entry = self.entry(key, Version::Object(Arc::clone(&object)))?;
            match at {
                Some(at) => entries[at] = entry,
                None => push(entries, entry),
            }
            Ok(object)
        })
    }

    /// Removes a version for good; without an id, the key, of which a bucket with versions keeps a marker.
    pub(crate) fn remove(&self, key: &str, id: Option<&str>, now: DateTime<Utc>) -> io::Result<Removed> {
        self.rewrite(key, |entries| match (id, self.lock_settings().versioning.new_id()) {
            (None, None) => {
                entries.clear();
                Ok(Removed::default())
            }
            (None, Some(marker)) => {
                let removed = Removed { version: Some(marker.clone()), marker: true };
                push(entries, self.entry(key, Version::Marker(Marker { id: marker, modified: now }))?);
                Ok(removed)
            }
            (Some(id), _) => {
                let at = position(entries, Some(id));
                let marker = at.is_some_and(|at| entries.remove(at).version.object().is_none());
                Ok(Removed { version: Some(id.to_owned()), marker })
            }
        })
    }

    /// A page of the objects.
    pub(crate) fn list(&self, listing: &Listing) -> Page<Arc<Object>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let first = listing.prefix.as_str().max(listing.after.as_str());
        let names = objects.range::<str, _>((Bound::Included(first), Bound::Unbounded));
        let names = names.take_while(|(key, _)| key.as_str() <= first || key.starts_with(&listing.prefix));
        listing.page(names.filter_map(|(key, entries)| Some((key.as_str(), Arc::clone(current(entries)?)))))
    }

    /// A page of all versions, behind one of them.
    pub(crate) fn list_versions(&self, listing: &Listing, after_version: &str) -> VersionPage {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let first = listing.prefix.as_str().max(listing.after.as_str());
        let names = objects.range::<str, _>((Bound::Included(first), Bound::Unbounded));
        let names = names.take_while(|(key, _)| key.as_str() <= first || key.starts_with(&listing.prefix));
        listing.versions(after_version, names.map(|(key, entries)| (key.as_str(), entries.as_slice())))
    }

    /// Number and bytes of all versions, and the number of unfinished uploads.
    pub(crate) fn stat(&self) -> (usize, u64, usize) {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let sizes = objects.values().flatten().filter_map(|entry| entry.version.object());
        let (count, bytes) = sizes.fold((0, 0), |(count, bytes), object| (count + 1, bytes + object.content.size()));
        (count, bytes, self.uploads.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// Whether nothing is kept here: no version, no marker, no unfinished upload.
    pub(super) fn is_empty(&self) -> bool {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.is_empty() && self.uploads.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// A share of memory for `bytes`.
    pub(super) fn space(&self, bytes: u64) -> io::Result<Space> {
        let mut space = self.space.share();
        space.grow(bytes)?;
        Ok(space)
    }

    /// Edits the versions of a key: on disk first, so that a fault changes nothing.
    fn rewrite<T, E: From<io::Error>>(
        &self,
        key: &str,
        edit: impl FnOnce(&mut Vec<Entry>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        let old = objects.get(key).cloned().unwrap_or_default();
        let mut new = old.clone();
        let outcome = edit(&mut new)?;
        match &self.folder {
            Some(folder) if !new.is_empty() => folder.write_record(&self.name, &record(key, &new))?,
            Some(folder) if !old.is_empty() => folder.remove_record(&self.name, key)?,
            _ => {}
        }
        blobs(&new).for_each(Blob::adopt);
        blobs(&old).for_each(Blob::release);
        if new.is_empty() {
            objects.remove(key)
        } else {
            objects.insert(key.to_owned(), new)
        };
        Ok(outcome)
    }

    fn entry(&self, key: &str, version: Version) -> io::Result<Entry> {
        let weight = version.object().map_or(512, |object| object.weight());
        let space = self.space(weight + key.len() as u64)?;
        Ok(Entry { version, _space: Arc::new(space) })
    }

    fn lock_settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(key: &str, entries: &[Entry]) -> Record {
    let versions = entries.iter().map(|entry| match &entry.version {
        Version::Marker(marker) => VersionRecord::Marker(marker.clone()),
        Version::Object(object) => VersionRecord::Object {
            attributes: object.attributes.clone(),
            facts: object.facts.clone(),
            blobs: names(&object.content).collect(),
        },
    });
    Record { key: key.to_owned(), versions: versions.collect() }
}

fn blobs(entries: &[Entry]) -> impl Iterator<Item = &Blob> {
    entries
        .iter()
        .filter_map(|entry| entry.version.object())
        .flat_map(|object| object.content.blobs())
        .map(|(blob, _)| blob)
}

fn names(content: &Content) -> impl Iterator<Item = (String, u64)> {
    content.blobs().filter_map(|(blob, size)| match blob {
        Blob::File { path, .. } => Some((path.file_name()?.to_string_lossy().into_owned(), size)),
        Blob::Memory { .. } => None,
    })
}
