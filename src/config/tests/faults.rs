//! What is wrong is told with line, caret and advice, all of it at once, and without secrets.

use super::{Folder, LEAST};

#[track_caller]
fn told(text: &str, expected: &str) {
    assert_eq!(Folder::with(text).faults(&[]), expected);
}

/// The faults of `extra` after a good file.
#[track_caller]
fn told_after_least(extra: &str, expected: &str) {
    told(&format!("{LEAST}{extra}"), expected);
}

#[test]
fn probe() {
    for extra in [
        "bukcet = \"b\"",
        "expires = \"soon\"",
        "methods = [\"post\", \"pots\"]",
        "methods = \"post\"",
        "methods = []",
        "max_size = \"6 GiB\"",
        "bucket = \"twice\"",
        "expires = 1.5",
        "min_size = -1",
        "dir = 3",
        "dir = [",
        "dir = \"abc",
        "dir = abc",
        "[access_key]\nsecert = \"hush\"",
        "[access_key]\nid = \"a\"\nsecret = 5",
        "[access_key]\nsecret = \"hush",
        "[acess_key]\nsecret = \"hush\"\n",
        "acess_key = {secret = \"hush\"}",
        "[[auth.api_keys]]\nid=\"a\"\nhash=\"hush\"",
        "[auth]\napi_keys = [{id=\"a\", hash=\"hush\"}]",
        "[auth]\napi_keys=[{id=\"a\"}]",
        "[auth]\napi_keys=[{}]",
        "[auth]\nanonymous=\"yes\"",
        "[sts2]\n",
        "[cors]\norigins = [\"*\"]",
        "[limits]\nbody = \"big\"\nrequest_timeout = 0",
        "[classic]\nenabled = true\ngrant = \"defualt\"",
        "[grants.\"A b\"]\nbucket=\"b\"",
        "[sts]\nvpc=true",
        "endpoint = \"http://a.example\"",
        "policy = \"genrated\"",
        "policy = \"oss-vend.toml\"",
        "session_name = \"a b\"",
        "[grants.other]\nbuckt=\"abc\"\n",
        "endpoint = \"oss-cn-shanghai.aliyuncs.com\"",
        "expires = 4000",
        "duration = 60",
        "default_content_type = \"a/b\"\ncontent_types=[\"c/d\"]",
        "signature_versions=[4]",
        "policy = 4",
        "static_dir = 1979-05-27",
        "grants = 3",
        "[grants]\ndefault = 4",
    ] {
        println!(
            "--- {extra}\n{}",
            Folder::with(&format!("{LEAST}{extra}")).load(&[]).err().map_or("OK".into(), |e| e.to_string())
        );
    }
}
