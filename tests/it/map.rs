//! The rooms of the house: who may import whom.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms and what each may import; the crate's own page has the same table in words.
const ROOMS: [(&str, &[&str]); 23] = [
    ("clock", &[]),
    // What is written with every answer is written by hand, in rooms that may not import one another.
    ("json", &[]),
    // A session key knows whether it has something to escape.
    ("keys", &["json"]),
    // Counts are handed to whoever has something to count, so this room knows nobody.
    ("metrics", &[]),
    // Which request a line of the log belongs to: asked for wherever one is written, so it knows nobody either.
    ("trace", &[]),
    ("signing", &["keys", "json"]),
    ("caller", &["keys", "trace"]),
    ("policy", &["caller", "json"]),
    ("sts", &["keys", "signing"]),
    // A role taken with an identity token, or with another key, is a key that STS gives.
    ("access_key", &["keys", "clock", "sts"]),
    // Redis, its outages and what is sealed in it are a subject of their own; it knows neither session nor STS.
    ("replicas", &["keys"]),
    ("vault", &["keys", "policy", "sts", "access_key", "clock", "metrics", "trace", "replicas"]),
    // Who got what is told by `api`; how it is kept is nobody's business but its own: a queue, a thread, a file.
    ("audit", &["json"]),
    ("limits", &[]),
    ("config", &["caller", "policy", "vault", "sts", "access_key", "keys", "limits", "audit", "replicas"]),
    ("api", &["caller", "policy", "vault", "signing", "keys", "limits", "clock", "audit", "metrics", "trace", "json"]),
    // An error is explained by those who sign and who know STS's codes; nothing is asked.
    ("diagnose", &["signing", "sts"]),
    // It does what a server and a page do, one after the other and out loud; so it needs what both need, and no vault,
    // since each session is asked for once.
    ("check", &["access_key", "caller", "clock", "config", "diagnose", "keys", "policy", "signing", "sts"]),
    ("web", &[]),
    ("emulator", &[]),
    (
        "server",
        &[
            "access_key",
            "api",
            "audit",
            "clock",
            "config",
            "limits",
            "metrics",
            "replicas",
            "sts",
            "trace",
            "vault",
            "web",
        ],
    ),
    ("dev", &["clock", "config", "emulator", "server", "web"]),
    ("cli", &["api", "audit", "caller", "check", "clock", "config", "dev", "diagnose", "policy", "server", "trace"]),
];

/// What a pure room must not name: sockets, files, threads of execution, and the time.
const IMPURE: [&str; 9] = [
    "std::fs",
    "TcpStream",
    "UdpSocket",
    "std::env",
    "std::time::SystemTime",
    "tokio::",
    "reqwest::",
    "axum::",
    "Utc::now",
];

#[test]
fn no_room_imports_what_the_table_does_not_allow() {
    let mut breaches = Vec::new();
    for file in sources(Path::new("src")) {
        let room = room_of(&file);
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            assert!(matches!(room.as_str(), "lib" | "main"), "{} is in no room of the table", file.display());
            continue;
        };
        for imported in imports(&fs::read_to_string(&file).unwrap()) {
            if imported != room && !allowed.contains(&imported.as_str()) {
                breaches.push(format!("{} imports {imported}", file.display()));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn signing_and_policy_touch_nothing_outside() {
    for file in sources(Path::new("src")) {
        if ["signing", "policy"].contains(&room_of(&file).as_str()) {
            let text = fs::read_to_string(&file).unwrap();
            let named: Vec<_> = IMPURE.iter().filter(|name| text.contains(**name)).collect();
            assert!(named.is_empty(), "{} names {named:?}", file.display());
        }
    }
}

#[test]
fn every_import_is_seen() {
    let text = "use crate::keys::Secret;\nuse crate::{clock, policy::Grant};\n    use oss_vend::sts::Client;\n";
    assert_eq!(imports(text), ["keys", "clock", "policy", "sts"]);
    let text = "use crate::{\n    caller::Caller,\n    vault::{MARGIN, Vault},\n};\nlet x = crate::api::App;\n";
    assert_eq!(imports(text), ["caller", "vault", "api"]);
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files
}

/// `src/policy/url.rs` is in the room `policy`.
fn room_of(file: &Path) -> String {
    let first = file.components().nth(1).unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that `text` names, wherever it does: `crate::room`, `crate::{room::…, room}`, `oss_vend::room`.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |code, line| code + line + "\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("oss_vend::")) {
        let rest = code[at..].split_once("::").unwrap().1;
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(members(group)),
            None => rooms.push(word(rest)),
        }
    }
    rooms
}

/// The first words of the members of a group of imports, up to its closing brace.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut members) = (0, 0, Vec::new());
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(word(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
