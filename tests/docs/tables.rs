//! The tables say what the program says.

use std::fs;

use super::pages::page;
use super::support::RunningDev;

const REFERENCE: &str = include_str!("../../src/config/reference.md");

#[test]
fn the_configuration_table_is_that_of_the_reference() {
    let table =
        between("docs/configuration.md", "<!-- reference: src/config/reference.md -->", "<!-- end of reference -->");
    assert!(
        table.trim() == REFERENCE.trim(),
        "copy src/config/reference.md between its two markers in docs/configuration.md; they differ at {:?}",
        REFERENCE.trim().lines().zip(table.trim().lines()).find(|(right, shown)| right != shown)
    );
}

#[tokio::test]
async fn each_route_has_a_table_of_just_its_parameters() {
    let dev = RunningDev::start().await;
    for route in ["/sts", "/post-signature", "/presigned-url"] {
        let problem = dev.json(&format!("{route}?no-such-parameter=")).await;
        let hint = problem["hint"].as_str().unwrap();
        let mut known: Vec<_> = hint.strip_prefix("this route knows ").unwrap().split(", ").collect();
        let mut shown = first_column(&between("docs/api.md", &format!("## `{route}`"), "```"));
        known.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, known, "{route}");
    }
}

#[test]
fn every_code_of_a_problem_has_its_row_and_no_row_is_idle() {
    let shown = first_column(&page("docs/problems.md").text);
    assert!(shown.is_sorted(), "the rows are in the order of the alphabet");
    let mut codes = codes();
    codes.push("overloaded".to_owned()); // the one code that is one word
    codes.sort();
    codes.dedup();
    assert_eq!(shown, codes);
}

/// The codes that the source of `api` names: texts with an underscore, and any that stand after a status.
pub(crate) fn codes() -> Vec<String> {
    let sources = fs::read_dir("src/api").unwrap().map(|entry| entry.unwrap().path());
    let text: String = sources.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect();
    let pieces: Vec<_> = text.split('"').collect();
    let codes = pieces.windows(2).filter(|pair| pair[1].contains('_') || follows_a_status(pair[0]));
    let words = codes.map(|pair| pair[1]).filter(|word| !word.is_empty() && !NO_CODES.contains(word));
    words.filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).map(str::to_owned).collect()
}

fn follows_a_status(before: &str) -> bool {
    let Some((_, name)) = before.rsplit_once("StatusCode::") else { return false };
    let name = name.trim_end();
    name.ends_with(',') && name.bytes().all(|b| b.is_ascii_uppercase() || b"_,".contains(&b))
}

/// Texts of the same form: a field of OSS, and a kind of STS error.
const NO_CODES: [&str; 2] = ["success_action_status", "invalid_answer"];

fn between(path: &str, start: &str, end: &str) -> String {
    let text = page(path).text;
    let rest = text.split_once(start).unwrap_or_else(|| panic!("{path} has no {start:?}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("{path} has no {end:?} after {start:?}")).0.to_owned()
}

/// What stands in backticks at the start of each row.
fn first_column(text: &str) -> Vec<String> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}
