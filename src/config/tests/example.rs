//! The example file and the table of keys say what the types say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::{Folder, environment};
use crate::config::environment::variable_of;
use crate::config::problem::Problem;
use crate::config::{Settings, read, tree};

const EXAMPLE: &str = include_str!("../../../config/oss-vend.example.toml");
const REFERENCE: &str = include_str!("../reference.md");

/// The public key of RFC 8037 appendix A.2.
const PUBLIC_KEY: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// The example with every optional key switched on.
fn uncommented() -> String {
    let switched_on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => rest.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(switched_on).collect::<Vec<_>>().join("\n")
}

/// The keys that serde knows in the table at `section`, learnt from what it says about an unknown one.
fn known(section: &str) -> &'static [&'static str] {
    let text = if section.is_empty() { "\"?\" = 0".to_owned() } else { format!("[{section}]\n\"?\" = 0") };
    let table = toml::de::DeTable::parse(&text).unwrap().into_inner();
    match read::read::<Settings>(&tree::of_file(table)) {
        Err((_, Problem::UnknownKey { known })) => known,
        _ => panic!("{section} accepts any key"),
    }
}

/// The same for an element of the list `name`.
fn known_of_element(name: &str) -> BTreeSet<String> {
    let text = format!("[[{name}]]\n\"?\" = 0");
    let table = toml::de::DeTable::parse(&text).unwrap().into_inner();
    match read::read::<Settings>(&tree::of_file(table)) {
        Err((_, Problem::UnknownKey { known })) => known.iter().map(|key| (*key).to_owned()).collect(),
        _ => panic!("{name} accepts any key"),
    }
}

/// The dotted names of all keys, as the types have them.
fn keys_of_types() -> BTreeSet<String> {
    let sections = [
        "sts",
        "vault",
        "vault.redis",
        "access_key",
        "access_key.second",
        "auth",
        "auth.forward",
        "auth.proxy",
        "cors",
        "proxy",
        "tls",
        "limits",
        "audit",
        "admin",
        "otel",
        "classic",
        "grants",
        "grants.default.object",
        "grants.default.process",
    ];
    let below =
        |section: &str, name: &str| known(section).iter().map(|key| format!("{name}.{key}")).collect::<Vec<_>>();
    let top = known("").iter().filter(|key| !sections.contains(*key)).map(|key| (*key).to_owned());
    let named = sections.iter().filter(|name| **name != "grants").flat_map(|name| below(name, name));
    let keys = top.chain(named).chain(below("grants.default", "grants.default"));
    keys.filter(|key| !sections.contains(&key.as_str())).collect()
}

/// The dotted names of all keys of a document.
fn keys_of(table: &Table, name: &str) -> BTreeSet<String> {
    let one = |(key, value): (&String, &Value)| match value {
        // The names in these are the operator's.
        Value::Table(inner) if !["claim_headers", "required_claims"].contains(&key.as_str()) => {
            keys_of(inner, &format!("{name}{key}."))
        }
        _ => BTreeSet::from([format!("{name}{key}")]),
    };
    table.iter().flat_map(one).collect()
}

/// The rows of the table of keys: key, default, variable.
fn rows() -> Vec<(String, String, String)> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let row = |line| match cells(line).as_slice() {
        [_, key, _, default, variable, _] => (key.replace('`', ""), default.clone(), variable.replace('`', "")),
        other => panic!("{other:?}"),
    };
    REFERENCE.lines().skip(2).map(row).collect()
}

#[test]
fn the_example_shows_the_defaults() {
    let folder = Folder::with(EXAMPLE);
    let loaded = folder.load(&[("RAM_ROLE_ARN", "acs:ram::1:role/r")]).unwrap();
    let mut expected = Settings::default();
    expected.sts.role_arn = Some("acs:ram::1:role/r".to_owned());
    let grant = expected.grants.entry("default".to_owned()).or_default();
    grant.bucket = "examplebucket".to_owned();
    grant.region = "cn-hangzhou".to_owned();
    assert_eq!(format!("{:#?}", loaded.settings), format!("{expected:#?}"));
}

