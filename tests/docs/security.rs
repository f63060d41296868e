//! Each claim of `docs/security.md` is enforced in a file that is there, and shown by a test that is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::pages::page;

#[test]
fn each_claim_names_the_code_and_the_test_that_hold_it() {
    let page = page("docs/security.md").text;
    let claims = page.split_once("## What holds").unwrap().1.split_once("\n## ").unwrap().0;
    let sources: String = sources(Path::new("src"))
        .chain(sources(Path::new("tests")))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let rows: Vec<_> = claims.lines().filter(|line| line.ends_with("` |")).collect();
    assert!(rows.len() > 20);
    for row in rows {
        let cells: Vec<_> = row.split('`').collect();
        let (test, place) = (cells[cells.len() - 2], cells[cells.len() - 4]);
        assert!(Path::new(place).exists(), "there is no {place}: {row}");
        assert!(sources.contains(&format!("fn {test}(")), "no test is called {test}: {row}");
    }
}

/// The Rust files beneath `folder`.
fn sources(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
    }
    files.into_iter()
}
