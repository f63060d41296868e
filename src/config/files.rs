//! The files that a configuration was read from, looked at again and again for changes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// The files that a configuration was read from.
///
/// They are compared by content: Kubernetes swaps a link to a folder of files, and leaves their times and names alone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Files(Arc<[PathBuf]>);

/// What the files held at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Content([u8; 32]);

impl Files {
    /// What they hold now; a file that cannot be read holds nothing.
    #[must_use]
    pub fn content(&self) -> Content {
        let mut hash = Sha256::new();
        for file in &*self.0 {
            match fs::read(file) {
                Ok(bytes) => hash.update(Sha256::digest(bytes)),
                Err(_) => hash.update([0]),
            }
        }
        Content(hash.finalize().into())
    }
}

impl FromIterator<PathBuf> for Files {
    fn from_iter<I: IntoIterator<Item = PathBuf>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_link_that_leads_elsewhere_is_a_change_and_a_new_date_is_none() {
        let folder = TempDir::new().unwrap();
        let [one, two, link] = ["1.toml", "2.toml", "link.toml"].map(|name| folder.path().join(name));
        fs::write(&one, "listen = \"a\"").unwrap();
        fs::write(&two, "listen = \"b\"").unwrap();
        symlink(&one, &link).unwrap();
        let files: Files = [link.clone()].into_iter().collect();
        let before = files.content();
        fs::write(&one, "listen = \"a\"").unwrap();
        assert_eq!(files.content(), before);
        fs::remove_file(&link).unwrap();
        assert_ne!(files.content(), before);
        symlink(&two, &link).unwrap();
        assert_ne!(files.content(), before);
    }
}
