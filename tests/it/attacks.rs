//! Identities that would like to be more than one caller. The judge is the emulated cloud, not our own code.
//!
//! Who asks is told by a trusted proxy's header here, so that any identity can be tried over HTTP.

use std::fs;

use chrono::DateTime;
use oss_vend::caller::Caller;
use oss_vend::config::{Environment, Settings};
use oss_vend::dev::CONFIG;
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::policy::{Denied, FormAsk, Grant, Naming, Unfillable, UrlAsk};
use oss_vend::signing::Request;
use oss_vend::signing::presign::{self, Presign};
use oss_vend::signing::v4::{PRODUCT, Signer};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::forms::submit;
use crate::support::{Answer, TestServer};

/// What no slot takes: wildcards, ways out of a directory, encodings of them, placeholders, look-alikes, what ends a line.
const HOSTILE: [&str; 22] = [
    "",
    "*",
    "?",
    "a*",
    "u4?",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "a%2Fb",
    "a%2f..%2fb",
    "${filename}",
    "${caller.id}",
    "{}",
    "a b",
    "a\u{0}",
    "a\r\nx: y",
    "ａlice",
    "аlice",
    "alice\u{200b}",
    "alice\u{301}",
];

fn hostile() -> Vec<String> {
    HOSTILE.into_iter().map(str::to_owned).chain(["x".repeat(129)]).collect()
}

const GRANT: &str = "bucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\nmethods = [\"sts\", \"post\", \"put\", \"get\", \"delete\", \"list\"]\n";

/// Callers are whom a proxy on this machine says, and each has a directory.
fn config() -> String {
    let proxy = "[auth.proxy]\nid_header = \"x-user\"\nfrom = [\"127.0.0.1\"]\n";
    let config = CONFIG.replacen("[auth]\n", "[auth]\napi_key_id_prefix = \"key.\"\n", 1);
    format!("{config}\n{proxy}\n[grants.own]\n{GRANT}dir = \"u/${{caller.id}}/\"\n")
}

async fn get_as(server: &TestServer, user: &str, path: &str) -> Answer {
    Answer::of(server.request(Method::GET, path).header("x-user", user)).await
}

/// The grant of this directory, as the configuration builds it.
fn grant(dir: &str) -> Grant {
    let text = format!("[sts]\nrole_arn = \"acs:ram::1:role/r\"\n[grants.own]\n{GRANT}dir = \"{dir}\"\n");
    let loaded = Settings::of_text("test.toml", &text, &Environment::default()).unwrap();
    loaded.build().unwrap().grants.remove("own").unwrap()
}

fn refusals(grant: &Grant, caller: &Caller) -> [Option<Denied>; 3] {
    let now = DateTime::UNIX_EPOCH;
    let url = UrlAsk { naming: Naming { key: Some("u/a/x"), filename: None }, ..UrlAsk::default() };
    [
        grant.credentials(caller, None, now).err(),
        grant.form(caller, &FormAsk::default(), "u-1", now).err(),
        grant.url(caller, &url, "u-1", now).err(),
    ]
}

#[test]
fn no_hostile_identity_fills_a_slot() {
    for id in hostile() {
        let unsafe_as = |what: &str| [(); 3].map(|()| Some(Denied::Template(Unfillable::UnsafeIdentity(what.into()))));
        let by_id = refusals(&grant("u/${caller.id}/"), &Caller::known(id.clone(), Map::new()));
        assert_eq!(by_id, unsafe_as("id"), "{id:?}");
        let claims = Map::from_iter([("tenant".to_owned(), Value::from(id.clone()))]);
        let by_claim = refusals(&grant("t/${caller.claims.tenant}/"), &Caller::known("a", claims));
        assert_eq!(by_claim, unsafe_as("tenant"), "{id:?}");
    }
}

#[test]
fn a_claim_of_another_type_fills_no_slot() {
    for claim in [Value::Null, 1.into(), true.into(), vec!["a"].into(), serde_json::json!({ "a": 1 })] {
        let claims = Map::from_iter([("tenant".to_owned(), claim.clone())]);
        let refusals = refusals(&grant("t/${caller.claims.tenant}/"), &Caller::known("a", claims));
        assert_eq!(refusals, [(); 3].map(|()| Some(Denied::Template(Unfillable::NoClaim("tenant".into())))), "{claim}");
    }
}

#[test]
fn no_hostile_identity_gets_an_api_key() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("oss-vend.toml");
    for id in hostile() {
        let key =
            format!("[[auth.api_keys]]\nid = {}\nhash = \"sha256:{}\"\n", Value::from(id.clone()), "0".repeat(64));
        fs::write(&file, CONFIG.replacen("[audit]", &format!("{key}\n[audit]"), 1)).unwrap();
        let error = Settings::load(Some(&file), &Environment::default()).unwrap_err().to_string();
        assert!(error.contains("auth.api_keys[2]") && !error.contains("sha256:0"), "{id:?}: {error}");
    }
}

#[tokio::test]
async fn a_hostile_identity_that_comes_over_http_gets_nothing() {
    let server = TestServer::with(&config()).await;
    for id in hostile().iter().filter(|id| !id.is_empty() && id.bytes().all(|byte| (b' '..=b'~').contains(&byte))) {
        for path in ["/sts?grant=own", "/post-signature?grant=own", "/presigned-url?grant=own&filename=a.png"] {
            assert_eq!(
                get_as(&server, id, path).await.problem(),
                (403, "identity_not_allowed".into()),
                "{id:?} {path}"
            );
        }
        let grants = get_as(&server, id, "/grants").await.json();
        let names: Vec<_> = grants["grants"].as_array().unwrap().iter().map(|grant| &grant["name"]).collect();
        assert_eq!(names, ["default"], "{id:?}");
    }
    assert_eq!(server.knobs().count("AssumeRole"), 0);
}

