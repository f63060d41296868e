//! Blocks of the pages of `docs/` that no marker tells how to run: their language says how they are held.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::pages::{Block, all};
use super::support::run;

#[tokio::test]
async fn each_is_what_its_language_says() {
    for block in all().into_iter().filter(|block| block.kind.is_empty()) {
        check(&block).await;
    }
}

async fn check(block: &Block) {
    let Block { place, language, text, .. } = block;
    match language.as_str() {
        "json" => drop(text.parse::<Value>().unwrap_or_else(|error| panic!("{place}: {error}"))),
        "toml" => drop(text.parse::<toml::Table>().unwrap_or_else(|error| panic!("{place}: {error}"))),
        "xml" => well_formed(place, text),
        "sh" => commands_exist(place, text).await,
        "text" => (),
        other => panic!("{place}: nothing checks {other:?}; mark it, or use json, toml, xml, sh or text"),
    }
}

fn well_formed(place: &str, text: &str) {
    let mut reader = Reader::from_str(text);
    while !matches!(reader.read_event().unwrap_or_else(|error| panic!("{place}: {error}")), Event::Eof) {}
}

/// The shell reads it, and the program knows its commands and their flags where a line begins with one.
async fn commands_exist(place: &str, text: &str) {
    run(&format!("bash -n <<'end of the block'\n{text}end of the block"), Path::new(".")).await;
    for line in text.replace("\\\n", " ").lines() {
        if let Some(call) = line.strip_prefix("oss-vend ") {
            let words: Vec<_> =
                call.split_whitespace().take_while(|word| !word.starts_with(['|', '>', '&', ';', '#'])).collect();
            let command: Vec<_> = words.iter().copied().take(if words[0] == "key" { 2 } else { 1 }).collect();
            let help = run(&format!("oss-vend {} --help", command.join(" ")), Path::new(".")).await;
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap();
                assert!(help.contains(flag), "{place}: oss-vend {} has no {flag}", command.join(" "));
            }
        }
    }
}
