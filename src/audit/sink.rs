//! The writer: takes what has gathered and puts it where the trail goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Destination;
use super::queue::{Batch, Queue};

#[derive(Debug)]
pub(super) enum Sink {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Sink {
    pub(super) fn open(destination: &Destination) -> io::Result<Self> {
        Ok(match destination {
            Destination::Stdout => Self::Stdout,
            Destination::File(path) => Self::File { file: end_of(path)?, path: path.clone() },
        })
    }

    /// Writes all that `queue` brings, until it is closed.
    pub(super) fn write_all_of(mut self, queue: &Queue) {
        let mut batch = Batch::default();
        while queue.take(&mut batch) {
            if batch.reopen {
                self.reopen();
            }
            if batch.dropped > 0 {
                let dropped = batch.dropped;
                tracing::warn!(dropped, "the audit trail could not follow");
                // A gap that the trail does not tell of would look like silence.
                batch.lines.extend_from_slice(format!("{{\"outcome\":\"dropped\",\"count\":{dropped}}}\n").as_bytes());
            }
            match self.write(&batch.lines) {
                Ok(()) => queue.wrote(),
                Err(error) => {
                    let lines = batch.lines.split_inclusive(|byte| *byte == b'\n').count() as u64;
                    queue.lost(lines);
                    tracing::error!(%error, lines, "audit events are lost");
                }
            }
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = stdout().lock();
                out.write_all(lines)?;
                out.flush()
            }
            Self::File { file, .. } => file.write_all(lines),
        }
    }

    /// The old file stays in use where the new one cannot be opened.
    fn reopen(&mut self) {
        let Self::File { path, file } = self else { return };
        match end_of(path) {
            Ok(opened) => {
                *file = opened;
                tracing::info!(path = %path.display(), "the audit file is opened again");
            }
            Err(error) => tracing::error!(%error, path = %path.display(), "the audit file cannot be opened again"),
        }
    }
}

/// The trail names callers, so others of the machine do not read it.
fn end_of(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}
