//! Who names uploads, and what callers without proof get.

use proptest::prelude::*;

use super::*;

fn open(change: impl FnOnce(&mut GrantSpec)) -> Grant {
    grant(|spec| {
        spec.dir = "open/".into();
        spec.serves_anonymous = true;
        change(spec);
    })
}

fn methods(of: &[Method]) -> Methods {
    of.iter().copied().collect()
}

fn anonymous() -> Caller {
    Caller::anonymous()
}

#[test]
fn the_server_names_uploads_where_strangers_share_a_directory_without_credentials() {
    type Change = fn(&mut GrantSpec);
    let uploads = |spec: &mut GrantSpec| spec.methods = methods(&[Method::Post, Method::Put]);
    assert_eq!(open(uploads).keys, NamedBy::Server);
    let table: [(&str, Change); 5] = [
        ("all callers prove who they are", |spec| spec.serves_anonymous = false),
        ("the directory is the caller's", |spec| spec.dir = "u/${caller.id}/".into()),
        ("the grant is for some", |spec| spec.audience.callers = Some(vec!["u42".into()])),
        ("credentials name objects", |spec| spec.methods = methods(&[Method::Sts, Method::Put])),
        ("it is said", |spec| spec.keys = Some(NamedBy::Caller)),
    ];
    for (why, change) in table {
        let grant = open(|spec| {
            uploads(spec);
            change(spec);
        });
        assert_eq!(grant.keys, NamedBy::Caller, "{why}");
    }
}

#[test]
fn names_that_repeat_are_refused_where_the_server_makes_them() {
    for key in ["${filename}", "fixed", "${date}/${filename}", "${date}${ext}"] {
        let server = |spec: &mut GrantSpec| {
            spec.keys = Some(NamedBy::Server);
            spec.methods = methods(&[Method::Put]);
            spec.key = key.into();
        };
        assert_eq!(problems(server), ["key"], "{key}");
    }
    let both = |spec: &mut GrantSpec| spec.keys = Some(NamedBy::Server);
    assert_eq!(problems(both), ["keys"]);
}

#[test]
fn reading_by_key_stays_where_the_server_names_uploads() {
    let grant = open(|spec| spec.methods = methods(&[Method::Put, Method::Get, Method::Head]));
    let ask = |method, naming| {
        let ask = UrlAsk { method: Some(method), naming, ..UrlAsk::default() };
        grant.url(&anonymous(), &ask, "u-1", now()).map(|permit| permit.key.into_string())
    };
    let key = Naming { key: Some("open/a"), filename: None };
    assert_eq!(ask("GET", key), Ok("open/a".into()));
    assert_eq!(ask("HEAD", key), Ok("open/a".into()));
    assert_eq!(ask("PUT", key), Err(Denied::KeyNamed));
    assert_eq!(ask("PUT", Naming { key: Some(""), filename: Some("a") }), Err(Denied::KeyNamed));
    assert_eq!(ask("PUT", Naming { key: None, filename: Some("") }), Ok("open/u-1".into()));
    assert!(matches!(ask("PUT", Naming::default()), Err(Denied::Missing { name: "filename", .. })));
}

#[test]
fn sessions_of_callers_without_proof_hold_no_right_to_delete() {
    let grant = open(|spec| spec.methods = methods(&[Method::Sts, Method::Put, Method::Delete]));
    let policy = |caller: &Caller| {
        let session = grant.credentials(caller, None, now()).unwrap().session;
        session.policy().unwrap().into_owned()
    };
    assert!(policy(&u42()).contains("oss:DeleteObject") && !policy(&anonymous()).contains("oss:DeleteObject"));
    let url = grant.url(&anonymous(), &put("open/a"), "", now()).unwrap();
    assert!(!url.session.policy().unwrap().contains("oss:DeleteObject"));
    let delete = UrlAsk { method: Some("DELETE"), ..put("open/a") };
    assert_eq!(grant.url(&anonymous(), &delete, "", now()), Err(Denied::ProofNeeded(Method::Delete)));
    assert!(grant.url(&u42(), &delete, "", now()).is_ok());
}

#[test]
fn under_a_policy_file_that_may_delete_callers_without_proof_get_no_credentials() {
    let text = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:${bucket}/${dir}*"}]}"#;
    let grant = open(|spec| {
        spec.methods = methods(&[Method::Sts, Method::Put, Method::Delete]);
        spec.policy = PolicySource::Text(text.into());
    });
    assert_eq!(grant.credentials(&anonymous(), None, now()), Err(Denied::ProofNeeded(Method::Sts)));
    assert!(grant.credentials(&u42(), None, now()).is_ok());
    let only = open(|spec| spec.methods = methods(&[Method::Sts, Method::Delete]));
    assert_eq!(only.credentials(&anonymous(), None, now()), Err(Denied::ProofNeeded(Method::Sts)));
}

#[test]
fn a_directory_with_a_wildcard_is_refused_and_a_key_template_may_have_one() {
    for dir in ["up*/", "a?/", "*/", "${caller.id}*/"] {
        assert_eq!(problems(|spec| spec.dir = dir.into()), ["dir"], "{dir}");
    }
    assert!(Grant::build(GrantSpec { key: "${uuid}*?".into(), ..spec() }).is_ok());
}

#[test]
fn a_classic_url_is_not_signed_without_the_size_that_the_grant_limits() {
    let limited = open(|spec| spec.max_size = Some(10));
    assert!(matches!(limited.classic_url(&anonymous(), "u-1", now()), Err(Denied::Missing { name: "size", .. })));
    let trusting = open(|spec| {
        spec.max_size = Some(10);
        spec.allow_unsized_put = true;
    });
    assert!(trusting.classic_url(&anonymous(), "u-1", now()).is_ok());
}

#[test]
fn a_strict_form_always_binds_a_type() {
    let grant = grant(|spec| spec.object.strict_form = true);
    let bound = |ask: FormAsk<'static>| grant.form(&u42(), &ask, "u-1", now()).unwrap().content_type;
    assert_eq!(bound(FormAsk::default()).as_deref(), Some("application/octet-stream"));
    let naming = Naming { key: None, filename: Some("a.png") };
    assert_eq!(bound(FormAsk { naming, ..FormAsk::default() }).as_deref(), Some("image/png"));
}

proptest! {
    /// RAM has no escape for `*` and `?`, so a key must never become a part of a policy.
    #[test]
    fn no_character_of_a_key_reaches_a_policy(name in "[*?a-z\\[\\]{}]{1,20}") {
        let text = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:${bucket}/${dir}*"}]}"#;
        for policy in [PolicySource::Generated, PolicySource::Text(text.into())] {
            let grant = grant(|spec| {
                spec.policy = policy;
                spec.key = "${filename}-${uuid}".into();
            });
            let key = format!("uploads/u42/{name}");
            let naming = Naming { key: None, filename: Some(&name) };
            let session = |ask: &UrlAsk<'_>| grant.url(&u42(), ask, "", now()).unwrap().session.into_owned();
            let plain = session(&put("uploads/u42/x"));
            prop_assert_eq!(&session(&put(&key)), &plain);
            prop_assert_eq!(&session(&UrlAsk { naming, ..UrlAsk::default() }), &plain);
            let form = FormAsk { naming: Naming { key: Some(&key), filename: None }, ..FormAsk::default() };
            prop_assert_eq!(grant.form(&u42(), &form, "", now()).unwrap().session.into_owned(), plain);
        }
    }
}
