//! The writer: takes what has gathered and writes it to where the trail goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Destination;
use super::queue::{Batch, Gap, Queue};

/// Where lines go. Nothing is buffered here, so that after an error it is known what was written.
#[derive(Debug)]
pub(super) struct Sink {
    file: File,
    /// Where the file is; standard output has no path.
    path: Option<PathBuf>,
    /// Whether the last line has no end: a disk that was full took a part of it. The next line must not continue it.
    is_torn: bool,
}

impl Sink {
    pub(super) fn open(destination: &Destination) -> io::Result<Self> {
        match destination {
            Destination::Stdout => Ok(Self::of(stdout().as_fd().try_clone_to_owned()?.into())),
            Destination::File(path) => {
                Ok(Self { file: open_to_append(path)?, path: Some(path.clone()), is_torn: ends_in_a_line(path) })
            }
        }
    }

    pub(super) fn of(file: File) -> Self {
        Self { file, path: None, is_torn: false }
    }

    /// Writes all that `queue` brings, until it is closed.
    pub(super) fn run(mut self, queue: &Queue) {
        let mut batch = Batch::default();
        while queue.take(&mut batch) {
            if batch.reopen {
                self.reopen();
            }
            let reports_gap = append_gap(&mut batch.lines, batch.gap);
            match self.write_lines(&batch.lines) {
                Ok(()) if batch.lines.is_empty() => {}
                Ok(()) => {
                    if queue.succeeded() {
                        tracing::warn!("audit events are written again");
                    }
                    if reports_gap {
                        let Gap { events, refusals } = batch.gap;
                        tracing::warn!(events, refusals, "audit events are missing");
                    }
                }
                Err((error, unwritten)) => {
                    let lost = unwritten - u64::from(reports_gap);
                    if queue.failed(lost, batch.gap) {
                        tracing::error!(%error, lost, "audit events cannot be written");
                    }
                }
            }
        }
        queue.finish();
    }

    /// Writes `lines`. With an error comes how many of them are not written, or not to their end.
    fn write_lines(&mut self, lines: &[u8]) -> Result<(), (io::Error, u64)> {
        let mut written = 0;
        let result = if self.is_torn && !lines.is_empty() { self.write_all(b"\n", &mut 0) } else { Ok(()) };
        result
            .and_then(|()| self.write_all(lines, &mut written))
            .map_err(|error| (error, count_lines(&lines[written..])))
    }

    fn write_all(&mut self, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        while *written < bytes.len() {
            match self.file.write(&bytes[*written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    *written += count;
                    self.is_torn = bytes[*written - 1] != b'\n';
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The old file stays in use where the new one cannot be opened.
    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match open_to_append(path) {
            Ok(file) => {
                (self.is_torn, self.file) = (ends_in_a_line(path), file);
                tracing::info!(path = %path.display(), "the audit file is opened again");
            }
            Err(error) => tracing::error!(%error, path = %path.display(), "the audit file cannot be opened again"),
        }
    }
}

/// The trail names callers, so other users of the machine may not read it. A FIFO is opened for reading too: else `open`
/// would block until another process reads it.
fn open_to_append(path: &Path) -> io::Result<File> {
    let is_fifo = fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    OpenOptions::new().append(true).create(true).read(is_fifo).mode(0o640).open(path)
}

/// Whether the file ends within a line, as one does that was cut short by a full disk or a crash. Of a file that cannot be
/// read it is not known.
fn ends_in_a_line(path: &Path) -> bool {
    let last_byte = || {
        let mut file = fs::metadata(path).ok().filter(fs::Metadata::is_file).and(File::open(path).ok())?;
        file.seek(SeekFrom::End(-1)).ok()?;
        let mut last = [0];
        file.read_exact(&mut last).ok()?;
        Some(last[0])
    };
    last_byte().is_some_and(|last| last != b'\n')
}

/// Appends a line on the events that are missing; without it, a gap in the trail would look like silence.
fn append_gap(lines: &mut Vec<u8>, Gap { events, refusals }: Gap) -> bool {
    if events > 0 {
        let line = format!("{{\"outcome\":\"dropped\",\"count\":{events},\"refusals\":{refusals}}}\n");
        lines.extend_from_slice(line.as_bytes());
    }
    events > 0
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.split_inclusive(|byte| *byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use tempfile::TempDir;

    use super::*;

    /// Whether each line is JSON.
    fn parseable(text: &str) -> Vec<bool> {
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).collect()
    }

    #[test]
    fn an_event_after_a_partial_write_has_a_line_of_its_own() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        reader.set_nonblocking(true).unwrap();
        let mut sink = Sink::of(OwnedFd::from(writer).into());
        let line = format!("{{\"key\":\"{}\"}}\n", "x".repeat(1_000_000));
        let (_, unwritten) = sink.write_lines(format!("{{}}\n{line}{line}").as_bytes()).unwrap_err();
        assert!((1..=2).contains(&unwritten), "the first line is written, and a part of another");
        let mut text = Vec::new();
        let _would_block = reader.read_to_end(&mut text);
        assert_eq!(sink.write_lines(b"{\"a\":1}\n").map_err(|_| ()), Ok(()));
        assert_eq!(sink.write_lines(b"{\"b\":2}\n").map_err(|_| ()), Ok(()));
        drop(sink);
        reader.read_to_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.ends_with("\n{\"a\":1}\n{\"b\":2}\n"));
        assert_eq!(parseable(&text).iter().filter(|good| !**good).count(), 1, "the torn line alone is no JSON");
    }

    #[test]
    fn a_line_that_a_crash_cut_short_does_not_swallow_the_next() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("audit.log");
        for (before, after) in [("{\"time\":\"2026", "{\"time\":\"2026\n{}\n"), ("{}\n", "{}\n{}\n"), ("", "{}\n")] {
            fs::write(&path, before).unwrap();
            let mut sink = Sink::open(&Destination::File(path.clone())).unwrap();
            sink.write_lines(b"{}\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn a_full_disk_loses_whole_events_and_counts_them() {
        let mut sink = Sink::open(&Destination::File("/dev/full".into())).unwrap();
        for _ in 0..2 {
            let (error, unwritten) = sink.write_lines(b"{}\n{}\n{}\n").unwrap_err();
            assert_eq!((error.kind(), unwritten), (ErrorKind::StorageFull, 3));
        }
    }
}
