//! Multipart uploads under way. They do not outlive the process.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::blob::Written;
use super::bucket::Bucket;
use super::object::Attributes;
use super::space::Space;

/// What a part or an upload takes of memory beside its bytes and attributes.
const OVERHEAD: u64 = 512;

/// One multipart upload.
pub(crate) struct Upload {
    /// Its id, 32 upper-case hex digits.
    pub(crate) id: String,
    /// The object it will become.
    pub(crate) key: String,
    /// What the uploader said of the object.
    pub(crate) attributes: Attributes,
    /// When it began.
    pub(crate) initiated: DateTime<Utc>,
    parts: Mutex<BTreeMap<u16, Part>>,
    _space: Space,
}

/// One part.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its bytes, MD5 and CRC.
    pub(crate) written: Written,
    /// When it came.
    pub(crate) modified: DateTime<Utc>,
}

impl Part {
    /// Without its quotes.
    pub(crate) fn etag(&self) -> String {
        const_hex::encode_upper(self.written.md5)
    }
}

impl Upload {
    /// Takes a part, in the place of one of the same number.
    pub(crate) fn put(&self, number: u16, part: Part) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).insert(number, part);
    }

    /// The parts at this moment.
    pub(crate) fn parts(&self) -> BTreeMap<u16, Part> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Bucket {
    /// Begins an upload.
    pub(crate) fn begin(
        &self,
        id: String,
        key: &str,
        attributes: Attributes,
        initiated: DateTime<Utc>,
    ) -> io::Result<Arc<Upload>> {
        let space = self.space(attributes.weight() + 2 * key.len() as u64 + OVERHEAD)?;
        let parts = Mutex::default();
        let upload = Upload { id, key: key.to_owned(), attributes, initiated, parts, _space: space };
        let upload = Arc::new(upload);
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.insert((key.to_owned(), upload.id.clone()), Arc::clone(&upload));
        Ok(upload)
    }

    /// The upload of that key and id.
    pub(crate) fn upload(&self, key: &str, id: &str) -> Option<Arc<Upload>> {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.get(&(key.to_owned(), id.to_owned())).cloned()
    }

    /// Ends an upload; of several who try, one has it.
    pub(crate) fn end(&self, upload: &Upload) -> Option<Arc<Upload>> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.remove(&(upload.key.clone(), upload.id.clone()))
    }

    /// The uploads behind `(key, id)`, in order, that `wanted` accepts, `max` at most; and whether there are more.
    pub(crate) fn uploads(&self, prefix: &str, after: (String, String), max: usize) -> (Vec<Arc<Upload>>, bool) {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = uploads.range((Bound::Excluded(after), Bound::Unbounded)).map(|(_, upload)| upload);
        let mut found: Vec<_> = behind.filter(|upload| upload.key.starts_with(prefix)).take(max + 1).cloned().collect();
        let more = found.len() > max;
        found.truncate(max);
        (found, more)
    }
}
