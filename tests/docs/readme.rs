//! The README as text, and its blocks of code by the marker before each.

use std::path::Path;

pub(crate) const README: &str = include_str!("../../README.md");

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
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    let mut marker = None;
    for line in README.lines() {
        match (&mut open, line.starts_with("```")) {
            (None, true) => {
                let (kind, argument) = marker.take().unwrap_or_else(|| panic!("no marker before the block {line:?}"));
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
    assert!(open.is_none(), "the last block has no end");
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
    let headings: Vec<_> = README.lines().filter_map(|line| line.strip_prefix('#')).map(anchor).collect();
    for target in README.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if let Some(wanted) = target.strip_prefix('#') {
            assert!(headings.iter().any(|heading| heading == wanted), "there is no heading for #{wanted}");
        } else if !target.starts_with("https://") {
            assert!(Path::new(target).exists(), "there is no {target}");
        }
    }
}

/// The anchor that forges make of a heading.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    plain.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}
