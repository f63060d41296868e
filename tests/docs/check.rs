//! `docs/check.md` is typed as it stands, against `oss-vend dev` as a process of its own; `docs/troubleshooting.md` names
//! only codes that there are.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::Child;
use tokio::time::timeout;

use super::support::{run, shell};
use super::tables::codes;

const CHECK: &str = include_str!("../../docs/check.md");
const TROUBLE: &str = include_str!("../../docs/troubleshooting.md");

/// The blocks of a language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    CHECK.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The one block of commands that begins so.
fn commands(start: &str) -> &'static str {
    blocks("sh")
        .into_iter()
        .rfind(|block| block.starts_with(start))
        .unwrap_or_else(|| panic!("no block begins {start:?}"))
}

/// Starts what runs until it is stopped; `exec`, so that what is stopped is the program and not its shell.
fn started(command: &str, folder: &Path) -> Child {
    let mut shell = shell(&format!("exec {command}"), folder);
    shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The first line that has `sign`.
async fn line(lines: &mut Lines<BufReader<impl AsyncRead + Unpin>>, sign: &str) -> String {
    let found = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it goes on");
            if line.contains(sign) {
                return line;
            }
        }
    };
    timeout(Duration::from_mins(1), found).await.expect("it starts")
}

#[tokio::test]
async fn the_commands_do_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0";
    let dev = format!(
        "{} --print-json --listen {any} --oss-listen {any} --sts-listen {any}",
        commands("oss-vend dev").trim()
    );
    let mut dev = started(&dev, folder.path());
    let mut printed = BufReader::new(dev.stdout.take().unwrap()).lines();
    let addresses: Value = serde_json::from_str(&line(&mut printed, "{").await).unwrap();
    let file = blocks("toml")[0]
        .replace("http://127.0.0.1:9000", addresses["oss"].as_str().unwrap())
        .replace("http://127.0.0.1:9001", addresses["sts"].as_str().unwrap());
    std::fs::write(folder.path().join("oss-vend.toml"), file).unwrap();

    let told = run(commands("oss-vend check"), folder.path()).await;
    assert!(told.contains("ok       outside [default]") && told.contains(" 0 failed"), "{told}");
    for step in told.lines().filter_map(|line| line.strip_prefix("ok ")?.trim().split([' ', ':']).next()) {
        assert!(CHECK.contains(&format!("`{step}`")), "{step} is not in the page's table");
    }

    let mut serve = started(&commands("oss-vend serve").trim().replace("127.0.0.1:8080", any), folder.path());
    let mut logged = BufReader::new(serve.stderr.take().unwrap()).lines();
    let listening: Value = serde_json::from_str(&line(&mut logged, "\"listening\"").await).unwrap();
    let upload = commands("url=").replace("127.0.0.1:8080", listening["address"].as_str().unwrap());
    assert!(run(&upload, folder.path()).await.ends_with("hello from curl"));
    for mut process in [serve, dev] {
        process.kill().await.unwrap();
    }
}

#[test]
fn troubleshooting_names_codes_that_there_are() {
    let known = codes();
    let table = TROUBLE.split("## OSS refuses").next().unwrap();
    let named = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let named = named.flat_map(|cell| cell.split('`').filter(|word| word.contains('_')));
    let named: Vec<_> = named.collect();
    assert!(named.len() > 20);
    for code in named {
        assert!(known.iter().any(|known| known == code), "{code} is no code of ours");
    }
}
