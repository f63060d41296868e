//! A page of all versions of a bucket's keys: keys in order, of each the newest first.

use super::history::{Entry, Version};
use super::listing::Listing;

/// One version in a listing.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The key.
    pub(crate) key: String,
    /// The version.
    pub(crate) version: Version,
    /// Whether it is what the key stands for now.
    pub(crate) latest: bool,
}

/// A page of versions.
#[derive(Debug, Default)]
pub(crate) struct VersionPage {
    /// What is listed by its own name.
    pub(crate) versions: Vec<Listed>,
    /// What is rolled up.
    pub(crate) prefixes: Vec<String>,
    /// Key and version behind which the next page begins, when there is one; the version of a prefix is empty.
    pub(crate) next: Option<(String, String)>,
}

impl Listing {
    /// Fills a page from keys in order; `after_version` says which version of `after` was the last seen, empty for all of them.
    pub(super) fn versions<'a>(
        &self,
        after_version: &str,
        names: impl Iterator<Item = (&'a str, &'a [Entry])>,
    ) -> VersionPage {
        let mut page = VersionPage::default();
        let mut last = None;
        for (key, entries) in names.filter(|(key, _)| key.starts_with(&self.prefix)) {
            if let Some(prefix) = self.rolled(key) {
                let known = page.prefixes.last().is_some_and(|known| known == prefix) || prefix <= self.after.as_str();
                if !known {
                    if page.len() == self.max {
                        page.next = last;
                        return page;
                    }
                    page.prefixes.push(prefix.to_owned());
                    last = Some((prefix.to_owned(), String::new()));
                }
                continue;
            }
            for (version, latest) in self.behind(key, entries, after_version) {
                if page.len() == self.max {
                    page.next = last;
                    return page;
                }
                last = Some((key.to_owned(), version.id().to_owned()));
                page.versions.push(Listed { key: key.to_owned(), version: version.clone(), latest });
            }
        }
        page
    }

    /// The versions of a key that no earlier page has listed.
    fn behind<'a>(&self, key: &str, entries: &'a [Entry], after_version: &str) -> Vec<(&'a Version, bool)> {
        let all = entries.iter().rev().enumerate().map(|(at, entry)| (&entry.version, at == 0));
        match key.cmp(self.after.as_str()) {
            _ if self.after.is_empty() => all.collect(),
            std::cmp::Ordering::Less => Vec::new(),
            std::cmp::Ordering::Greater => all.collect(),
            std::cmp::Ordering::Equal if after_version.is_empty() => Vec::new(),
            std::cmp::Ordering::Equal => all.skip_while(|(version, _)| version.id() != after_version).skip(1).collect(),
        }
    }
}

impl VersionPage {
    fn len(&self) -> usize {
        self.versions.len() + self.prefixes.len()
    }
}
