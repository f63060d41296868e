//! The three decisions, from the outside.

mod reads;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::*;
use crate::caller::Caller;

mod uploads;

fn spec() -> GrantSpec {
    GrantSpec {
        name: "default".into(),
        audience: Audience::default(),
        bucket: "examplebucket".into(),
        region: "cn-hangzhou".into(),
        endpoint: None,
        public_host: None,
        dir: "uploads/${caller.id}/".into(),
        unsafe_id: UnsafeId::Refuse,
        key: "${uuid}${ext}".into(),
        keys: None,
        serves_anonymous: false,
        methods: [Method::Sts, Method::Post, Method::Put, Method::Get].into_iter().collect(),
        min_size: 0,
        max_size: None,
        allow_unsized_put: false,
        content_types: Vec::new(),
        default_content_type: None,
        object: ObjectSettings::default(),
        process_allow: process::DEFAULT_OPERATIONS.map(str::to_owned).to_vec(),
        expires: 900,
        max_expires: 3600,
        signature_v1: false,
        role_arn: "acs:ram::1234567890123456:role/uploader".into(),
        session_name: "oss-vend".into(),
        duration: 3600,
        external_id: None,
        source_identity: None,
        policy: PolicySource::Generated,
        reads: None,
    }
}

fn grant(change: impl FnOnce(&mut GrantSpec)) -> Grant {
    let mut spec = spec();
    change(&mut spec);
    Grant::build(spec).unwrap()
}

fn problems(change: impl FnOnce(&mut GrantSpec)) -> Vec<String> {
    let mut spec = spec();
    change(&mut spec);
    Grant::build(spec).unwrap_err().into_iter().map(|problem| problem.key).collect()
}

fn u42() -> Caller {
    Caller::known("u42", Map::new())
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn put(key: &str) -> UrlAsk<'_> {
    UrlAsk { naming: Naming { key: Some(key), filename: None }, ..UrlAsk::default() }
}

fn denied(grant: &Grant, ask: &UrlAsk<'_>) -> Denied {
    grant.url(&u42(), ask, "u-1", now()).unwrap_err()
}