/// Two different identities that are accepted, often alike: one begins the other, or they differ in case or in an end.
pub(crate) fn two() -> impl Strategy<Value = (String, String)> {
    let id = || "[A-Za-z0-9_.@=-]{1,12}".prop_filter("is a segment of its own", |id| id != "." && id != "..");
    let swapped = |id: &str| -> String {
        id.chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect()
    };
    let pair = (id(), id(), 0..5_u8).prop_map(move |(one, more, how)| {
        let other = match how {
            0 => more,
            1 => format!("{one}{more}"),
            2 => swapped(&one),
            3 => format!("{one}."),
            _ => format!("{more}{one}"),
        };
        (one, other)
    });
    pair.prop_filter("they differ", |(one, other)| one != other && other != "." && other != "..")
}

#[test]
fn what_one_caller_may_touch_no_other_caller_may() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(TestServer::with(&config()));
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&two(), |(one, other)| {
        server.advance(1); // the calls of STS are rationed
        runtime.block_on(async {
            for (own, foreign) in [(&one, &other), (&other, &one)] {
                credentials_stay(&server, own, foreign).await;
                forms_stay(&server, own, foreign).await;
                urls_stay(&server, own, foreign).await;
            }
        });
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

async fn credentials_stay(server: &TestServer, own: &str, foreign: &str) {
    let body = get_as(server, own, "/sts?grant=own").await.json();
    assert_eq!(body["dir"], format!("u/{own}/"));
    let access_key = access_key(&body);
    for (method, body, good) in [(Method::PUT, "x", 200), (Method::GET, "", 200), (Method::DELETE, "", 204)] {
        let url = |key: String| signed(server, &access_key, method.as_str(), &key);
        let send = |key: String| Answer::of(server.http.request(method.clone(), url(key)).body(body));
        let mine = send(format!("u/{own}/x")).await;
        assert_eq!(mine.status, good, "{own:?}: {}", mine.text);
        for key in [format!("u/{foreign}/x"), format!("u/{foreign}/"), "u/x".to_owned(), format!("u/{own}")] {
            let theirs = send(key.clone()).await;
            assert_eq!((theirs.status.as_u16(), theirs.oss_code()), (403, "AccessDenied"), "{own:?} {method} {key:?}");
        }
    }
}

/// What `/sts` answered, as a key.
fn access_key(credentials: &Value) -> AccessKey {
    let of = |name: &str| credentials[name].as_str().unwrap().to_owned();
    AccessKey {
        id: of("AccessKeyId"),
        secret: Secret::new(of("AccessKeySecret")),
        token: Some(Secret::new(of("SecurityToken"))),
    }
}

/// A URL that the owner of these credentials signs without asking us.
pub(crate) fn signed_by(server: &TestServer, credentials: &Value, method: &str, key: &str) -> String {
    signed(server, &access_key(credentials), method, key)
}

/// A URL that the credentials' owner signs without asking us.
fn signed(server: &TestServer, access_key: &AccessKey, method: &str, key: &str) -> String {
    let request = Request {
        method,
        bucket: Some("examplebucket"),
        key: Some(key),
        query: &[],
        headers: &[],
        additional_headers: &[],
    };
    let base = format!("http://{}/examplebucket", server.addresses.oss);
    let now = server.now();
    let signer = Signer::new(access_key, "cn-hangzhou", PRODUCT, now.date_naive());
    presign::v4(&Presign { request, base: &base, expires_in: 60 }, &signer, now)
}

async fn forms_stay(server: &TestServer, own: &str, foreign: &str) {
    let form = get_as(server, own, "/post-signature?grant=own").await.json();
    let file = ("x", "text/plain", &b"x"[..]);
    let mine = submit(server, &form, &[("key", &format!("u/{own}/y"))], file).await;
    assert_eq!(mine.status, 200, "{own:?}: {}", mine.text);
    for key in [format!("u/{foreign}/y"), "u/y".to_owned()] {
        let theirs = submit(server, &form, &[("key", &key)], file).await;
        assert_eq!((theirs.status.as_u16(), theirs.oss_code()), (403, "AccessDenied"), "{own:?} {key:?}");
    }
}

async fn urls_stay(server: &TestServer, own: &str, foreign: &str) {
    let refused = get_as(server, own, &format!("/presigned-url?grant=own&key=u/{foreign}/z")).await;
    assert_eq!(refused.problem(), (403, "key_outside_directory".into()));
    let answer =
        get_as(server, own, &format!("/presigned-url?grant=own&key=u/{own}/z&contentType=text/plain")).await.json();
    let url = answer["url"].as_str().unwrap();
    let put = |url: &str| server.http.put(url).header("content-type", "text/plain").body("z");
    assert_eq!(Answer::of(put(url)).await.status, 200);
    let (mine, theirs) = (encoded(own), encoded(foreign));
    let changed = url.replacen(&format!("/u/{mine}/z"), &format!("/u/{theirs}/z"), 1);
    assert_ne!(changed, url);
    assert_eq!(Answer::of(put(&changed)).await.oss_code(), "SignatureDoesNotMatch", "{own:?} {foreign:?}");
}

/// An identity as it stands in a URL's path.
fn encoded(id: &str) -> String {
    id.replace('@', "%40").replace('=', "%3D")
}
