//! The Chinese README says what the English one says: same headings, same code, same tables, same links.

use super::pages::{Block, blocks_of, page};

const TRANSLATION: &str = "README.zh-CN.md";

#[test]
fn the_code_is_the_same_but_for_its_comments() {
    let code = |path: &str| blocks_of(&page(path)).into_iter().map(without_comments).collect::<Vec<_>>();
    let (english, chinese) = (code("README.md"), code(TRANSLATION));
    for (english, chinese) in english.iter().zip(&chinese) {
        assert_eq!(chinese, english, "bring {TRANSLATION} up to date");
    }
    assert_eq!(chinese.len(), english.len());
}

/// Marker, language and lines; of a comment in a script or TOML remains only that there is one.
fn without_comments(block: Block) -> (String, String, String, Vec<String>) {
    let commented = matches!(&*block.language, "sh" | "toml");
    let line = |line: &str| if commented && line.starts_with("# ") { "#".to_owned() } else { line.to_owned() };
    let lines = block.text.lines().map(line).collect();
    (block.kind, block.argument, block.language, lines)
}

#[test]
fn the_outline_and_the_tables_have_the_same_form() {
    assert_eq!(outline(TRANSLATION), outline("README.md"), "bring {TRANSLATION} up to date");
}

/// A line for each heading, item and row of a table outside of code: its level, or how many cells it has.
fn outline(path: &str) -> Vec<String> {
    let text = page(path).text;
    let outside = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    let form = |line: &str| match line.split(' ').next()? {
        level if !level.is_empty() && level.bytes().all(|b| b == b'#') => Some(level.to_owned()),
        "|" => Some(format!("row of {}: {}", line.split(" | ").count(), code_of(line))),
        "-" => Some("item".to_owned()),
        _ => None,
    };
    outside.lines().filter_map(form).collect()
}

/// What stands in backticks, in order.
fn code_of(line: &str) -> String {
    line.split('`').skip(1).step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_links_lead_to_the_same_pages() {
    let links = |path: &str| {
        let text = page(path).text;
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let mut pages: Vec<_> = targets
            .filter(|target| !target.starts_with('#') && !target.starts_with("README"))
            .map(str::to_owned)
            .collect();
        pages.sort();
        pages.dedup();
        pages
    };
    assert_eq!(links(TRANSLATION), links("README.md"), "bring {TRANSLATION} up to date");
}
