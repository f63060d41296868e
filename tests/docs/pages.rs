//! The README and the pages of `docs/` as text, and their blocks of code by the marker before each.

use std::fs;
use std::path::Path;

/// What a marker `<!-- test: KIND … -->` may say; each kind has its test.
const KINDS: [&str; 16] = [
    "answer",
    "bucket-cors",
    "classic-policy",
    "config",
    "curl",
    "explain",
    "key",
    "lifecycle",
    "metrics",
    "page",
    "role-policy",
    "serve",
    "shown", // not run, for the reason that follows
    "start",
    "trust-policy",
    "user-policy",
];

/// A page by its path in the project.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A block of code.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Page and line where it stands.
    pub(crate) place: String,
    /// What the marker says first; empty if there is no marker.
    pub(crate) kind: String,
    /// The rest of the marker.
    pub(crate) argument: String,
    /// What stands after the opening fence.
    pub(crate) language: String,
    /// The lines between the fences.
    pub(crate) text: String,
}

/// The page at this path.
pub(crate) fn page(path: &str) -> Page {
    Page { path: path.to_owned(), text: fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}")) }
}

/// The README and every page of `docs/`.
pub(crate) fn pages() -> Vec<Page> {
    let names = fs::read_dir("docs").unwrap().map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let mut paths: Vec<_> = names.filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "md")).collect();
    paths.push("README.md".to_owned());
    paths.sort();
    paths.iter().map(|path| page(path)).collect()
}

/// The blocks of this kind.
pub(crate) fn blocks(kind: &str) -> Vec<Block> {
    let mut all = all();
    all.retain(|block| block.kind == kind);
    assert!(!all.is_empty(), "no block is marked {kind:?}");
    all
}

/// The one block with this marker.
pub(crate) fn block(kind: &str, argument: &str) -> String {
    let mut found = blocks(kind).into_iter().filter(|block| block.argument == argument);
    let (one, none) = (found.next(), found.next());
    assert!(none.is_none(), "{kind} {argument} is there twice");
    one.unwrap_or_else(|| panic!("no block is marked {kind} {argument}")).text
}

/// The blocks of all pages.
pub(crate) fn all() -> Vec<Block> {
    pages().iter().flat_map(blocks_of).collect()
}

/// The blocks of a page.
pub(crate) fn blocks_of(page: &Page) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    let mut marker = ("", "");
    for (number, line) in page.text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let place = format!("{}:{}", page.path, number + 1);
                let (kind, argument) = (marker.0.to_owned(), marker.1.to_owned());
                open = Some(Block { place, kind, argument, language: language.to_owned(), text: String::new() });
            }
            (None, None) => marker = marked(line),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
        }
    }
    assert!(open.is_none(), "the last block of {} has no end", page.path);
    blocks
}

fn marked(line: &str) -> (&str, &str) {
    let text = line.strip_prefix("<!-- test: ").and_then(|rest| rest.strip_suffix(" -->")).unwrap_or_default();
    text.split_once(' ').unwrap_or((text, ""))
}

#[test]
fn every_marker_names_a_kind_that_is_tested() {
    for block in all().into_iter().filter(|block| !block.kind.is_empty()) {
        assert!(KINDS.contains(&&*block.kind), "{}: nothing tests {:?}", block.place, block.kind);
        assert!(block.kind != "shown" || !block.argument.is_empty(), "{}: why is it not run?", block.place);
    }
}

#[test]
fn the_readme_has_no_block_without_a_marker() {
    for block in blocks_of(&page("README.md")) {
        assert!(!block.kind.is_empty(), "{}: no marker says how it is tested", block.place);
    }
}

#[test]
fn every_link_within_the_project_leads_somewhere() {
    for page in pages().into_iter().chain(["README.zh-CN.md", "SECURITY.md", "CONTRIBUTING.md"].map(page)) {
        for target in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.starts_with("https://") {
                follow(&page.path, target);
            }
        }
    }
}

fn follow(from: &str, target: &str) {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() { from.into() } else { Path::new(from).parent().unwrap().join(file) };
    assert!(file.exists(), "{from}: there is no {target}");
    if !heading.is_empty() {
        let text = fs::read_to_string(&file).unwrap();
        let mut headings = text.lines().filter_map(|line| line.strip_prefix('#')).map(anchor);
        assert!(headings.any(|known| known == heading), "{from}: there is no heading for {target}");
    }
}

#[test]
fn every_page_is_in_the_index_of_the_readme() {
    let readme = page("README.md").text;
    for page in pages().into_iter().filter(|page| page.path != "README.md") {
        assert!(
            readme.contains(&format!("]({})", page.path)),
            "{} needs a row in README.md under All pages, and its like in README.zh-CN.md",
            page.path
        );
    }
}

/// The anchor that forges make of a heading.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    plain.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}
