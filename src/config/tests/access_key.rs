//! The `AccessKey` comes whole from one source.

use super::{Folder, LEAST, load, load_plain};

const FILE: &str = "[access_key]\nid = \"file-id\"\nsecret = \"file-secret\"\ntoken = \"file-token\"\n";
const OURS: [(&str, &str); 2] =
    [("OSS_VEND__ACCESS_KEY__ID", "our-id"), ("OSS_VEND__ACCESS_KEY__SECRET", "our-secret")];
const CLOUD: [(&str, &str); 3] = [
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "cloud-id"),
    ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "cloud-secret"),
    ("ALIBABA_CLOUD_SECURITY_TOKEN", "cloud-token"),
];
const OSS: [(&str, &str); 3] =
    [("OSS_ACCESS_KEY_ID", "oss-id"), ("OSS_ACCESS_KEY_SECRET", "oss-secret"), ("OSS_SESSION_TOKEN", "oss-token")];
const SAMPLES: [(&str, &str); 2] = [("ACCESS_KEY_ID", "plain-id"), ("ACCESS_KEY_SECRET", "plain-secret")];

/// The key that a file and variables give: id, secret, token.
fn key(section: &str, variables: &[&[(&str, &str)]]) -> (String, String, Option<String>) {
    let key = load(&format!("{section}{LEAST}"), &variables.concat()).access_key.unwrap();
    (key.id, key.secret.expose().to_owned(), key.token.map(|token| token.expose().to_owned()))
}

fn whole(family: &str, token: bool) -> (String, String, Option<String>) {
    (format!("{family}-id"), format!("{family}-secret"), token.then(|| format!("{family}-token")))
}

#[test]
fn the_sources_win_in_the_order_that_is_documented() {
    assert_eq!(key(FILE, &[&OURS, &CLOUD, &OSS, &SAMPLES]), whole("our", false));
    assert_eq!(key(FILE, &[&CLOUD, &OSS, &SAMPLES]), whole("file", true));
    assert_eq!(key("", &[&CLOUD, &OSS, &SAMPLES]), whole("cloud", true));
    assert_eq!(key("[access_key]\n", &[&OSS, &SAMPLES]), whole("oss", true));
    assert_eq!(key("", &[&SAMPLES]), whole("plain", false));
}

#[test]
fn a_token_never_joins_a_key_of_another_source() {
    assert_eq!(key(FILE, &[&OURS]), whole("our", false));
    assert_eq!(key("", &[&CLOUD[..2], &OSS]), whole("cloud", false));
}

#[test]
fn there_may_be_no_key_at_all() {
    assert!(load(LEAST, &[]).access_key.is_none());
    assert!(load(LEAST, &[("ACCESS_KEY_ID", ""), ("ACCESS_KEY_SECRET", "")]).access_key.is_none());
}

#[test]
fn half_a_pair_is_told_with_the_missing_half() {
    let table = [
        ("OSS_VEND__ACCESS_KEY__ID", "OSS_VEND__ACCESS_KEY__SECRET"),
        ("OSS_VEND__ACCESS_KEY__SECRET", "OSS_VEND__ACCESS_KEY__ID"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ("OSS_ACCESS_KEY_SECRET", "OSS_ACCESS_KEY_ID"),
        ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET"),
    ];
    for (set, missing) in table {
        let error = load_plain(&[(set, "hush")]).unwrap_err();
        assert_eq!(error.to_string(), format!("{set} is set, but {missing} is not"));
    }
}

#[test]
fn half_a_pair_is_not_completed_from_a_lower_source() {
    let variables: Vec<_> = [("OSS_ACCESS_KEY_ID", "oss-id")].into_iter().chain(SAMPLES).collect();
    assert_eq!(
        load_plain(&variables).unwrap_err().to_string(),
        "OSS_ACCESS_KEY_ID is set, but OSS_ACCESS_KEY_SECRET is not"
    );
    let folder = Folder::with(&format!("{FILE}{LEAST}"));
    let faults = folder.faults(&[("OSS_VEND__ACCESS_KEY__ID", "our-id")]);
    assert_eq!(faults, "OSS_VEND__ACCESS_KEY__ID is set, but OSS_VEND__ACCESS_KEY__SECRET is not");
}

#[test]
fn half_a_pair_in_the_file_is_told_with_its_line() {
    let faults = Folder::with(&format!("[access_key]\nid = \"a\"\n{LEAST}")).faults(&SAMPLES);
    assert_eq!(faults, "oss-vend.toml:1: access_key has no \"secret\"; id, secret and token all come from one place");
}

#[test]
fn a_temporary_key_needs_its_token() {
    let error = load_plain(&[("OSS_ACCESS_KEY_ID", "STS.x"), ("OSS_ACCESS_KEY_SECRET", "s")]).unwrap_err();
    assert_eq!(error.to_string(), "OSS_ACCESS_KEY_ID is set, but OSS_SESSION_TOKEN is not");
    let error = load_plain(&[("ACCESS_KEY_ID", "STS.x"), ("ACCESS_KEY_SECRET", "s")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ACCESS_KEY_ID holds a temporary key, and no name beside it takes a token; use those of ALIBABA_CLOUD_…"
    );
}

#[test]
fn a_secret_with_a_line_feed_is_refused_and_not_shown() {
    let error = load_plain(&[("ACCESS_KEY_ID", "id"), ("ACCESS_KEY_SECRET", "hush\n")]).unwrap_err();
    assert_eq!(error.to_string(), "ACCESS_KEY_SECRET must be printable ASCII without white space");
}

#[test]
fn a_note_names_the_source_and_debug_shows_no_secret() {
    let loaded = load_plain(&OSS).unwrap();
    assert_eq!(loaded.notes[0], "the AccessKey comes from OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET");
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("oss-secret") && !shown.contains("oss-token"), "{shown}");
    assert!(loaded.settings.access_key.id.is_none());
}