#[test]
fn each_caller_has_a_session_for_its_own_directory() {
    let permit = grant(|_| {}).credentials(&u42(), None, now()).unwrap();
    assert_eq!((permit.dir(), permit.session.duration(), permit.clamped), ("uploads/u42/", 3600, false));
    let policy: Value = serde_json::from_str(&permit.session.policy().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Resource"][0], "acs:oss:*:*:examplebucket/uploads/u42/*");
}

#[test]
fn a_grant_says_which_claims_it_reads() {
    let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":["${caller.claims.e}*"]}]}"#;
    let grant = grant(|spec| {
        let test = Test::Equals(ClaimValue::Flag(true));
        spec.audience.rules = vec![Rule { claim: "a".into(), test }];
        spec.dir = "${caller.id}/${caller.claims.b}/".into();
        spec.key = "${caller.claims.c}${uuid}".into();
        spec.session_name = "${caller.claims.d}".into();
        spec.policy = PolicySource::Text(policy.into());
    });
    assert_eq!(grant.claims().collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn forms_and_urls_of_all_callers_share_one_session() {
    let grant = grant(|_| {});
    let session = |id: &str| {
        let caller = Caller::known(id, Map::new());
        grant.form(&caller, &FormAsk::default(), "u-1", now()).unwrap().session
    };
    assert_eq!(session("a"), session("b"));
    let policy: Value = serde_json::from_str(&session("a").policy().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Resource"][0], "acs:oss:*:*:examplebucket/uploads/*");
}

#[test]
fn where_the_directory_names_nobody_credentials_and_signatures_share_a_session() {
    let grant = grant(|spec| spec.dir = "uploads/".into());
    let credentials = grant.credentials(&Caller::anonymous(), None, now()).unwrap().session;
    let url = grant.url(&Caller::anonymous(), &put("uploads/a"), "u-1", now()).unwrap().session;
    assert_eq!(credentials, *url);
}

#[test]
fn a_session_name_that_names_the_caller_makes_sessions_of_their_own() {
    let grant = grant(|spec| spec.session_name = "web-${caller.id}".into());
    assert_eq!(grant.url(&u42(), &put("uploads/u42/a"), "u-1", now()).unwrap().session.name(), "web-u42");
    assert!(grant.names_caller());
}

#[test]
fn an_anonymous_caller_gets_nothing_that_names_the_caller() {
    let answer = grant(|_| {}).credentials(&Caller::anonymous(), None, now());
    assert_eq!(answer, Err(Denied::Template(Unfillable::Anonymous)));
}

#[test]
fn durations_are_steps_of_a_ladder_and_never_longer_than_asked() {
    let grant = grant(|spec| spec.duration = 7200);
    for (asked, session, clamped) in [
        (900, 900, false),
        (1799, 900, false),
        (3600, 3600, false),
        (7199, 3600, false),
        (7200, 7200, false),
        (9000, 7200, true),
    ] {
        let permit = grant.credentials(&u42(), Some(asked), now()).unwrap();
        assert_eq!((permit.session.duration(), permit.clamped), (session, clamped), "{asked}");
    }
    for asked in [0, 899, 43_201] {
        assert!(matches!(
            grant.credentials(&u42(), Some(asked), now()),
            Err(Denied::Parameter { name: "duration", .. })
        ));
    }
}

#[test]
fn a_key_stays_in_the_callers_directory() {
    let grant = grant(|_| {});
    assert_eq!(
        grant.url(&u42(), &put("uploads/u42/a b.png"), "u-1", now()).unwrap().key.as_str(),
        "uploads/u42/a b.png"
    );
    for key in ["uploads/u43/a", "uploads/u42", "uploads/u421/a", "a", "Uploads/u42/a"] {
        assert_eq!(denied(&grant, &put(key)), Denied::OutsideDirectory { dir: "uploads/u42/".into() }, "{key}");
    }
    assert_eq!(denied(&grant, &put("uploads/u42/../u43/a")), Denied::Key(InvalidKey::DotSegment));
    assert_eq!(denied(&grant, &put("uploads/u42/")), Denied::Key(InvalidKey::EmptySegment));
}

#[test]
fn the_grant_names_new_objects() {
    let grant = grant(|_| {});
    let naming = Naming { key: None, filename: Some("Holiday photo.JPG") };
    let permit = grant.url(&u42(), &UrlAsk { naming, ..UrlAsk::default() }, "u-1", now()).unwrap();
    assert_eq!(permit.key.as_str(), "uploads/u42/u-1.jpg");
    assert!(permit.headers.iter().eq([("Content-Type", "image/jpeg")]));
    let both = Naming { key: Some("uploads/u42/a"), filename: Some("b") };
    assert!(matches!(denied(&grant, &UrlAsk { naming: both, ..UrlAsk::default() }), Denied::Parameter { .. }));
    assert!(matches!(denied(&grant, &UrlAsk::default()), Denied::Missing { name: "key", .. }));
}

#[test]
fn a_type_that_is_not_allowed_is_refused_also_when_it_is_only_guessed() {
    let grant = grant(|spec| spec.content_types = vec!["image/png".into(), "image/jpeg".into()]);
    let ask = UrlAsk { content_type: Some("text/html"), ..put("uploads/u42/a.png") };
    assert!(matches!(denied(&grant, &ask), Denied::ContentType { .. }));
    assert!(matches!(denied(&grant, &put("uploads/u42/a.html")), Denied::ContentType { .. }));
    assert_eq!(
        grant.url(&u42(), &put("uploads/u42/a.jpg"), "", now()).unwrap().headers.content_type.unwrap(),
        "image/jpeg"
    );
    let ask = UrlAsk { content_type: Some("image/png\r\nx: y"), ..put("uploads/u42/a.png") };
    assert!(matches!(denied(&grant, &ask), Denied::Parameter { name: "contentType", .. }));
}

#[test]
fn a_grant_with_a_size_limit_holds_a_put_to_it() {
    let limited = grant(|spec| spec.max_size = Some(10));
    let sized = |size| UrlAsk { size: Some(size), ..put("uploads/u42/a") };
    assert_eq!(limited.url(&u42(), &sized(10), "", now()).unwrap().content_length, Some(10));
    assert_eq!(denied(&limited, &sized(11)), Denied::Size { asked: 11, min: 0, max: 10 });
    assert!(matches!(denied(&limited, &put("uploads/u42/a")), Denied::Missing { name: "size", .. }));
    let trusting = grant(|spec| {
        spec.max_size = Some(10);
        spec.allow_unsized_put = true;
    });
    assert_eq!(trusting.url(&u42(), &put("uploads/u42/a"), "", now()).unwrap().content_length, None);
}

#[test]
fn a_form_is_bound_to_what_was_said_of_the_file() {
    let grant = grant(|spec| spec.max_size = Some(100));
    let open = grant.form(&u42(), &FormAsk::default(), "u-1", now()).unwrap();
    assert_eq!((open.key, open.sizes, open.content_type), (FormKey::Below("uploads/u42/".into()), (0, 100), None));
    let naming = Naming { key: Some("uploads/u42/a.png"), filename: None };
    let ask =
        FormAsk { naming, content_type: Some("image/png"), size: Some(7), expires: Some(7200), ..FormAsk::default() };
    let bound = grant.form(&u42(), &ask, "u-1", now()).unwrap();
    assert_eq!(bound.key, FormKey::Exact(ObjectKey::parse("uploads/u42/a.png").unwrap()));
    assert_eq!((bound.sizes, bound.content_type.as_deref()), ((7, 7), Some("image/png")));
    assert_eq!(bound.life, Life { seconds: 3600, clamped: true });
}

#[test]
fn parameters_that_make_no_sense_are_named() {
    let grant = grant(|_| {});
    let key = "uploads/u42/a";
    let get = |ask: UrlAsk<'static>| UrlAsk { method: Some("GET"), ..ask };
    let table: [(UrlAsk<'_>, &str); 13] = [
        (UrlAsk { expires: Some(0), ..put(key) }, "expires"),
        (UrlAsk { expires: Some(604_801), ..put(key) }, "expires"),
        (UrlAsk { method: Some("put"), ..put(key) }, "method"),
        (UrlAsk { method: Some("PATCH"), ..put(key) }, "method"),
        (UrlAsk { content_md5: Some("abc"), ..put(key) }, "contentMd5"),
        (UrlAsk { storage_class: Some("standard"), ..put(key) }, "storageClass"),
        (UrlAsk { traffic_limit: Some(1), ..put(key) }, "trafficLimit"),
        (UrlAsk { process: Some("image/info"), ..put(key) }, "process"),
        (UrlAsk { version_id: Some("v"), ..put(key) }, "versionId"),
        (get(UrlAsk { size: Some(1), ..put(key) }), "size"),
        (get(UrlAsk { content_type: Some("image/png"), ..put(key) }), "contentType"),
        (get(UrlAsk { response_content_type: Some(""), ..put(key) }), "responseContentType"),
        (get(UrlAsk { response_content_disposition: Some("a\r\nb"), ..put(key) }), "responseContentDisposition"),
    ];
    for (ask, expected) in table {
        assert!(
            matches!(denied(&grant, &ask), Denied::Parameter { name, .. } if name == expected),
            "{expected}: {ask:?}"
        );
    }
}

#[test]
fn methods_and_schemes_that_are_not_granted_are_refused() {
    let grant = grant(|spec| spec.methods = Methods::from_iter([Method::Get]));
    assert_eq!(denied(&grant, &put("uploads/u42/a")), Denied::Method(Method::Put));
    assert_eq!(grant.credentials(&u42(), None, now()), Err(Denied::Method(Method::Sts)));
    let get = UrlAsk { method: Some("GET"), ..put("uploads/u42/a") };
    assert_eq!(denied(&grant, &UrlAsk { version_id: Some("v1"), ..get }), Denied::Method(Method::GetVersion));
    assert_eq!(denied(&grant, &UrlAsk { signature: Some(SignatureVersion::V1), ..get }), Denied::SignatureVersion);
}

#[test]
fn a_grant_that_could_not_work_is_refused_at_start() {
    type Change = fn(&mut GrantSpec);
    let table: [(Change, &str); 15] = [
        (|spec| spec.bucket = "Bucket".into(), "bucket"),
        (|spec| spec.region = "oss_cn".into(), "region"),
        (|spec| spec.role_arn = "uploader".into(), "role_arn"),
        (|spec| spec.endpoint = Some("http://oss.example.com".into()), "endpoint"),
        (|spec| spec.public_host = Some("http://static.example.com".into()), "public_host"),
        (|spec| spec.dir = "uploads".into(), "dir"),
        (|spec| spec.dir = "/uploads/".into(), "dir"),
        (|spec| spec.dir = "up*/".into(), "dir"),
        (|spec| spec.dir = "${user}/".into(), "dir"),
        (|spec| spec.key = "../${uuid}".into(), "key"),
        (|spec| spec.methods = Methods::from_iter([Method::Sts]), "methods"),
        (|spec| spec.max_size = Some(MAX_UPLOAD + 1), "max_size"),
        (|spec| spec.expires = 7200, "expires"),
        (|spec| spec.duration = 60, "duration"),
        (|spec| spec.content_types = vec!["png".into()], "content_types.0"),
    ];
    for (change, key) in table {
        assert_eq!(problems(change), [key]);
    }
}

#[test]
fn a_policy_too_long_for_the_longest_identity_is_refused_at_start() {
    let statement = r#"{"Effect":"Allow","Action":"oss:PutObject","Resource":"acs:oss:*:*:${bucket}/${dir}*"}"#;
    let policy = |times: usize| {
        let statements = vec![statement; times].join(",");
        PolicySource::Text(format!(r#"{{"Version":"1","Statement":[{statements}]}}"#))
    };
    assert!(Grant::build(GrantSpec { policy: policy(8), ..spec() }).is_ok());
    assert_eq!(problems(|spec| spec.policy = policy(12)), ["policy"]);
}
