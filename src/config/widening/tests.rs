//! Each way to widen, once and with its key; and each way to narrow, which is none.

use super::super::Environment;
use super::*;

const BASE: &str = r#"
hosts = ["vend.example.com"]

[sts]
role_arn = "acs:ram::1:role/r"

[auth]
api_keys = [{ id = "app", hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000" }]

[[auth.jwt]]
issuer = "https://a.example"
id_prefix = "a."
audiences = ["uploads"]
algorithms = ["RS256"]
required_claims = { verified = true }
leeway = "30s"

[auth.forward]
url = "https://app.example/me"
cookies = ["session"]
id_prefix = "f."
remember = "10s"

[auth.proxy]
id_header = "X-User"
from = ["10.0.0.1"]
id_prefix = "p."

[proxy]
trusted = ["10.0.0.2"]
require_https = true

[cors]
origins = ["https://app.example"]

[limits]
per_caller = "20/s burst 500"
shared = false

[grants.default]
bucket = "examplebucket"
region = "cn-hangzhou"
callers = ["app", "a.alice"]
dir = "uploads/images/"
methods = ["post", "put"]
keys = "server"
strict_form = true
object = { storage_class = "IA" }
min_size = 1
max_size = "5 MiB"
content_types = ["image/png"]
max_expires = "1h"
duration = "1h"
limit = "100/s"

[[grants.default.require]]
claim = "roles"
any_of = ["editor"]

[grants.default2]
bucket = "examplebucket"
region = "cn-hangzhou"
dir = "other/"
"#;

fn rules(text: &str) -> AccessRules {
    let mut loaded =
        Settings::of_text("oss-vend.toml", text, &Environment::default()).unwrap_or_else(|e| panic!("{e}"));
    loaded.settings.auth.anonymous.get_or_insert_default();
    AccessRules::of(&loaded)
}

/// What is wider in the base with `that` in place of `this`.
fn widened(this: &str, that: &str) -> Vec<String> {
    assert!(BASE.contains(this), "{this}");
    rules(&BASE.replacen(this, that, 1)).widened_since(&rules(BASE))
}

#[test]
fn each_way_to_widen_is_named_with_its_key() {
    let rule = "[[grants.default.require]]\nclaim = \"roles\"\nany_of = [\"editor\"]";
    let issuer = "\"https://a.example\"";
    let of_issuer = |key: &str| format!("auth.jwt.{key} of {issuer}");
    for (this, that, key) in [
        ("hosts = [\"vend.example.com\"]", "", "hosts".to_owned()),
        ("hosts = [\"vend.example.com\"]", "hosts = [\"vend.example.com\", \"b.example\"]", "hosts".to_owned()),
        ("[auth]", "[auth]\nanonymous = true", "auth.anonymous".to_owned()),
        ("[auth]", "[auth]\napi_key_id_prefix = \"k.\"", "auth.api_key_id_prefix".to_owned()),
        ("sha256:00", "sha256:11", "auth.api_keys".to_owned()),
        ("issuer = \"https://a", "issuer = \"https://b", "auth.jwt".to_owned()),
        ("id_prefix = \"a.\"", "id_prefix = \"b.\"", of_issuer("id_prefix")),
        ("id_prefix = \"a.\"", "id_prefix = \"a.\"\nid_claim = \"email\"", of_issuer("id_claim")),
        ("id_prefix = \"a.\"", "id_prefix = \"a.\"\ncookie = \"t\"", of_issuer("cookie")),
        ("id_prefix = \"a.\"", "id_prefix = \"a.\"\njwks_url = \"https://a.example/k\"", of_issuer("jwks_url")),
        ("\"uploads\"", "\"uploads\", \"web\"", of_issuer("audiences")),
        ("audiences = [\"uploads\"]", "", of_issuer("audiences")),
        ("\"RS256\"", "\"RS256\", \"ES256\"", of_issuer("algorithms")),
        ("algorithms = [\"RS256\"]", "", of_issuer("algorithms")),
        ("verified = true", "verified = false", of_issuer("required_claims")),
        ("{ verified = true }", "{ level = 1 }", of_issuer("required_claims")),
        ("leeway = \"30s\"", "leeway = \"31s\"", of_issuer("leeway")),
        ("app.example/me", "app.example/you", "auth.forward.url".to_owned()),
        ("\"session\"", "\"session\", \"sid\"", "auth.forward.cookies".to_owned()),
        ("[\"session\"]", "[\"session\"]\nheaders = [\"X-S\"]", "auth.forward.headers".to_owned()),
        ("[\"session\"]", "[\"session\"]\nid_header = \"X-Id\"", "auth.forward.id_header".to_owned()),
        ("remember = \"10s\"", "remember = \"11s\"", "auth.forward.remember".to_owned()),
        ("id_prefix = \"f.\"", "id_prefix = \"g.\"", "auth.forward.id_prefix".to_owned()),
        ("from = [\"10.0.0.1\"]", "from = [\"10.0.0.0/8\"]", "auth.proxy.from".to_owned()),
        ("X-User", "X-Other", "auth.proxy.id_header".to_owned()),
        ("id_prefix = \"p.\"", "id_prefix = \"q.\"", "auth.proxy.id_prefix".to_owned()),
        ("\"X-User\"", "\"X-User\"\nclaim_headers = { a = \"X-A\" }", "auth.proxy.claim_headers".to_owned()),
        ("require_https = true", "", "proxy.require_https".to_owned()),
        ("[\"10.0.0.2\"]", "[\"10.0.0.2\", \"10.0.0.3\"]", "proxy.trusted".to_owned()),
        ("[\"https://app.example\"]", "[\"https://app.example\", \"https://b.example\"]", "cors.origins".to_owned()),
        ("[cors]", "[cors]\norigin_patterns = [\"https://*.a.example\"]", "cors.origin_patterns".to_owned()),
        ("[cors]", "[cors]\ncredentials = true", "cors.credentials".to_owned()),
        ("\"20/s burst 500\"", "\"off\"", "limits.per_caller".to_owned()),
        ("\"20/s burst 500\"", "\"20/s burst 501\"", "limits.per_caller".to_owned()),
        ("\"20/s burst 500\"", "\"21/s burst 500\"", "limits.per_caller".to_owned()),
        ("[grants.default]", "[classic]\nenabled = true\ngrant = \"default2\"\n[grants.default]", "classic".to_owned()),
        ("[sts]", "static_dir = \"public\"\n[sts]", "static_dir".to_owned()),
        ("[grants.default2]", "[grants.default3]", "grants.default3".to_owned()),
        ("bucket = \"examplebucket\"", "bucket = \"anotherbucket\"", "grants.default.bucket".to_owned()),
        ("callers = [\"app\", \"a.alice\"]\n", "", "grants.default.callers".to_owned()),
        ("\"a.alice\"]", "\"a.alice\", \"a.bob\"]", "grants.default.callers".to_owned()),
        (rule, "", "grants.default.require".to_owned()),
        ("any_of = [\"editor\"]", "any_of = [\"editor\", \"guest\"]", "grants.default.require".to_owned()),
        ("uploads/images/", "uploads/", "grants.default.dir".to_owned()),
        ("uploads/images/", "uploads/videos/", "grants.default.dir".to_owned()),
        (
            "uploads/images/",
            "uploads/images/\"\noverlaps = true\nkey = \"${uuid}",
            "grants.default.overlaps".to_owned(),
        ),
        ("min_size = 1", "unsafe_id = \"hash\"\nmin_size = 1", "grants.default.unsafe_id".to_owned()),
        ("[\"post\", \"put\"]", "[\"put\", \"post\", \"get\"]", "grants.default.methods".to_owned()),
        ("min_size = 1", "min_size = 0", "grants.default.min_size".to_owned()),
        ("keys = \"server\"", "keys = \"caller\"", "grants.default.keys".to_owned()),
        ("keys = \"server\"", "", "grants.default.keys".to_owned()),
        ("strict_form = true", "", "grants.default.strict_form".to_owned()),
        ("storage_class = \"IA\"", "storage_class = \"Standard\"", "grants.default.object.storage_class".to_owned()),
        ("\"IA\"", "\"IA\", storage_classes = [\"IA\"]", "grants.default.object.storage_classes".to_owned()),
        (
            "min_size = 1",
            "process.allow = [\"video/snapshot\"]\nmin_size = 1",
            "grants.default.process.allow".to_owned(),
        ),
        ("\"5 MiB\"", "\"6 MiB\"", "grants.default.max_size".to_owned()),
        ("max_size = \"5 MiB\"", "", "grants.default.max_size".to_owned()),
        ("min_size = 1", "allow_unsized_put = true\nmin_size = 1", "grants.default.allow_unsized_put".to_owned()),
        ("[\"image/png\"]", "[\"image/png\", \"text/html\"]", "grants.default.content_types".to_owned()),
        ("content_types = [\"image/png\"]", "", "grants.default.content_types".to_owned()),
        ("max_expires = \"1h\"", "max_expires = \"2h\"", "grants.default.max_expires".to_owned()),
        ("duration = \"1h\"", "duration = \"2h\"", "grants.default.duration".to_owned()),
        (
            "min_size = 1",
            "signature_versions = [\"v4\", \"v1\"]\nmin_size = 1",
            "grants.default.signature_versions".to_owned(),
        ),
        ("limit = \"100/s\"", "limit = \"off\"", "grants.default.limit".to_owned()),
        ("min_size = 1", "policy = \"role\"\nmin_size = 1", "grants.default.policy".to_owned()),
        ("min_size = 1", "role_arn = \"acs:ram::1:role/s\"\nmin_size = 1", "grants.default.role_arn".to_owned()),
    ] {
        let widened = widened(this, that);
        let named = widened.len() == 1 && widened[0].starts_with(&format!("{key}: "));
        assert!(named, "{this} to {that}: {widened:?}");
    }
}

#[test]
fn answering_any_host_is_wider_than_answering_names_of_this_machine() {
    let open =
        AccessRules { local_hosts_only: false, ..rules(&BASE.replacen("hosts = [\"vend.example.com\"]", "", 1)) };
    let local = AccessRules { local_hosts_only: true, ..open.clone() };
    assert!(open.widened_since(&local)[0].starts_with("hosts: any host is answered"));
    assert!(local.widened_since(&open).is_empty());
}

#[test]
fn what_narrows_or_changes_no_access_widens_nothing() {
    let rule = "[[grants.default.require]]\nclaim = \"tenant\"\nequals = \"a\"\n[grants.default2]";
    for (this, that) in [
        ("[auth.proxy]\nid_header = \"X-User\"\nfrom = [\"10.0.0.1\"]\nid_prefix = \"p.\"", ""),
        ("verified = true", "verified = true, level = 1"),
        ("leeway = \"30s\"", "leeway = \"10s\""),
        ("origins = [\"https://app.example\"]", ""),
        ("\"20/s burst 500\"", "\"10/s burst 500\""),
        ("[\"app\", \"a.alice\"]", "[\"a.alice\", \"app\"]"),
        ("[\"app\", \"a.alice\"]", "[\"app\"]"),
        ("[grants.default2]", rule),
        ("uploads/images/", "uploads/images/small/"),
        ("uploads/images/", "uploads/images/${caller.id}/"),
        ("[\"post\", \"put\"]", "[\"put\"]"),
        ("min_size = 1", "min_size = 2"),
        ("\"5 MiB\"", "\"4 MiB\""),
        ("max_expires = \"1h\"", "max_expires = \"30m\""),
        ("limit = \"100/s\"", "limit = \"50/s\""),
        ("min_size = 1", "session_name = \"web\"\nmin_size = 1"),
        ("[sts]", "[audit]\nto = \"off\"\n[sts]"),
    ] {
        assert_eq!(widened(this, that), Vec::<String>::new(), "{this} to {that}");
    }
}

#[test]
fn a_policy_file_that_changed_counts_as_wider_and_its_text_is_not_shown() {
    let with = |policy: &str| {
        let mut rules = rules(BASE);
        let grant = rules.settings.grants.get_mut("default").unwrap();
        grant.policy = super::super::PolicySource::File("policy.json".into());
        rules.policy_texts.insert("default".to_owned(), policy.to_owned());
        rules
    };
    assert_eq!(with("{}").widened_since(&with("{}")), Vec::<String>::new());
    assert_eq!(with("{ }").widened_since(&with("{}")), ["grants.default.policy: changed"]);
}

#[test]
fn no_secret_is_in_what_is_wider() {
    let secret = |text: &str| {
        let issuer =
            format!("[[auth.jwt]]\nissuer = \"b\"\nid_prefix = \"b.\"\naudiences = [\"u\"]\nsecret = \"{text}\"\n");
        rules(&BASE.replacen("[auth.forward]", &format!("{issuer}[auth.forward]"), 1))
    };
    let widened = secret(&"hush".repeat(9)).widened_since(&secret(&"mute".repeat(9)));
    assert_eq!(widened, ["auth.jwt.secret of \"b\": changed"]);
}