#[test]
fn every_optional_key_of_the_example_is_accepted() {
    let folder = Folder::with(&uncommented());
    fs::write(folder.path("issuer-keys.json"), PUBLIC_KEY).unwrap();
    let authority = rcgen::generate_simple_self_signed(["redis.internal".to_owned()]).unwrap();
    fs::write(folder.path("redis-ca.pem"), authority.cert.pem()).unwrap();
    let (certificate, key) = super::tls::pair(2099);
    fs::write(folder.path("server.pem"), certificate).unwrap();
    fs::write(folder.path("server.key"), key).unwrap();
    folder.load(&[]).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_key_is_in_the_example_and_no_other() {
    let table: Table = uncommented().parse().unwrap();
    assert_eq!(keys_of(&table, ""), keys_of_types());
    let Value::Array(keys) = &table["auth"]["api_keys"] else { panic!("api_keys is a list") };
    assert_eq!(keys_of(keys[0].as_table().unwrap(), ""), BTreeSet::from(["id".to_owned(), "hash".to_owned()]));
    let Value::Array(issuers) = &table["auth"]["jwt"] else { panic!("jwt is a list") };
    let shown: BTreeSet<_> = issuers.iter().flat_map(|issuer| keys_of(issuer.as_table().unwrap(), "")).collect();
    assert_eq!(shown, known_of_element("auth.jwt"));
    for row in REFERENCE.lines().filter(|line| line.starts_with("| `auth.jwt` ")) {
        assert!(shown.iter().all(|key| row.contains(key.as_str())), "{row}");
    }
}

#[test]
fn every_key_is_in_the_table_with_its_variable() {
    assert_eq!(rows().into_iter().map(|(key, ..)| key).collect::<BTreeSet<_>>(), keys_of_types());
    for (key, _, variable) in rows() {
        assert_eq!(variable, variable_of(&key.split('.').collect::<Vec<_>>()));
    }
}

#[test]
fn the_table_shows_the_defaults() {
    let given = |(key, default, _): (String, String, String)| {
        Some(format!("{key} = {}", default.strip_prefix('`')?.strip_suffix('`')?))
    };
    let shown: Vec<_> = rows().into_iter().filter_map(given).collect();
    let least = "sts.role_arn = \"acs:ram::1:role/r\"\ngrants.default = { bucket = \"examplebucket\", region = \"cn-hangzhou\" }";
    let full = least.replace("grants.default = { bucket = \"examplebucket\", region = \"cn-hangzhou\" }", "");
    let full = format!(
        "{}\n{full}\ngrants.default.bucket = \"examplebucket\"\ngrants.default.region = \"cn-hangzhou\"",
        shown.join("\n")
    );
    let [full, least] = [full.as_str(), least].map(|text| Folder::with(text).load(&[]).unwrap().settings);
    assert_eq!(format!("{full:#?}"), format!("{least:#?}"));
}

#[test]
fn every_variable_of_the_table_sets_something() {
    for (key, _, variable) in rows() {
        let error = Settings::load(None::<&Path>, &environment(&[(&variable, "\u{1}")]));
        let text = error.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!text.contains("no such setting"), "{key}: {text}");
    }
}

#[test]
fn a_slip_of_the_pen_anywhere_shows_no_secret() {
    let text =
        uncommented().replace("ExampleExampleExampleExample", "hush-secret").replace("ExampleToken", "hush-token");
    let text: Vec<_> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let text = text.join("\n");
    let folder = Folder::with("");
    for place in text.find("[access_key]").unwrap()..text.find("[cors]").unwrap() {
        for slip in ["", "x", "\"", "\n", "[", "="] {
            let end = if slip.is_empty() { place + 1 } else { place };
            fs::write(folder.path("oss-vend.toml"), format!("{}{slip}{}", &text[..place], &text[end..])).unwrap();
            let told = folder.load(&[]).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!told.contains("hush") && !told.contains("9f86d081"), "{slip:?} at {place} gives\n{told}");
        }
    }
}
