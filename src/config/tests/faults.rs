//! What is wrong is told with line, caret and advice, all of it at once, and without secrets.

use std::fs;
use std::path::Path;

use super::{Environment, Folder, LEAST, Settings};

/// What is told of `extra` after a good file of five lines.
#[track_caller]
fn told(extra: &str, expected: &str) {
    let faults = Folder::with(&format!("{LEAST}{extra}")).faults(&[]);
    assert_eq!(faults, expected.trim_start_matches('\n'), "\n{faults}");
}

/// The same, without the excerpt.
#[track_caller]
fn said(extra: &str, expected: &str) {
    let faults = Folder::with(&format!("{LEAST}{extra}")).faults(&[]);
    let headlines: Vec<_> = faults.lines().filter(|line| line.starts_with("oss-vend.toml")).collect();
    assert_eq!(headlines.join("\n"), expected, "\n{faults}");
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_known_one() {
    told(
        "bukcet = \"b\"",
        r#"
oss-vend.toml:6: unknown key "bukcet" in [grants.default]; did you mean "bucket"?
  |
6 | bukcet = …
  | ^^^^^^"#,
    );
    told(
        "[sts2]",
        r#"
oss-vend.toml:6: unknown key "sts2"; did you mean "sts"?
  |
6 | [sts2]
  |  ^^^^"#,
    );
    said(
        "[cors]\nx = 1",
        "oss-vend.toml:7: unknown key \"x\" in [cors]; it takes origins, origin_patterns, credentials, max_age",
    );
    said(
        "[[auth.api_keys]]\nzzz = 1",
        "oss-vend.toml:6: auth.api_keys[0] has no \"id\"; a key is an id and a hash
oss-vend.toml:6: auth.api_keys[0] has no \"hash\"; a key is an id and a hash
oss-vend.toml:7: unknown key \"zzz\" in auth.api_keys[0]; it takes id, hash",
    );
}

#[test]
fn a_key_that_is_missing_for_a_typo_is_not_told_as_well() {
    let text = LEAST.replace("bucket =", "buckt =");
    let faults = Folder::with(&text).faults(&[]);
    assert!(faults.starts_with("oss-vend.toml:4: unknown key \"buckt\""), "{faults}");
    assert!(!faults.contains("has no"), "{faults}");
}

#[test]
fn a_value_of_the_wrong_kind_is_told_with_a_caret() {
    told(
        "methods = [\"post\", \"pots\"]",
        r#"
oss-vend.toml:6: grants.default.methods[1] must be one of "sts", "post", "put", "get", "get-version", "head", "delete", "list", not "pots"
  |
6 | methods = ["post", "pots"]
  |                    ^^^^^^"#,
    );
    let table = [
        ("dir = 3", "grants.default.dir must be a string, not 3"),
        ("dir = [\"a\"]", "grants.default.dir must be a string, not a list"),
        ("methods = \"post\"", "grants.default.methods must be a list, not \"post\""),
        ("policy = 1979-05-27", "grants.default.policy must be a string, not a date or time"),
        ("min_size = -1", "grants.default.min_size must be a size such as \"5 MiB\", not -1"),
        ("signature_versions = [4]", "grants.default.signature_versions[0] must be one of \"v4\", \"v1\""),
        (
            "expires = 1.5",
            "grants.default.expires must be a length of time such as \"3s\", \"500ms\", \"2m\", \"1h\", or whole seconds, not a number with a fraction",
        ),
    ];
    for (extra, expected) in table {
        said(extra, &format!("oss-vend.toml:6: {expected}"));
    }
    said("[auth]\nanonymous = \"yes\"", "oss-vend.toml:7: auth.anonymous must be true or false, not \"yes\"");
    said("[limits]\nbody = \"5 mib\"", "oss-vend.toml:7: limits.body must be a size such as \"5 MiB\", not \"5 mib\"");
}

#[test]
fn a_value_that_cannot_be_meant_is_told() {
    let table = [
        (
            "methods = []",
            "methods must be a list with at least one of \"post\", \"put\", \"get\", \"get-version\", \"head\", \"delete\", \"list\"",
        ),
        ("dir = \"uploads\"", "dir must end with a slash"),
        ("dir = \"${user}/\"", "dir cannot be used: ${user} cannot stand here"),
        ("key = \"../a\"", "key cannot be used: at its longest, below the directory, the key has a segment"),
        ("max_size = \"6 GiB\"", "max_size must be at most 5 GiB, all that OSS takes in one request"),
        ("min_size = 7\nmax_size = 6", "min_size must be at most max_size"),
        ("expires = 0", "expires must be whole seconds, 1 to 604800, not 0ns"),
        ("expires = \"1500ms\"", "expires must be whole seconds, 1 to 604800, not 1.5s"),
        ("expires = \"2h\"", "expires must be at most max_expires"),
        ("duration = 60", "duration must be whole seconds, 900 to 43200, not 60s"),
        ("session_name = \"${uuid}\"", "session_name cannot be used: ${uuid} cannot stand here"),
        ("role_arn = \"me\"", "role_arn must be a role such as \"acs:ram::1234567890123456:role/oss-upload\""),
        ("content_types = [\"image/*\"]", "content_types[0] must be a whole content type such as \"image/png\""),
        (
            "default_content_type = \"a/b\"\ncontent_types = [\"c/d\"]",
            "default_content_type must be one of content_types",
        ),
        (
            "endpoint = \"http://a.example\"",
            "endpoint must be \"https://host\" and nothing after it; \"http\" only for this machine",
        ),
    ];
    for (extra, expected) in table {
        let faults = Folder::with(&format!("{LEAST}{extra}")).faults(&[]);
        assert!(faults.starts_with(&format!("oss-vend.toml:6: grants.default.{expected}")), "{faults}");
    }
    let text = "endpoint = \"oss-cn-shanghai.aliyuncs.com\"";
    said(
        text,
        "oss-vend.toml:5: grants.default.region must be \"cn-shanghai\", the region of the endpoint, not \"cn-hangzhou\"",
    );
}

#[test]
fn a_grant_that_would_be_a_hole_is_refused_with_its_line() {
    let id = "${caller.id}";
    let table = [
        (format!("dir = \"{id}-${{caller.claims.tenant}}/\""), "dir has two slots of the caller between two slashes"),
        (format!("key = \"{id}/${{uuid}}\""), "key names the caller and dir does not"),
        (format!("dir = \"\"\nsession_name = \"web-{id}\""), "dir is empty while session_name names the caller"),
        (
            format!("policy = \"role\"\ndir = \"{id}/\"\nmethods = [\"sts\", \"put\"]"),
            "policy does not name the caller and dir does",
        ),
        (
            format!("reads = \"shared\"\ndir = \"{id}/\"\nmethods = [\"sts\", \"put\", \"get\"]"),
            "reads cannot be \"shared\": with credentials of the grant \"default\" a caller can put a symbolic link",
        ),
        (
            format!(
                "reads = \"shared\"\ndir = \"{id}/\"\nmethods = [\"head\"]\n[grants.inbox]\nbucket = \"examplebucket\"\n\
                 region = \"cn-hangzhou\"\ndir = \"in/\"\nmethods = [\"sts\", \"post\"]"
            ),
            "reads cannot be \"shared\": with credentials of the grant \"inbox\"",
        ),
        ("reads = \"open\"".to_owned(), "reads must be"),
        ("policy = \"role\"\n[auth]\nanonymous = true".to_owned(), "policy cannot be \"role\" while callers"),
        ("callers = []".to_owned(), "callers names nobody: leave it out"),
        ("callers = [\"a\\n\"]".to_owned(), "callers[0] must be an id: 1 to 256 bytes"),
        ("require = [{ equals = \"a\" }]".to_owned(), "require[0] has no \"claim\"; name the claim"),
        ("require = [{ claim = \"a\" }]".to_owned(), "require[0] has no \"equals\"; a rule has"),
        ("require = [{ claim = \"a\", all_of = [] }]".to_owned(), "require[0].all_of lists nothing"),
        (
            "require = [{ claim = \"a\", equals = 1, any_of = [2] }]".to_owned(),
            "require[0] has more than one of \"equals\", \"any_of\" and \"all_of\"",
        ),
        (
            "require = [{ claim = \"a\", equals = 1.5 }]".to_owned(),
            "require[0].equals must be a string, a whole number, true or false, not a number with a fraction",
        ),
        (
            "require = [{ claim = \"a\", is = 1 }]".to_owned(),
            "unknown key \"is\" in grants.default.require[0]; it takes claim, equals, any_of, all_of",
        ),
    ];
    for (extra, expected) in table {
        let faults = Folder::with(&format!("{LEAST}{extra}")).faults(&[]);
        let told = faults.replacen("grants.default.", "", 1);
        let expected = expected.replacen("grants.default.", "", 1);
        assert!(told.starts_with(&format!("oss-vend.toml:6: {expected}")), "{extra}\ngives\n{faults}");
    }
}

#[test]
fn a_policy_that_is_too_long_for_the_longest_identity_is_told_with_its_line() {
    let statement = r#"{"Effect":"Allow","Action":"oss:PutObject","Resource":"acs:oss:*:*:${bucket}/${dir}*"}"#;
    let text = format!("{LEAST}policy = \"policy.json\"\ndir = \"${{caller.id}}/\"");
    let folder = Folder::with(&text);
    let of = |times| format!(r#"{{"Version":"1","Statement":[{}]}}"#, vec![statement; times].join(","));
    fs::write(folder.path("policy.json"), of(8)).unwrap();
    folder.load(&[]).unwrap();
    fs::write(folder.path("policy.json"), of(12)).unwrap();
    let expected = "oss-vend.toml:6: grants.default.policy is too long: for the longest identity it has 2778 bytes, with the \
                    added statement that denies public ACLs; STS takes 2048";
    assert!(folder.faults(&[]).starts_with(expected), "{}", folder.faults(&[]));
}

#[test]
fn a_role_s_rights_may_go_to_callers_that_are_named() {
    let named = "policy = \"role\"\ncallers = [\"ops\"]\n[auth]\nanonymous = true";
    Folder::with(&format!("{LEAST}{named}")).load(&[]).unwrap();
    let alone = Folder::with(&format!("{LEAST}policy = \"role\"")).load(&[]).unwrap();
    let mut opened = alone.clone();
    assert!(alone.build().is_ok());
    opened.settings.auth.anonymous = Some(true);
    let error = opened.build().unwrap_err().to_string();
    assert!(error.starts_with("grants.default.policy cannot be \"role\""), "{error}");
}

#[test]
fn rules_may_come_from_a_variable_with_their_types() {
    let rules = r#"[{"claim":"tenant","equals":"a"},{"claim":"level","any_of":[1,true]}]"#;
    let loaded = Folder::with(LEAST).load(&[("OSS_VEND__GRANTS__DEFAULT__REQUIRE", rules)]).unwrap();
    let audience = loaded.build().unwrap().grants["default"].audience.clone();
    let told: Vec<_> = audience.rules.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["the claim \"tenant\" equals \"a\"", "the claim \"level\" is or has any of 1, true"]);
}

#[test]
fn other_sections_are_checked_too() {
    let table = [
        (
            "[cors]\norigins = [\"null\"]",
            "cors.origins[0] must be an origin as a browser sends it, such as \"https://app.example.com\", or \"*\" alone, not \"null\"",
        ),
        (
            "[cors]\norigins = [\"https://a.example\", \"*\"]",
            "cors.origins has \"*\", every page there is, beside others: leave one of them out",
        ),
        (
            "[cors]\ncredentials = true\norigins = [\"*\"]",
            "cors.credentials cannot stand beside the origin \"*\": any page could then ask in the name of its visitor",
        ),
        (
            "[cors]\norigin_patterns = [\"https://*\"]",
            "cors.origin_patterns[0] must be an origin with \"*.\" before the host's name, such as \"https://*.example.com\", not \"https://*\"",
        ),
        (
            "[proxy]\ntrusted = [\"0.0.0.0/0\"]",
            "proxy.trusted[0] must be an address or a network such as \"10.0.0.0/8\", and not all there are, or \"unix\", not \"0.0.0.0/0\"",
        ),
        (
            "[limits]\nper_caller = \"fast\"",
            "limits.per_caller must be a rate such as \"20/s burst 500\" or \"600/m\" (s, m or h), or \"off\", not \"fast\"",
        ),
        ("[limits]\nhead = \"1 KiB\"", "limits.head must be 8 KiB to 1 MiB, not 1 KiB"),
        ("[limits]\nconnections = 0", "limits.connections must be a whole number from 1 to 1000000, not 0"),
        ("[limits]\nrequest_timeout = 0", "limits.request_timeout must be longer than nothing, not 0"),
        ("[auth]\napi_keys = [{ id = \"a\" }]", "auth.api_keys[0] has no \"hash\"; a key is an id and a hash"),
        (
            "[classic]\ngrant = \"defualt\"\nenabled = true",
            "classic.grant must be the name of a grant, perhaps \"default\", not \"defualt\"",
        ),
    ];
    for (extra, expected) in table {
        said(extra, &format!("oss-vend.toml:7: {expected}"));
    }
    let vpc = LEAST.replace("[sts]", "listen = \"8000\"\n[sts]\nvpc = true");
    let faults = Folder::with(&vpc).faults(&[]);
    assert!(
        faults.contains(
            "oss-vend.toml:1: listen must be \"address:port\", \"host:port\" or \"unix:/path\", not \"8000\""
        ),
        "{faults}"
    );
    assert!(faults.contains("oss-vend.toml:3: sts.vpc needs sts.region"), "{faults}");
}

#[test]
fn a_grant_needs_a_name_a_bucket_a_region_and_a_role() {
    let expected = r#"
oss-vend.toml:1: grants.A has no "bucket"; name the bucket that it vends for
  |
1 | [grants.A]
  |         ^
oss-vend.toml:1: grants.A has no "region"; name the bucket's region, such as "cn-hangzhou"
  |
1 | [grants.A]
  |         ^
oss-vend.toml:1: grants.A has no "role_arn"; set it here, or sts.role_arn, or the variable RAM_ROLE_ARN
  |
1 | [grants.A]
  |         ^"#;
    let faults = Folder::with("[grants.A]\n").faults(&[]);
    assert!(faults.starts_with("oss-vend.toml:1: grants.A must be named with 1 to 32 characters"), "{faults}");
    assert!(faults.ends_with(expected), "{faults}");
}

#[test]
fn without_a_grant_there_is_nothing_to_vend() {
    let expected = "grants is empty, so there is nothing to vend: add a [grants.<name>], or set BUCKET and REGION";
    assert_eq!(Settings::load(None, &Environment::default()).unwrap_err().to_string(), expected);
    assert!(Folder::with("[grants]").faults(&[]).contains(expected));
}

#[test]
fn toml_that_is_none_is_told_in_the_same_form() {
    told(
        "bucket = \"twice\"",
        r#"
oss-vend.toml:6: duplicate key "bucket"
  |
6 | bucket = "twice"
  | ^^^^^^"#,
    );
    told(
        "dir = uploads/",
        r"
oss-vend.toml:6: string values must be quoted, expected literal string
  |
6 | dir = uploads/
  |       ^^^^^^^^",
    );
    said("dir = \"uploads/", "oss-vend.toml:6: invalid basic string, expected `\"`");
    said("dir = [", "oss-vend.toml:6: unclosed array, expected `]`");
    said("[limits", "oss-vend.toml:6: unclosed table, expected `]`");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_their_lines() {
    let extra = "methods = [\"pots\"]\nexpires = 0\nkye = \"\"\ndir = 3\n[sts3]\n[limits]\nbody = \"big\"";
    let folder = Folder::with(&format!("{LEAST}{extra}"));
    let error = folder.load(&[("OSS_VEND__STS__VPC", "maybe"), ("OSS_VEND__NO", "1")]).unwrap_err();
    let places: Vec<_> =
        error.faults().iter().map(|fault| fault.rsplit_once(".toml:").map_or("", |(_, rest)| &rest[..2])).collect();
    assert_eq!(places, ["6:", "7:", "8:", "9:", "10", "12", "", ""], "{error}");
}

#[test]
fn carets_stand_beneath_what_they_mean_after_wide_characters_and_tabs() {
    told(
        "\tmethods = [ # 目录\n\t\"投\"]",
        "
oss-vend.toml:7: grants.default.methods[0] must be one of \"sts\", \"post\", \"put\", \"get\", \"get-version\", \"head\", \"delete\", \"list\", not \"投\"
  |
7 | \t\"投\"]
  | \t^^^",
    );
}

#[test]
fn files_of_windows_are_read_and_told_alike() {
    let text = format!("\u{feff}{LEAST}dir = 3\r\nexpires = 0\r\n").replace("region", "\r\nregion");
    let expected =
        "oss-vend.toml:7: grants.default.dir must be a string, not 3\n  |\n7 | dir = 3\n  |       ^\noss-vend.toml:8: ";
    let faults = Folder::with(&text).faults(&[]);
    assert!(faults.starts_with(expected), "{faults}");
}

#[test]
fn no_fault_shows_a_secret() {
    let digest = "sha256:hush";
    let table = [
        "[access_key]\nsecert = \"hush\"".to_owned(),
        "[access_key]\nid = \"a\"\nsecret = [\"hush\"]".to_owned(),
        "[access_key]\nid = \"a\"\nsecret = \"hush hush\"".to_owned(),
        "[access_key]\nsecret = \"hush".to_owned(),
        "[access_key]\nsecret = hush".to_owned(),
        "[access_key]\nsecret = \"\"\"a\nhush\"".to_owned(),
        "[access_key]\nid = \"a\"\nsecret = \"hush\"\nsecret = \"hush\"".to_owned(),
        "[access_key]\nsecret = \"hush\"".to_owned(),
        "[access_key.hush]\nx = \"hush\"".replace("access_key.hush", "access_key.more"),
        "[acess_key]\nsecret = \"hush\"".to_owned(),
        "[acess_key]\nsecret = \"hush".to_owned(),
        "access_key_secret = \"hush\"".to_owned(),
        "x = { y = \"hush\" }".to_owned(),
        "endpoint = \"https://me:hush@a.example\"".to_owned(),
        format!("[[auth.api_keys]]\nid = \"a\"\nhash = \"{digest}\""),
        format!("[auth]\nanonymous = 1\napi_keys = [{{ id = \"a\", hash = \"{digest}\" }}]"),
        format!("[auth]\napi_keys = [\"{digest}\"]"),
        "[auth]\napi_keys = \"hush\"".to_owned(),
        "[auth]\napi_keys = [{ id = \"a\", hash = 1, x = \"hush\" }]".to_owned(),
    ];
    for extra in table {
        let faults = Folder::with(&format!("{LEAST}{extra}")).faults(&[]);
        assert!(!faults.contains("hush"), "{extra}\ngives\n{faults}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Settings::load(Some(Path::new("no-such-folder/oss-vend.toml")), &Environment::default()).unwrap_err();
    assert!(error.to_string().starts_with("no-such-folder/oss-vend.toml: cannot be read: "), "{error}");
}

#[test]
fn a_policy_file_has_to_be_there_and_hold_a_json_object() {
    let folder = Folder::with(&format!("{LEAST}policy = \"policy.json\""));
    let faults = folder.faults(&[]);
    assert!(faults.starts_with("oss-vend.toml:6: grants.default.policy must be \"generated\", \"role\" or a file that can be read; policy.json: "));
    for text in ["", "{", "[]", "{} {}"] {
        fs::write(folder.path("policy.json"), text).unwrap();
        let faults = folder.faults(&[]);
        assert!(
            faults.contains("grants.default.policy must be a file that holds a JSON object; policy.json: "),
            "{faults}"
        );
    }
    let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:PutObject","Resource":"*"}]}"#;
    fs::write(folder.path("policy.json"), policy).unwrap();
    assert_eq!(folder.load(&[]).unwrap().policy_texts["default"], policy);
}
