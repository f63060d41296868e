//! The content of an object: pieces of bytes, read as one.

use std::collections::VecDeque;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::blob::Blob;

/// Files are read in pieces of this size.
const READ: u64 = 64 * 1024;

/// Bytes of an object. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pieces: Vec<Piece>,
    size: u64,
}

#[derive(Clone, Debug)]
struct Piece {
    blob: Arc<Blob>,
    size: u64,
}

impl Content {
    /// The content that is one blob of `size` bytes.
    pub(super) fn of(blob: Arc<Blob>, size: u64) -> Self {
        Self { pieces: vec![Piece { blob, size }], size }
    }

    /// Its length in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Puts `tail` behind.
    pub(crate) fn push(&mut self, tail: &Content) {
        self.pieces.extend(tail.pieces.iter().cloned());
        self.size += tail.size;
    }

    /// The blobs with their sizes, in order.
    pub(super) fn blobs(&self) -> impl Iterator<Item = (&Blob, u64)> {
        self.pieces.iter().map(|piece| (piece.blob.as_ref(), piece.size))
    }

    /// What the list of pieces takes of memory.
    pub(super) fn weight(&self) -> u64 {
        (self.pieces.len() * size_of::<Piece>()) as u64
    }

    /// Reads the bytes of `range`, which lies within the content.
    pub(crate) fn read(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let mut segments = VecDeque::new();
        let mut start = 0;
        for Piece { blob, size } in &self.pieces {
            let from = range.start.clamp(start, start + size) - start;
            let to = range.end.clamp(start, start + size) - start;
            if from < to {
                cut(blob, from..to, &mut segments);
            }
            start += size;
        }
        try_unfold(Reader { segments, open: None }, Reader::next)
    }
}

enum Segment {
    Bytes(Bytes),
    // The blob is held so that its file is not removed before it is opened.
    File { path: PathBuf, blob: Arc<Blob>, range: Range<u64> },
}

fn cut(blob: &Arc<Blob>, range: Range<u64>, segments: &mut VecDeque<Segment>) {
    match blob.as_ref() {
        Blob::File { path, .. } => {
            segments.push_back(Segment::File { path: path.clone(), blob: Arc::clone(blob), range });
        }
        Blob::Memory { chunks, .. } => {
            let mut start = 0;
            for chunk in chunks {
                let len = chunk.len() as u64;
                let from = usize_of(range.start.clamp(start, start + len) - start);
                let to = usize_of(range.end.clamp(start, start + len) - start);
                if from < to {
                    segments.push_back(Segment::Bytes(chunk.slice(from..to)));
                }
                start += len;
            }
        }
    }
}

fn usize_of(within_chunk: u64) -> usize {
    usize::try_from(within_chunk).expect("an offset within a chunk in memory fits")
}

struct Reader {
    segments: VecDeque<Segment>,
    open: Option<(File, Arc<Blob>, u64)>,
}

impl Reader {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        loop {
            if let Some((file, _, left)) = &mut self.open
                && *left > 0
            {
                let chunk = read_some(file, left).await?;
                return Ok(Some((chunk, self)));
            }
            match self.segments.pop_front() {
                None => return Ok(None),
                Some(Segment::Bytes(bytes)) => return Ok(Some((bytes, self))),
                Some(Segment::File { path, blob, range }) => {
                    let mut file = File::open(path).await?;
                    file.seek(SeekFrom::Start(range.start)).await?;
                    self.open = Some((file, blob, range.end - range.start));
                }
            }
        }
    }
}

async fn read_some(file: &mut File, left: &mut u64) -> io::Result<Bytes> {
    let wanted = READ.min(*left);
    let mut chunk = BytesMut::with_capacity(usize_of(wanted));
    if file.take(wanted).read_buf(&mut chunk).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    *left -= chunk.len() as u64;
    Ok(chunk.freeze())
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::super::Store;
    use super::*;

    async fn pieces(store: &Store) -> Content {
        let mut whole = Content::default();
        for piece in ["hello", "", " ", "world"] {
            let mut writer = store.writer().await.expect("a new store has space");
            writer.write(piece.as_bytes()).await.expect("a new store has space");
            whole.push(&writer.finish().await.expect("a new store has space").content);
        }
        whole
    }

    async fn read(content: &Content, range: Range<u64>) -> String {
        let chunks: Vec<Bytes> = content.read(range).try_collect().await.expect("the bytes are there");
        String::from_utf8(chunks.concat()).expect("the bytes are text")
    }

    #[tokio::test]
    async fn any_range_reads_the_same_from_memory_and_from_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stores = [Store::open(None), Store::open(Some(folder.path()))];
        for store in stores.map(|store| store.expect("it opens")) {
            let content = pieces(&store).await;
            for start in 0..=11 {
                for end in start..=11 {
                    let expected = &"hello world"[start..end];
                    assert_eq!(read(&content, start as u64..end as u64).await, expected, "{start}..{end}");
                }
            }
        }
    }
}
