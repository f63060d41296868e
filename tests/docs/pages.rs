//! The README and the pages of `docs/` as text, and their blocks of code by the marker before each.

use std::fs;
use std::path::Path;

/// A page by its path in the project, and its text.
pub(crate) type Page = (&'static str, &'static str);

pub(crate) const API: Page = ("docs/api.md", include_str!("../../docs/api.md"));
pub(crate) const CONFIGURATION: Page = ("docs/configuration.md", include_str!("../../docs/configuration.md"));
pub(crate) const PROBLEMS: Page = ("docs/problems.md", include_str!("../../docs/problems.md"));

/// The pages whose blocks of code are run.
const PAGES: [Page; 7] = [
    ("README.md", include_str!("../../README.md")),
    API,
    ("docs/callers.md", include_str!("../../docs/callers.md")),
    CONFIGURATION,
    ("docs/grants.md", include_str!("../../docs/grants.md")),
    PROBLEMS,
    ("docs/ram.md", include_str!("../../docs/ram.md")),
];

/// What a marker `<!-- test: KIND … -->` may say; each kind has its test.
const KINDS: [&str; 12] = [
    "answer",
    "bucket-cors",
    "config",
    "curl",
    "explain",
    "key",
    "page",
    "role-policy",
    "serve",
    "start",
    "trust-policy",
    "user-policy",
];

/// A block of code.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// What the marker says first.
    pub(crate) kind: &'static str,
    /// The rest of the marker.
    pub(crate) argument: &'static str,
    /// The lines between the fences.
    pub(crate) text: String,
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

fn all() -> Vec<Block> {
    PAGES.into_iter().flat_map(blocks_of).collect()
}

fn blocks_of((path, text): Page) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    let mut marker = None;
    for line in text.lines() {
        match (&mut open, line.starts_with("```")) {
            (None, true) => {
                let (kind, argument) =
                    marker.take().unwrap_or_else(|| panic!("{path} has no marker before the block {line:?}"));
                open = Some(Block { kind, argument, text: String::new() });
            }
            (None, false) => marker = marked(line),
            (Some(_), true) => blocks.extend(open.take()),
            (Some(block), false) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
        }
    }
    assert!(open.is_none(), "the last block of {path} has no end");
    blocks
}

fn marked(line: &'static str) -> Option<(&'static str, &'static str)> {
    let text = line.strip_prefix("<!-- test: ")?.strip_suffix(" -->")?;
    Some(text.split_once(' ').unwrap_or((text, "")))
}

#[test]
fn every_block_of_code_is_one_that_a_test_runs() {
    for block in all() {
        assert!(KINDS.contains(&block.kind), "nothing tests {:?}", block.kind);
    }
}

#[test]
fn every_link_within_the_project_leads_somewhere() {
    for (path, text) in PAGES {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.starts_with("https://") {
                follow(path, target);
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

/// The anchor that forges make of a heading.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    plain.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}
