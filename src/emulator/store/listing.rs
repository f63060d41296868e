//! One page of a listing: what begins with a prefix, rolled up at a delimiter, after a marker.

/// What to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// Names begin with this.
    pub(crate) prefix: String,
    /// Names that hold this after the prefix are rolled up there; empty for none.
    pub(crate) delimiter: String,
    /// Names follow this one; empty for the beginning. It may be a rolled-up prefix of an earlier page.
    pub(crate) after: String,
    /// Entries at most.
    pub(crate) max: usize,
}

/// A page of a listing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// What is listed by its own name.
    pub(crate) entries: Vec<(String, T)>,
    /// What is rolled up.
    pub(crate) prefixes: Vec<String>,
    /// Where the next page begins, when there is one.
    pub(crate) next: Option<String>,
}

impl Listing {
    /// The prefix that `name` is rolled up to, if any.
    pub(super) fn rolled<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = name.strip_prefix(&self.prefix)?;
        let end = rest.find(&self.delimiter)? + self.delimiter.len();
        Some(&name[..self.prefix.len() + end])
    }

    /// Whether an earlier page has listed `name`, alone or rolled up.
    fn is_past(&self, name: &str) -> bool {
        !self.after.is_empty() && (name <= self.after.as_str() || self.rolled(name) == Some(self.after.as_str()))
    }

    /// Fills the page from `names`, which are in order.
    pub(super) fn page<'a, T>(&self, names: impl Iterator<Item = (&'a str, T)>) -> Page<T> {
        let mut page = Page { entries: Vec::new(), prefixes: Vec::new(), next: None };
        let mut last = None;
        for (name, entry) in names.filter(|(name, _)| name.starts_with(&self.prefix) && !self.is_past(name)) {
            let rolled = self.rolled(name);
            if rolled.is_some_and(|rolled| page.prefixes.last().is_some_and(|known| known == rolled)) {
                continue;
            }
            if page.entries.len() + page.prefixes.len() == self.max {
                page.next = last.map(str::to_owned);
                return page;
            }
            match rolled {
                Some(rolled) => page.prefixes.push(rolled.to_owned()),
                None => page.entries.push((name.to_owned(), entry)),
            }
            last = Some(rolled.unwrap_or(name));
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = ["a", "b/1", "b/2", "b/c/3", "d", "e/4", "f"];

    fn page(prefix: &str, delimiter: &str, after: &str, max: usize) -> (Vec<String>, Vec<String>, Option<String>) {
        let listing =
            Listing { prefix: prefix.to_owned(), delimiter: delimiter.to_owned(), after: after.to_owned(), max };
        let page = listing.page(NAMES.iter().map(|name| (*name, ())));
        (page.entries.into_iter().map(|(name, ())| name).collect(), page.prefixes, page.next)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_delimiter_rolls_names_up_after_the_prefix() {
        assert_eq!(page("", "/", "", 100), (texts(&["a", "d", "f"]), texts(&["b/", "e/"]), None));
        assert_eq!(page("b/", "/", "", 100), (texts(&["b/1", "b/2"]), texts(&["b/c/"]), None));
        assert_eq!(page("b", "", "", 100), (texts(&["b/1", "b/2", "b/c/3"]), vec![], None));
    }

    #[test]
    fn a_prefix_that_filled_a_page_does_not_come_again() {
        assert_eq!(page("", "/", "", 2), (texts(&["a"]), texts(&["b/"]), Some("b/".to_owned())));
        assert_eq!(page("", "/", "b/", 2), (texts(&["d"]), texts(&["e/"]), Some("e/".to_owned())));
        assert_eq!(page("", "/", "e/", 2), (texts(&["f"]), vec![], None));
    }

    #[test]
    fn pages_of_any_size_add_up_to_the_whole() {
        for max in 1..=7 {
            let (mut seen, mut after) = (0, String::new());
            loop {
                let (names, prefixes, next) = page("", "/", &after, max);
                seen += names.len() + prefixes.len();
                let Some(next) = next else { break };
                after = next;
            }
            assert_eq!(seen, 5, "pages of {max}");
        }
    }

    #[test]
    fn a_full_last_page_says_that_it_is_the_last() {
        assert_eq!(page("", "", "e/4", 1), (texts(&["f"]), vec![], None));
        assert_eq!(page("", "", "", 7).2, None);
    }
}
