//! Where the `AccessKey` comes from, when no key is given.

use super::{Folder, LEAST, load, load_plain};

/// The source that `section` describes, as `Debug` shows it.
fn source(section: &str, variables: &[(&str, &str)]) -> String {
    let loaded = load(&format!("{section}{LEAST}"), variables);
    assert!(loaded.access_key.is_none());
    format!("{:?}", loaded.key_sources.first.unwrap())
}

fn faults(section: &str) -> String {
    let faults = Folder::with(&format!("{section}{LEAST}")).faults(&[]);
    faults.lines().filter(|line| line.starts_with("oss-vend.toml")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_source_is_named_or_is_the_only_one_that_is_described() {
    for (section, shown) in [
        ("file = '/key.json'", "File(\"/key.json\")"),
        ("uri = 'https://keys.example.com/hush?token=hush'", "Uri(\"https://keys.example.com\")"),
        ("command = ['get-key', 'hush']", "Command(Some(\"get-key\"))"),
        ("source = 'ecs'", "Ecs(None)"),
        ("source = 'ecs'\necs_role = 'web'\nfile = '/key.json'", "Ecs(Some(\"web\"))"),
        ("source = 'cli'", "Cli(\"/home/me/.aliyun/config.json\", None)"),
        ("source = 'profile'", "Profile(\"/home/me/.alibabacloud/credentials\", \"default\")"),
        ("source = 'profile'\nprofile = 'mine'", "Profile(\"/home/me/.alibabacloud/credentials\", \"mine\")"),
    ] {
        assert_eq!(source(&format!("[access_key]\n{section}\n"), &[("HOME", "/home/me")]), shown);
    }
}

#[test]
fn a_source_that_was_asked_for_wins_over_keys_of_the_environment() {
    let variables = [("ACCESS_KEY_ID", "id"), ("ACCESS_KEY_SECRET", "secret")];
    assert_eq!(source("[access_key]\nsource = 'ecs'\n", &variables), "Ecs(None)");
    assert_eq!(source("[access_key]\nfile = '/key.json'\n", &variables), "File(\"/key.json\")");
    let loaded = load(&format!("[access_key]\nimds_v1 = false\n{LEAST}"), &variables);
    assert_eq!((loaded.access_key.unwrap().id.as_str(), loaded.key_sources.imds_v1), ("id", false));
}

#[test]
fn a_key_beside_a_source_is_not_used_and_a_note_says_so() {
    let text = format!("[access_key]\nid = 'LTAI'\nsecret = 's'\nsource = 'ecs'\n{LEAST}");
    let loaded = load(&text, &[]);
    assert!(loaded.access_key.is_none());
    assert!(loaded.notes[0].starts_with("access_key.id is not used"), "{:?}", loaded.notes);
}

#[test]
fn rrsa_is_taken_from_the_variables_of_the_pod_and_its_role_only_stands_in_for_the_grants() {
    let variables = [
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"),
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/pod"),
    ];
    let shown = source("[access_key]\nsource = 'oidc'\n", &variables);
    assert!(shown.contains("acs:ram::1:role/pod") && shown.contains("/token"), "{shown}");
    let roles = |variables: &[(&str, &str)]| {
        let all: Vec<_> = [("RAM_ROLE_ARN", "")].iter().chain(variables).copied().collect();
        load_plain(&all).unwrap().settings.sts.role_arn.unwrap()
    };
    assert_eq!(roles(&variables), "acs:ram::1:role/pod");
    let beside = [&variables[..], &[("OSS_STS_ROLE_ARN", "acs:ram::1:role/upload")]].concat();
    assert_eq!(roles(&beside), "acs:ram::1:role/upload");
    assert_eq!(roles(&beside[1..]), "acs:ram::1:role/pod", "without RRSA the SDKs' name comes first");
}

#[test]
fn the_second_key_is_whole_or_a_file() {
    let second = |text: &str| {
        let text = format!("[access_key]\nid = 'LTAI'\nsecret = 's'\n[access_key.second]\n{text}\n{LEAST}");
        format!("{:?}", load(&text, &[]).key_sources.second)
    };
    assert!(second("id = 'LTAI2'\nsecret = 'hush'").contains("LTAI2"));
    assert!(!second("id = 'LTAI2'\nsecret = 'hush'").contains("hush"));
    assert_eq!(second("file = '/second.json'"), "Some(File(\"/second.json\"))");
    assert_eq!(second(""), "None");
    let variables = [("OSS_VEND__ACCESS_KEY__SECOND__ID", "LTAI3"), ("OSS_VEND__ACCESS_KEY__SECOND__SECRET", "hush")];
    let loaded = load(&format!("[access_key.second]\nfile = '/second.json'\n{LEAST}"), &variables);
    assert!(format!("{:?}", loaded.key_sources.second).contains("LTAI3"));
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_without_its_value() {
    for (section, told) in [
        ("source = 'file'", "oss-vend.toml:1: access_key has no \"file\"; the source that is asked for needs it"),
        (
            "source = 'oidc'",
            "oss-vend.toml:1: access_key has no \"oidc_provider_arn\"; the source that is asked for needs it",
        ),
        (
            "file = 'a'\nuri = 'https://a'",
            "oss-vend.toml:1: access_key has no \"source\"; say which of file, uri and command is meant",
        ),
        (
            "source = 'cli'",
            "oss-vend.toml:2: access_key.source needs HOME, or ALIBABA_CLOUD_CONFIG_FILE or ALIBABA_CLOUD_CREDENTIALS_FILE, to find its file",
        ),
        (
            "uri = 'http://hush.example.com'",
            "oss-vend.toml:2: access_key.uri must be an address: \"https://…\", or \"http://…\" on this machine",
        ),
        (
            "ecs_role = 'a/hush'",
            "oss-vend.toml:2: access_key.ecs_role must be a role's name: 1 to 64 of [A-Za-z0-9._-]",
        ),
        ("command = ['']", "oss-vend.toml:2: access_key.command must be a program and its arguments"),
        (
            "oidc_role_arn = 'hush'",
            "oss-vend.toml:2: access_key.oidc_role_arn must be a role such as \"acs:ram::1234567890123456:role/oss-upload\"",
        ),
        (
            "[access_key.second]\nid = 'hush'",
            "oss-vend.toml:2: access_key.second has no \"secret\"; id and secret come together",
        ),
    ] {
        let faults = faults(&format!("[access_key]\n{section}\n"));
        assert!(faults.starts_with(told) && !faults.contains("hush"), "{faults}");
    }
    let faults = faults("[access_key]\nsource = 'hush'\n");
    assert!(faults.starts_with("oss-vend.toml:2: access_key.source must be one of \"file\", \"profile\""), "{faults}");
}

#[test]
fn a_relative_file_is_seen_from_the_folder_of_the_configuration() {
    let folder = Folder::with(&format!("[access_key]\nfile = 'key.json'\n{LEAST}"));
    let shown = format!("{:?}", folder.load(&[]).unwrap().key_sources.first.unwrap());
    assert_eq!(shown, format!("File({:?})", folder.path("key.json")));
}
