//! What `[auth]` is refused for: holes first.

use std::fs;

use super::{Folder, LEAST};

const PUBLIC_KEY: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// The first fault of a good file with `extra` after it, without its place.
fn fault(extra: &str) -> String {
    let folder = Folder::with(&format!("{LEAST}{extra}"));
    fs::write(folder.path("keys.json"), PUBLIC_KEY).unwrap();
    fs::write(folder.path("none.json"), r#"{"keys":[]}"#).unwrap();
    let faults = folder.load(&[]).err().map(|error| error.to_string()).unwrap_or_default();
    let first = faults.lines().next().unwrap_or_default();
    first.splitn(3, ':').last().unwrap_or_default().trim().to_owned()
}

#[track_caller]
fn each(head: &str, table: &[(&str, &str)]) {
    for (extra, expected) in table {
        let told = fault(&format!("{head}\n{extra}"));
        assert!(told.starts_with(expected) && expected.is_empty() == told.is_empty(), "{extra}\ngives {told:?}");
    }
}

const SECRET: &str = "secret = \"0123456789abcdef0123456789abcdef\"";

#[test]
fn an_issuer_is_asked_over_https_and_has_keys_of_one_source() {
    let address =
        "auth.jwt[0].issuer must be an address such as \"https://login.example.com\"; \"http\" only for this machine";
    let both = format!("issuer = \"a\"\n{SECRET}\njwks_url = \"https://a.example/keys\"");
    let short = "issuer = \"a\"\nsecret = \"0123456789abcdef\"";
    let insecure = format!("issuer = \"http://login.example.com\"\n{SECRET}");
    let plain = format!("issuer = \"a\"\n{SECRET}");
    each(
        "[[auth.jwt]]\naudiences = [\"a\"]",
        &[
            ("issuer = \"https://login.example.com\"", ""),
            ("issuer = \"http://127.0.0.1:9999\"", ""),
            ("issuer = \"http://localhost:9999/realms/a\"", ""),
            (&plain, ""),
            ("issuer = \"a\"\njwks_file = \"keys.json\"", ""),
            ("issuer = \"a\"\njwks_url = \"https://a.example/keys?v=1\"", ""),
            ("", "auth.jwt[0] has no \"issuer\""),
            ("issuer = \"http://login.example.com\"", address),
            ("issuer = \"http://10.0.0.1\"", address),
            ("issuer = \"http://localhost.example.com\"", address),
            ("issuer = \"https://user:word@login.example.com\"", address),
            ("issuer = \"login.example.com\"", address),
            (&insecure, address),
            ("issuer = \"a\"\njwks_url = \"http://a.example/keys\"", "auth.jwt[0].jwks_url must be an address"),
            ("issuer = \"a\"\njwks_url = \"ftp://a.example/keys\"", "auth.jwt[0].jwks_url must be an address"),
            ("issuer = \"a\"\njwks_file = \"absent.json\"", "auth.jwt[0].jwks_file must be a file with public keys"),
            ("issuer = \"a\"\njwks_file = \"none.json\"", "auth.jwt[0].jwks_file must be a file with public keys"),
            (&both, "auth.jwt[0].secret cannot stand beside jwks_url: keys have one source"),
            (short, "auth.jwt[0].secret must be as long as the hash: 32 bytes for HS256, 48 for HS384, 64 for HS512"),
        ],
    );
}

#[test]
fn algorithms_fit_their_keys() {
    let hs512 = format!("{SECRET}\nalgorithms = [\"HS512\"]");
    let rs256 = format!("{SECRET}\nalgorithms = [\"HS256\", \"RS256\"]");
    each(
        "[[auth.jwt]]\naudiences = [\"a\"]\nissuer = \"https://a.example\"",
        &[
            ("algorithms = [\"RS256\", \"PS512\", \"ES512\", \"EdDSA\"]", ""),
            ("algorithms = [\"HS256\"]", "auth.jwt[0].algorithms[0] cannot be HS256, which needs a secret"),
            (&rs256, "auth.jwt[0].algorithms[1] cannot be RS256, which has public keys, not a secret"),
            (&hs512, "auth.jwt[0].secret must be as long as the hash"),
            ("algorithms = [\"none\"]", "auth.jwt[0].algorithms[0] must be one of \"HS256\""),
        ],
    );
}

#[test]
fn tokens_for_other_services_are_not_taken() {
    let advice = "auth.jwt[0] has no \"audiences\"; name this service as its tokens do";
    each(
        "[[auth.jwt]]\nissuer = \"https://a.example\"",
        &[
            ("", advice),
            ("audiences = []", advice),
            ("required_claims = { client_id = \"web\" }", ""),
            ("audiences = [\"a\"]\nleeway = \"6m\"", "auth.jwt[0].leeway must be at most 5 minutes"),
            ("audiences = [\"a\"]\nid_prefix = \"a/\"", "auth.jwt[0].id_prefix must be up to 32 characters"),
            ("audiences = [\"a\"]\nid_claim = \"\"", "auth.jwt[0].id_claim must be the name of a claim"),
            ("audiences = [\"a\"]\ncookie = \"a b\"", "auth.jwt[0].cookie must be the name of a cookie"),
            (
                "audiences = [\"a\"]\n[[auth.jwt]]\nid_prefix = \"b.\"\naudiences = [\"b\"]\nissuer = \"https://a.example\"",
                "auth.jwt[1].issuer is that of another entry too",
            ),
        ],
    );
}

#[test]
fn the_application_is_asked_over_https_and_with_something() {
    each(
        "[auth.forward]",
        &[
            ("url = \"https://a.example/me\"\ncookies = [\"s\"]", ""),
            ("url = \"http://127.0.0.1:3000/me\"\nheaders = [\"X-Session\"]", ""),
            ("cookies = [\"s\"]", "auth.forward has no \"url\""),
            ("url = \"http://a.example/me\"\ncookies = [\"s\"]", "auth.forward.url must be an address"),
            ("url = \"https://a.example/me\"", "auth.forward has no \"cookies\""),
            (
                "url = \"https://a.example\"\nheaders = [\"Cookie\"]",
                "auth.forward.headers[0] must be the name of a header",
            ),
            (
                "url = \"https://a.example\"\nheaders = [\"a b\"]",
                "auth.forward.headers[0] must be the name of a header",
            ),
            (
                "url = \"https://a.example\"\ncookies = [\"a=b\"]",
                "auth.forward.cookies[0] must be the name of a cookie",
            ),
            (
                "url = \"https://a.example\"\ncookies = [\"s\"]\nremember = \"1h\"",
                "auth.forward.remember must be at most",
            ),
            (
                "url = \"https://a.example\"\ncookies = [\"s\"]\nclaim_headers = { a = \"b\" }",
                "auth.forward has no \"id_header\"",
            ),
        ],
    );
}

#[test]
fn a_proxy_has_an_address_and_not_everybodys() {
    each(
        "[auth.proxy]",
        &[
            ("id_header = \"X-User\"\nfrom = [\"10.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\", \"::1\"]", ""),
            ("from = [\"10.0.0.1\"]", "auth.proxy has no \"id_header\""),
            ("id_header = \"X-User\"", "auth.proxy has no \"from\""),
            (
                "id_header = \"Authorization\"\nfrom = [\"10.0.0.1\"]",
                "auth.proxy.id_header must be the name of a header",
            ),
            ("id_header = \"X-User\"\nfrom = [\"0.0.0.0/0\"]", "auth.proxy.from[0] must be an address or a network"),
            ("id_header = \"X-User\"\nfrom = [\"::/0\"]", "auth.proxy.from[0] must be an address or a network"),
            ("id_header = \"X-User\"\nfrom = [\"proxy\"]", "auth.proxy.from[0] must be an address or a network"),
        ],
    );
}

#[test]
fn a_shared_secret_is_told_to_nobody() {
    let text = format!("{LEAST}[[auth.jwt]]\naudiences = [\"a\"]\nissuer = \"a\"\nsecret = \"hush-hush\"");
    let faults = Folder::with(&text).faults(&[]);
    assert!(faults.contains("auth.jwt[0].secret must be") && !faults.contains("hush"), "{faults}");
    let folder = Folder::with(&text.replace("hush-hush", &"hush".repeat(8)));
    let loaded = folder.load(&[]).unwrap();
    assert!(!format!("{loaded:?}").contains("hush"));
    assert!(!format!("{:?}", loaded.build().unwrap()).contains("hush"));
}

#[test]
fn a_variable_holds_issuers_as_json() {
    let folder = Folder::with(LEAST);
    let json = r#"[{"issuer":"https://a.example","audiences":["a"],"required_claims":{"verified":true,"level":3}}]"#;
    let loaded = folder.load(&[("OSS_VEND__AUTH__JWT", json)]).unwrap();
    let claims = &loaded.settings.auth.jwt[0].required_claims;
    assert_eq!((claims["verified"].as_bool(), claims["level"].as_i64()), (Some(true), Some(3)));
    assert!(loaded.settings.auth.knows_callers());
}

/// The ids of an application's users and of API keys, beside those of an issuer.
#[test]
fn several_sources_of_callers_have_prefixes_that_tell_them_apart() {
    let key = "api_keys = [{ id = \"KEY\", hash = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }]";
    let source = |prefix: &str, table: &str| {
        let line = if prefix.is_empty() { String::new() } else { format!("id_prefix = \"{prefix}\"\n") };
        format!("{table}\n{line}")
    };
    let issuer = |name: &str, prefix: &str| {
        source(prefix, &format!("[[auth.jwt]]\naudiences = [\"a\"]\nissuer = \"https://{name}.example\""))
    };
    let forward = |prefix: &str| source(prefix, "[auth.forward]\nurl = \"https://app.example/me\"\ncookies = [\"s\"]");
    let proxy = |prefix: &str| source(prefix, "[auth.proxy]\nid_header = \"X-User\"\nfrom = [\"10.0.0.1\"]");
    let keys =
        |id: &str, prefix: &str| format!("[auth]\napi_key_id_prefix = \"{prefix}\"\n{}\n", key.replace("KEY", id));
    for (sources, expected) in [
        (vec![issuer("a", "")], ""),
        (vec![issuer("a", ""), issuer("b", "b.")], ""),
        (vec![issuer("a", "a."), issuer("b", "b.")], ""),
        (vec![issuer("a", ""), issuer("b", "")], "auth.jwt[1].id_prefix is empty, and so is auth.jwt[0].id_prefix"),
        (
            vec![issuer("a", "a"), issuer("b", "a")],
            "auth.jwt[1].id_prefix is \"a\", and auth.jwt[0].id_prefix is \"a\"",
        ),
        (vec![issuer("a", "kc-"), issuer("b", "kc")], "auth.jwt[1].id_prefix is \"kc\", and"),
        (vec![issuer("a", "kc"), issuer("b", "kc-")], "auth.jwt[1].id_prefix is \"kc-\", and"),
        (vec![keys("alice", ""), issuer("a", "a.")], ""),
        (vec![keys("alice", "key."), issuer("a", "")], ""),
        (vec![keys("alice", ""), issuer("a", "")], "auth.jwt[0].id_prefix is empty, and so is auth.api_key_id_prefix"),
        (vec![keys("a.lice", ""), issuer("a", "a.")], "auth.api_keys[0].id begins with \"a.\""),
        (
            vec![keys("lice", "a."), issuer("a", "a.b.")],
            "auth.jwt[0].id_prefix is \"a.b.\", and auth.api_key_id_prefix",
        ),
        (vec![forward(""), proxy("")], "auth.proxy.id_prefix is empty, and so is auth.forward.id_prefix"),
        (vec![forward(""), proxy("p.")], ""),
        (vec![forward("x/"), proxy("p.")], "auth.forward.id_prefix must be up to 32 characters"),
        (vec![keys("alice", ""), forward("")], "auth.forward.id_prefix is empty, and so is auth.api_key_id_prefix"),
        (vec![keys(&"x".repeat(128), "k."), forward("")], "auth.api_keys[0].id must be 1 to 128 characters"),
    ] {
        let told = fault(&sources.concat());
        assert!(told.starts_with(expected) && expected.is_empty() == told.is_empty(), "{sources:?}\ngives {told:?}");
    }
}

#[test]
fn anonymous_false_without_any_callers_serves_nobody_and_is_refused() {
    let key = "api_keys = [{ id = \"a\", hash = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }]";
    let with_key = format!("anonymous = false\n{key}");
    each(
        "[auth]",
        &[
            ("", ""),
            ("anonymous = true", ""),
            ("anonymous = false", "auth.anonymous is false, and no callers are configured"),
            (&with_key, ""),
        ],
    );
}
