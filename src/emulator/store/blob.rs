//! Bytes as they were sent, in memory or in a file, and the writer that measures them on the way in.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::content::Content;
use super::space::Space;

/// Memory is filled in pieces of this size, so that a body of one-byte chunks costs no more than its bytes.
const CHUNK: usize = 256 * 1024;

/// What a blob costs beside its bytes.
const OVERHEAD: u64 = 512;

/// Bytes that do not change any more.
#[derive(Debug)]
pub(crate) enum Blob {
    /// Bytes in memory.
    Memory {
        /// The bytes in order.
        chunks: Vec<Bytes>,
        /// What they take of the store's memory.
        _space: Space,
    },
    /// A file, which lives as long as an object owns it or a reader holds it.
    File {
        /// Where it lies; the last segment is its name in the records.
        path: PathBuf,
        /// Objects on disk that refer to it. With none, dropping the blob removes the file.
        owners: AtomicUsize,
        /// What knowing of it takes of the store's memory.
        _space: Space,
    },
}

impl Blob {
    /// A blob over a file.
    pub(super) fn file(path: PathBuf, mut space: Space) -> io::Result<Self> {
        space.grow(OVERHEAD)?;
        Ok(Self::File { path, owners: AtomicUsize::new(0), _space: space })
    }

    /// One more object on disk refers to it.
    pub(super) fn adopt(&self) {
        if let Self::File { owners, .. } = self {
            owners.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// One object fewer refers to it.
    pub(super) fn release(&self) {
        if let Self::File { owners, .. } = self {
            owners.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Blob {
    /// Removes a file that nothing refers to: an upload that failed, or content that was replaced.
    fn drop(&mut self) {
        if let Self::File { path, owners, .. } = self
            && *owners.get_mut() == 0
        {
            // A file that cannot be removed now is swept at the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Takes bytes in; what is not finished leaves nothing behind.
pub(crate) struct BlobWriter {
    sink: Sink,
    size: u64,
    md5: Md5,
    crc64: crc64fast::Digest,
}

enum Sink {
    Memory { full: Vec<Bytes>, filling: BytesMut, space: Space },
    File { file: File, blob: Blob },
}

/// What a writer took in.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The bytes.
    pub(crate) content: Content,
    /// Their MD5.
    pub(crate) md5: [u8; 16],
    /// Their CRC-64/XZ.
    pub(crate) crc64: u64,
}

impl BlobWriter {
    /// A writer into memory.
    pub(super) fn memory(mut space: Space) -> io::Result<Self> {
        space.grow(OVERHEAD)?;
        Ok(Self::new(Sink::Memory { full: Vec::new(), filling: BytesMut::new(), space }))
    }

    /// A writer into a new file at `path`.
    pub(super) async fn file(path: PathBuf, space: Space) -> io::Result<Self> {
        let blob = Blob::file(path.clone(), space)?;
        let file = File::create_new(path).await?;
        Ok(Self::new(Sink::File { file, blob }))
    }

    fn new(sink: Sink) -> Self {
        Self { sink, size: 0, md5: Md5::new(), crc64: crc64fast::Digest::new() }
    }

    /// Bytes taken so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes `chunk` in.
    pub(crate) async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.size += chunk.len() as u64;
        self.md5.update(chunk);
        self.crc64.write(chunk);
        match &mut self.sink {
            Sink::Memory { full, filling, space } => {
                space.grow(chunk.len() as u64)?;
                fill(full, filling, chunk);
                Ok(())
            }
            Sink::File { file, .. } => file.write_all(chunk).await,
        }
    }

    /// Ends the blob.
    pub(crate) async fn finish(self) -> io::Result<Written> {
        let blob = match self.sink {
            Sink::Memory { mut full, filling, space } => {
                // Copied, since a half-filled buffer would keep its whole capacity.
                full.push(Bytes::copy_from_slice(&filling));
                Blob::Memory { chunks: full, _space: space }
            }
            Sink::File { mut file, blob } => {
                file.flush().await?;
                blob
            }
        };
        let content = Content::of(Arc::new(blob), self.size);
        Ok(Written { content, md5: self.md5.finalize().into(), crc64: self.crc64.sum64() })
    }
}

fn fill(full: &mut Vec<Bytes>, filling: &mut BytesMut, mut chunk: &[u8]) {
    while !chunk.is_empty() {
        let (now, later) = chunk.split_at(chunk.len().min(CHUNK - filling.len()));
        filling.extend_from_slice(now);
        chunk = later;
        if filling.len() == CHUNK {
            full.push(std::mem::take(filling).freeze());
        }
    }
}
