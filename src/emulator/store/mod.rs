//! Buckets and their objects, in memory or in a folder that outlives the process.
//!
//! Nothing half done is ever seen: bytes go to a blob first, and an object appears, changes or goes at once.

mod blob;
mod bucket;
mod content;
mod crc;
mod folder;
mod history;
mod listing;
mod object;
mod space;
mod upload;
mod versions;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use self::blob::{BlobWriter, Written};
pub(crate) use self::bucket::{Bucket, CorsRule, Settings};
pub(crate) use self::content::Content;
pub(crate) use self::crc::combine;
pub(crate) use self::history::{Marker, NULL, Removed, Version, Versioning};
pub(crate) use self::listing::{Listing, Page};
pub(crate) use self::object::{Attributes, Facts, Kind, Object};
pub(crate) use self::upload::{Part, Upload};
pub(crate) use self::versions::{Listed, VersionPage};

use self::folder::Folder;
use self::space::Space;

/// Buckets at most, as OSS has it for one account.
const BUCKETS: usize = 100;

/// All buckets.
pub(crate) struct Store {
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
    folder: Option<Arc<Folder>>,
    space: Space,
}

impl Store {
    /// Opens the store in `data_dir`, or an empty one in memory.
    pub(crate) fn open(data_dir: Option<&Path>) -> io::Result<Self> {
        let space = Space::whole();
        let folder = data_dir.map(Folder::open).transpose()?.map(Arc::new);
        let mut buckets = BTreeMap::new();
        if let Some(folder) = &folder {
            for name in folder.buckets()? {
                buckets.insert(name.clone(), Arc::new(Bucket::load(name, folder, &space)?));
            }
            folder.sweep(&buckets.values().flat_map(|bucket: &Arc<Bucket>| bucket.blob_names()).collect())?;
        }
        Ok(Self { buckets: RwLock::new(buckets), folder, space })
    }

    /// The bucket of that name.
    pub(crate) fn bucket(&self, name: &str) -> Option<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All buckets in order of their names.
    pub(crate) fn buckets(&self) -> Vec<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Makes a bucket unless it is there; the names are safe as names of folders. `QuotaExceeded` beyond 100 buckets.
    pub(crate) fn create(&self, name: &str, settings: Settings) -> io::Result<Arc<Bucket>> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        if buckets.len() >= BUCKETS {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let bucket = Arc::new(Bucket::create(name.to_owned(), settings, self.folder.clone(), self.space.share())?);
        buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// Removes a bucket with nothing in it; `DirectoryNotEmpty` otherwise.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        if buckets.get(name).is_some_and(|bucket| !bucket.is_empty()) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if buckets.remove(name).is_some()
            && let Some(folder) = &self.folder
        {
            folder.remove_bucket(name)?;
        }
        Ok(())
    }

    /// A writer for new bytes. `StorageFull` when memory is used up.
    pub(crate) async fn writer(&self) -> io::Result<BlobWriter> {
        match &self.folder {
            Some(folder) => BlobWriter::file(folder.new_blob(), self.space.share()).await,
            None => BlobWriter::memory(self.space.share()),
        }
    }
}
