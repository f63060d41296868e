//! A file that holds the key, such as a mounted secret; and how files of keys are read at all.
//!
//! Changes are seen by the content, not by notices of the file system: Kubernetes swaps links, editors swap files.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

use super::document::{self, Code, Obtained};
use super::error::Fault;

/// A credentials file with many profiles stays far below.
const MAX_FILE: u64 = 256 * 1024;

/// The bytes of `file`.
pub(super) async fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let unreadable = |error| Fault::Unreadable { file: file.display().to_string(), error: Arc::new(error) };
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    let opened = File::open(file).await.map_err(unreadable)?;
    opened.take(MAX_FILE + 1).read_to_end(&mut text).await.map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE { Err(Fault::TooLong) } else { Ok(text) }
}

/// By which a change of the file is seen.
pub(super) fn fingerprint(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The key in `file`, as JSON.
pub(super) async fn obtain(file: &Path) -> Result<Obtained, Fault> {
    let text = read(file).await?;
    let obtained = document::read(&text, Code::Optional)?;
    Ok(Obtained { fingerprint: Some(fingerprint(&text)), ..obtained })
}
