//! What a grant says of uploads and downloads.

use super::{Folder, LEAST, load};
use crate::policy::{NamedBy, StorageClass};

/// A caller whose key nobody has.
const CALLER: &str = "[[auth.api_keys]]\nid = \"a\"\nhash = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n";

fn keys(text: &str, variables: &[(&str, &str)]) -> NamedBy {
    load(text, variables).build().unwrap().grants["default"].keys
}

#[test]
fn the_server_names_uploads_where_no_caller_can_prove_anything() {
    assert_eq!(keys(LEAST, &[]), NamedBy::Server);
    assert_eq!(keys(&format!("{CALLER}{LEAST}"), &[]), NamedBy::Caller);
    assert_eq!(keys(&format!("{CALLER}[auth]\nanonymous = true\n{LEAST}"), &[]), NamedBy::Server);
    assert_eq!(keys(LEAST, &[("OSS_VEND__GRANTS__DEFAULT__KEYS", "caller")]), NamedBy::Caller);
    assert_eq!(keys(LEAST, &[("OSS_VEND__GRANTS__DEFAULT__METHODS", "sts,put")]), NamedBy::Caller);
}

#[test]
fn a_server_that_is_opened_to_all_at_start_is_held_to_the_same_rules() {
    let mut loaded = load(&format!("{CALLER}{LEAST}key = \"${{filename}}\"\n"), &[]);
    loaded.settings.auth.anonymous = Some(true);
    let told = loaded.build().unwrap_err().to_string();
    assert!(told.contains("grants.default.key") && told.contains("${uuid}"), "{told}");
}

#[test]
fn lists_come_from_variables_too() {
    let variables = [
        ("OSS_VEND__GRANTS__DEFAULT__OBJECT__STORAGE_CLASSES", "IA,Archive"),
        ("OSS_VEND__GRANTS__DEFAULT__OBJECT__ACL", "private"),
        ("OSS_VEND__GRANTS__DEFAULT__PROCESS__ALLOW", "image/info,style/thumbnail"),
        ("OSS_VEND__GRANTS__DEFAULT__STRICT_FORM", "true"),
    ];
    let configured = load(LEAST, &variables).build().unwrap();
    let grant = &configured.grants["default"];
    assert!(grant.object.choices().eq([StorageClass::InfrequentAccess, StorageClass::Archive]));
    assert_eq!(grant.processing.to_string(), "image/info, style/thumbnail");
    assert!(grant.form_fields.iter().any(|field| (field.name, &*field.value) == ("x-oss-object-acl", "private")));
}

#[test]
fn what_does_not_fit_is_told_with_its_line() {
    let table = [
        (
            "methods = [\"put\", \"delete\"]",
            "oss-vend.toml:6: grants.default.methods has \"delete\", and no caller can",
        ),
        ("key = \"${filename}\"", "oss-vend.toml:6: grants.default.key has no ${uuid}"),
        ("keys = \"Server\"", "grants.default.keys must be one of \"caller\", \"server\", not \"Server\""),
        (
            "methods = [\"sts\", \"put\"]\nkeys = \"server\"",
            "oss-vend.toml:7: grants.default.keys cannot be \"server\"",
        ),
        (
            "process.allow = [\"image/info\", \"hls/sign\"]",
            "grants.default.process.allow[1] must be an operation such as",
        ),
        ("process.allow = [\"image/*\"]", "grants.default.process.allow[0] must be an operation such as"),
        ("object.acl = \"public-read\"", "grants.default.object.acl must be one of \"default\", \"private\""),
        ("object.storage_class = \"ia\"", "grants.default.object.storage_class must be one of \"Standard\", \"IA\""),
        ("object.cache_control = \"a\\r\\nb\"", "grants.default.object.cache_control must be 1 to 255 printable ASCII"),
        ("object.content_encoding = \"zip\"", "grants.default.object.content_encoding must be \"identity\""),
        ("object.tags = {}", "unknown key \"tags\" in [grants.default.object]"),
        (
            "max_size = 1\nkeys = \"caller\"\n[classic]\nenabled = true",
            "oss-vend.toml:6: grants.default.max_size limits uploads",
        ),
        ("[classic]\nenabled = true", "grants.default.keys is \"server\", and the forms of [classic]"),
    ];
    for (text, expected) in table {
        let told = Folder::with(&format!("{LEAST}{text}\n")).faults(&[]);
        assert!(told.contains(expected), "{text}:\n{told}");
    }
}
