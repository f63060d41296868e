//! One bucket: its settings, its objects and its unfinished uploads.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::blob::Blob;
use super::content::Content;
use super::folder::{Folder, Record};
use super::listing::{Listing, Page};
use super::object::Object;
use super::space::Space;
use super::upload::Upload;

/// A bucket.
pub(crate) struct Bucket {
    /// Its name.
    pub(crate) name: String,
    settings: Mutex<Settings>,
    objects: RwLock<BTreeMap<String, Kept>>,
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

/// An object with its share of memory.
struct Kept {
    object: Arc<Object>,
    _space: Space,
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
        let mut content = Content::default();
        for (name, size) in &record.blobs {
            let blob = Blob::file(folder.blob(name), self.space.share())?;
            content.push(&Content::of(Arc::new(blob), *size));
        }
        content.blobs().for_each(|(blob, _)| blob.adopt());
        let object = Object { content, attributes: record.attributes, facts: record.facts };
        let kept = self.keep(&record.key, object)?;
        self.objects.write().unwrap_or_else(PoisonError::into_inner).insert(record.key, kept);
        Ok(())
    }

    /// Names of the blobs that objects refer to.
    pub(super) fn blob_names(&self) -> HashSet<String> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.values().flat_map(|kept| names(&kept.object.content)).map(|(name, _)| name).collect()
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

    /// The object of that key.
    pub(crate) fn object(&self, key: &str) -> Option<Arc<Object>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.get(key).map(|kept| Arc::clone(&kept.object))
    }

    /// Puts what `make` returns in the place of what it is given; nothing else touches the key meanwhile.
    pub(crate) fn replace<E: From<io::Error>>(
        &self,
        key: &str,
        make: impl FnOnce(Option<&Object>) -> Result<Object, E>,
    ) -> Result<Arc<Object>, E> {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        let new = make(objects.get(key).map(|kept| kept.object.as_ref()))?;
        let kept = self.keep(key, new)?;
        if let Some(folder) = &self.folder {
            folder.write_record(&self.name, &record(key, &kept.object))?;
        }
        let object = Arc::clone(&kept.object);
        object.content.blobs().for_each(|(blob, _)| blob.adopt());
        if let Some(old) = objects.insert(key.to_owned(), kept) {
            old.object.content.blobs().for_each(|(blob, _)| blob.release());
        }
        Ok(object)
    }

    /// Removes an object, if it is there.
    pub(crate) fn remove(&self, key: &str) -> io::Result<()> {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        if !objects.contains_key(key) {
            return Ok(());
        }
        if let Some(folder) = &self.folder {
            folder.remove_record(&self.name, key)?;
        }
        if let Some(old) = objects.remove(key) {
            old.object.content.blobs().for_each(|(blob, _)| blob.release());
        }
        Ok(())
    }

    /// A page of the objects.
    pub(crate) fn list(&self, listing: &Listing) -> Page<Arc<Object>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let first = listing.prefix.as_str().max(listing.after.as_str());
        let names = objects.range::<str, _>((Bound::Included(first), Bound::Unbounded));
        let names = names.take_while(|(key, _)| key.as_str() <= first || key.starts_with(&listing.prefix));
        listing.page(names.map(|(key, kept)| (key.as_str(), Arc::clone(&kept.object))))
    }

    /// A share of memory for `bytes`.
    pub(super) fn space(&self, bytes: u64) -> io::Result<Space> {
        let mut space = self.space.share();
        space.grow(bytes)?;
        Ok(space)
    }

    fn keep(&self, key: &str, object: Object) -> io::Result<Kept> {
        let space = self.space(object.weight() + key.len() as u64)?;
        Ok(Kept { object: Arc::new(object), _space: space })
    }

    fn lock_settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(key: &str, object: &Object) -> Record {
    Record {
        key: key.to_owned(),
        attributes: object.attributes.clone(),
        facts: object.facts.clone(),
        blobs: names(&object.content).collect(),
    }
}

fn names(content: &Content) -> impl Iterator<Item = (String, u64)> {
    content.blobs().filter_map(|(blob, size)| match blob {
        Blob::File { path, .. } => Some((path.file_name()?.to_string_lossy().into_owned(), size)),
        Blob::Memory { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::{Facts, Kind, Store};
    use super::*;

    fn store(folder: &Path) -> Store {
        Store::open(Some(folder)).expect("it opens")
    }

    fn settings() -> Settings {
        Settings { acl: "private".to_owned(), cors: Vec::new(), created: DateTime::UNIX_EPOCH }
    }

    async fn object(store: &Store, text: &str) -> Object {
        let mut writer = store.writer().await.expect("there is space");
        writer.write(text.as_bytes()).await.expect("there is space");
        let written = writer.finish().await.expect("there is space");
        let facts = Facts {
            etag: const_hex::encode_upper(written.md5),
            content_md5: None,
            crc64: written.crc64,
            kind: Kind::Normal,
            modified: DateTime::UNIX_EPOCH,
        };
        Object { content: written.content, attributes: super::super::Attributes::default(), facts }
    }

    fn blobs(folder: &Path) -> usize {
        fs::read_dir(folder.join("blobs")).expect("the folder is there").count()
    }

    #[tokio::test]
    async fn objects_of_any_key_survive_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = ["a", "a/b", "../../etc", "…", "CON", "a\0b", &"x".repeat(1023)];
        {
            let store = store(folder.path());
            let bucket = store.create("examplebucket", settings()).expect("it is made");
            for key in keys {
                let made = object(&store, key).await;
                bucket.replace(key, |_| Ok::<_, io::Error>(made)).expect("it is kept");
            }
        }
        let bucket = store(folder.path()).bucket("examplebucket").expect("it was made");
        for key in keys {
            assert_eq!(bucket.object(key).map(|object| object.content.size()), Some(key.len() as u64), "{key}");
        }
        assert_eq!(blobs(folder.path()), keys.len());
    }

    #[tokio::test]
    async fn a_file_goes_with_its_last_owner_and_not_before() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(folder.path());
        let bucket = store.create("examplebucket", settings()).expect("it is made");
        let made = object(&store, "shared").await;
        let copy = made.clone();
        bucket.replace("one", |_| Ok::<_, io::Error>(made)).expect("it is kept");
        bucket.replace("two", |_| Ok::<_, io::Error>(copy)).expect("it is kept");
        bucket.remove("one").expect("it goes");
        assert_eq!(blobs(folder.path()), 1);
        let other = object(&store, "other").await;
        bucket.replace("two", |_| Ok::<_, io::Error>(other)).expect("it is kept");
        assert_eq!(blobs(folder.path()), 1);
        bucket.remove("two").expect("it goes");
        assert_eq!(blobs(folder.path()), 0);
    }

    #[tokio::test]
    async fn what_is_not_finished_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(folder.path());
        let mut writer = store.writer().await.expect("there is space");
        writer.write(b"half").await.expect("there is space");
        assert_eq!(blobs(folder.path()), 1);
        drop(writer);
        assert_eq!(blobs(folder.path()), 0);
        fs::write(folder.path().join("blobs").join("cut-off"), "half").expect("it is written");
        assert_eq!(blobs(folder.path()), 1);
        drop(store);
        Store::open(Some(folder.path())).expect("it opens");
        assert_eq!(blobs(folder.path()), 0);
    }
}
