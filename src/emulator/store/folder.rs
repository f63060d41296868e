//! The store on disk: `blobs/<random>` holds bytes, `buckets/<name>/objects/<SHA-256 of the key>.json` what is known of a
//! key's versions and which blobs they are made of, `buckets/<name>/settings.json` the bucket's own.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::bucket::Settings;
use super::history::Marker;
use super::object::{Attributes, Facts};

/// A folder that keeps a store.
pub(super) struct Folder {
    root: PathBuf,
}

/// A key as it is written down.
#[derive(Deserialize, Serialize)]
pub(super) struct Record {
    pub(super) key: String,
    /// Its versions, the oldest first.
    pub(super) versions: Vec<VersionRecord>,
}

/// A version as it is written down.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "it lives only while it is read or written")]
pub(super) enum VersionRecord {
    Object {
        attributes: Attributes,
        facts: Facts,
        /// Names and sizes of the blobs, in order.
        blobs: Vec<(String, u64)>,
    },
    Marker(Marker),
}

impl Folder {
    /// Opens `root`, which is made if it is missing.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join("blobs"))?;
        fs::create_dir_all(root.join("buckets"))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Names of the buckets; what else lies there is passed over.
    pub(super) fn buckets(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.root.join("buckets"))?.collect::<io::Result<Vec<_>>>()?;
        let folders = entries.into_iter().filter(|entry| entry.path().is_dir());
        Ok(folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }

    /// Makes a bucket, or writes its settings anew.
    pub(super) fn write_settings(&self, bucket: &str, settings: &Settings) -> io::Result<()> {
        fs::create_dir_all(self.objects(bucket))?;
        write(&self.bucket(bucket).join("settings.json"), settings)
    }

    /// The settings of a bucket.
    pub(super) fn settings(&self, bucket: &str) -> io::Result<Settings> {
        read(&self.bucket(bucket).join("settings.json"))
    }

    /// Removes a bucket, which is empty.
    pub(super) fn remove_bucket(&self, bucket: &str) -> io::Result<()> {
        fs::remove_dir_all(self.bucket(bucket))
    }

    /// All keys of a bucket.
    pub(super) fn records(&self, bucket: &str) -> io::Result<Vec<Record>> {
        let entries = fs::read_dir(self.objects(bucket))?.collect::<io::Result<Vec<_>>>()?;
        let paths = entries.into_iter().map(|entry| entry.path());
        // A draft is what the end of the process left of a write; its object is as it was before.
        paths.filter(|path| path.extension() == Some("json".as_ref())).map(|path| read(&path)).collect()
    }

    /// Writes a key's record; the old one is replaced at once.
    pub(super) fn write_record(&self, bucket: &str, record: &Record) -> io::Result<()> {
        write(&self.record(bucket, &record.key), record)
    }

    /// Removes a key's record.
    pub(super) fn remove_record(&self, bucket: &str, key: &str) -> io::Result<()> {
        fs::remove_file(self.record(bucket, key))
    }

    /// Where a new blob goes.
    pub(super) fn new_blob(&self) -> PathBuf {
        self.blob(&Uuid::new_v4().simple().to_string())
    }

    /// Where a blob lies.
    pub(super) fn blob(&self, name: &str) -> PathBuf {
        self.root.join("blobs").join(name)
    }

    /// Removes the blobs that no record names: uploads that the end of the process cut off.
    pub(super) fn sweep(&self, named: &HashSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join("blobs"))? {
            let entry = entry?;
            if !named.contains(entry.file_name().to_string_lossy().as_ref()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn bucket(&self, name: &str) -> PathBuf {
        self.root.join("buckets").join(name)
    }

    fn objects(&self, bucket: &str) -> PathBuf {
        self.bucket(bucket).join("objects")
    }

    /// A key may hold any character and be longer than a file name can be; its digest is neither.
    fn record(&self, bucket: &str, key: &str) -> PathBuf {
        self.objects(bucket).join(format!("{}.json", const_hex::encode(Sha256::digest(key))))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let text = fs::read(path)?;
    let unreadable = |error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()));
    serde_json::from_slice(&text).map_err(unreadable)
}

fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_json::to_vec(value)?)?;
    fs::rename(draft, path)
}
