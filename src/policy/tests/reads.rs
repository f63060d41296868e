//! Which grants confine GET and HEAD to the caller's directory, and with which session.

use super::*;
use crate::policy::{Reads, confine_reads};

const ALL: [Method; 6] = [Method::Sts, Method::Post, Method::Put, Method::Get, Method::Head, Method::Delete];

/// A grant that reads in each caller's directory below `u/`, and vends no credentials.
fn reader(change: impl FnOnce(&mut GrantSpec)) -> GrantSpec {
    let mut spec = GrantSpec {
        name: "reader".into(),
        dir: "u/${caller.id}/".into(),
        methods: [Method::Get, Method::Head].into_iter().collect(),
        ..spec()
    };
    change(&mut spec);
    spec
}

/// A grant whose credentials write below `u/`.
fn writer(change: impl FnOnce(&mut GrantSpec)) -> GrantSpec {
    let mut spec = GrantSpec {
        name: "writer".into(),
        dir: "u/${caller.id}/".into(),
        methods: [Method::Sts, Method::Put].into_iter().collect(),
        ..spec()
    };
    change(&mut spec);
    spec
}

fn settled(specs: impl IntoIterator<Item = GrantSpec>) -> Result<Grants, Vec<(String, InvalidGrant)>> {
    let built = specs.into_iter().map(|spec| (spec.name.clone(), Grant::build(spec).unwrap()));
    let mut grants: Grants = built.collect();
    let problems = confine_reads(&mut grants);
    if problems.is_empty() { Ok(grants) } else { Err(problems) }
}

fn reads(reader: GrantSpec, writer: GrantSpec) -> Reads {
    settled([reader, writer]).unwrap()["reader"].reads()
}

/// What may be read with the session behind a GET of `u/u42/a`.
fn policy_of_get(grant: &Grant) -> Value {
    let ask = UrlAsk { method: Some("GET"), ..put("u/u42/a") };
    let permit = grant.url(&u42(), &ask, "u-1", now()).unwrap();
    serde_json::from_str(&permit.session.policy().unwrap()).unwrap()
}

#[test]
fn a_confined_session_reads_in_the_callers_directory_and_does_nothing_else() {
    for (methods, actions) in [
        (vec![Method::Sts, Method::Put, Method::Delete, Method::Get], vec!["oss:GetObject"]),
        (
            vec![Method::Sts, Method::Put, Method::Get, Method::GetVersion],
            vec!["oss:GetObject", "oss:GetObjectVersion"],
        ),
    ] {
        let grant = grant(|spec| {
            spec.dir = "u/${caller.id}/".into();
            spec.methods = methods.into_iter().collect();
        });
        let expected = serde_json::json!([{ "Effect": "Allow", "Action": actions,
            "Resource": ["acs:oss:*:*:examplebucket/u/u42/*"] }]);
        assert_eq!(policy_of_get(&grant)["Statement"], expected);
    }
}

#[test]
fn head_is_confined_too_and_uploads_and_deletions_share_a_session() {
    let grant = grant(|spec| spec.methods = ALL.into_iter().collect());
    let session = |method: &'static str, id: &str| {
        let caller = Caller::known(id, Map::new());
        let key = format!("uploads/{id}/a");
        let ask = UrlAsk { method: Some(method), ..put(&key) };
        grant.url(&caller, &ask, "u-1", now()).unwrap().session.into_owned()
    };
    assert_eq!(session("GET", "a"), session("HEAD", "a"));
    for method in ["GET", "HEAD"] {
        assert_ne!(session(method, "a"), session(method, "b"), "{method}");
    }
    for method in ["PUT", "DELETE"] {
        assert_eq!(session(method, "a"), session(method, "b"), "{method}");
    }
}

#[test]
fn reads_are_confined_where_credentials_write_at_above_or_below_them() {
    type Change = fn(&mut GrantSpec);
    let table: [(Change, Reads); 14] = [
        (|_| {}, Reads::Confined),
        (|spec| spec.dir = "u/".into(), Reads::Confined),
        (|spec| spec.dir = String::new(), Reads::Confined),
        (|spec| spec.dir = "u/x/y/".into(), Reads::Confined),
        (|spec| spec.dir = "${date}/".into(), Reads::Confined),
        (|spec| spec.role_arn = "acs:ram::1:role/other".into(), Reads::Confined),
        (|spec| spec.endpoint = Some("https://oss-accelerate.aliyuncs.com".into()), Reads::Confined),
        (|spec| spec.public_host = Some("https://files.example.com".into()), Reads::Confined),
        (|spec| spec.methods = [Method::Sts, Method::Post].into_iter().collect(), Reads::Confined),
        (|spec| spec.dir = "v/".into(), Reads::Shared),
        (|spec| spec.dir = "uv/".into(), Reads::Shared),
        (|spec| spec.bucket = "otherbucket".into(), Reads::Shared),
        (|spec| spec.methods = [Method::Post, Method::Put].into_iter().collect(), Reads::Shared),
        (|spec| spec.methods = [Method::Sts, Method::Get, Method::Delete].into_iter().collect(), Reads::Shared),
    ];
    for (index, (change, expected)) in table.into_iter().enumerate() {
        assert_eq!(reads(reader(|_| {}), writer(change)), expected, "case {index}");
    }
}

#[test]
fn every_slot_of_a_directory_confines_reads_and_a_fixed_directory_does_not() {
    for (dir, expected) in [
        ("u/${caller.claims.tenant}/", Reads::Confined),
        ("u/${date}/", Reads::Confined),
        ("${caller.id}/", Reads::Confined),
        ("u/", Reads::Shared),
        ("", Reads::Shared),
    ] {
        assert_eq!(reads(reader(|spec| spec.dir = dir.into()), writer(|_| {})), expected, "{dir}");
    }
}

#[test]
fn a_role_or_a_policy_file_that_can_write_counts_as_a_writer() {
    let file = |action: &str, resource: &str| {
        let text = serde_json::json!({ "Version": "1",
            "Statement": [{ "Effect": "Allow", "Action": [action], "Resource": resource }] });
        PolicySource::Text(text.to_string())
    };
    for (policy, expected) in [
        (PolicySource::Role, Reads::Confined),
        (file("oss:*", "*"), Reads::Confined),
        (file("oss:putobject", "acs:oss:*:*:examplebucket/u/*"), Reads::Confined),
        (file("oss:PutObject", "acs:oss:*:*:examplebucket/v/*"), Reads::Shared),
        (file("oss:Get*", "*"), Reads::Shared),
    ] {
        let elsewhere = |spec: &mut GrantSpec| {
            spec.bucket = "otherbucket".into();
            spec.dir = "v/".into();
            spec.methods = [Method::Sts, Method::Get].into_iter().collect();
            spec.policy = policy.clone();
        };
        assert_eq!(reads(reader(|_| {}), writer(elsewhere)), expected, "{policy:?}");
    }
}

#[test]
fn shared_reads_are_refused_where_links_can_be_planted_and_the_writer_is_named() {
    let shared = || reader(|spec| spec.reads = Some(Reads::Shared));
    let problems = settled([shared(), writer(|_| {})]).unwrap_err();
    let [(name, InvalidGrant { key, problem })] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((name.as_str(), key.as_str()), ("reader", "reads"));
    assert!(problem.contains("\"writer\"") && problem.contains("symbolic link"), "{problem}");
    assert_eq!(reads(shared(), writer(|spec| spec.dir = "v/".into())), Reads::Shared);
    let own = GrantSpec { reads: Some(Reads::Shared), ..spec() };
    assert!(Grant::build(own).unwrap_err()[0].problem.contains("\"default\""));
}

#[test]
fn reads_that_are_confined_by_choice_need_no_writer() {
    for dir in ["u/${caller.id}/", "u/"] {
        let chosen = reader(|spec| {
            spec.dir = dir.into();
            spec.reads = Some(Reads::Confined);
        });
        let dir = dir.replace("${caller.id}", "u42");
        let grant = settled([chosen]).unwrap().remove("reader").unwrap();
        let expected = serde_json::json!([format!("acs:oss:*:*:examplebucket/{dir}*")]);
        assert_eq!((grant.reads(), &policy_of_get(&grant)["Statement"][0]["Resource"]), (Reads::Confined, &expected));
    }
}

#[test]
fn where_the_session_has_all_rights_of_its_role_reads_get_a_policy_of_their_own() {
    let of_role = |methods: &[Method]| {
        let methods: Methods = methods.iter().copied().collect();
        let spec = reader(|spec| {
            spec.methods = methods;
            spec.dir = "u/u42/".into();
            spec.policy = PolicySource::Role;
        });
        settled([spec, writer(|_| {})]).unwrap().remove("reader").unwrap()
    };
    let confined = of_role(&[Method::Get]);
    let expected = serde_json::json!([
        { "Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["acs:oss:*:*:examplebucket/u/u42/*"] },
        { "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": ["*"] },
    ]);
    assert_eq!((confined.reads(), &policy_of_get(&confined)["Statement"]), (Reads::Confined, &expected));
    // Its own credentials read all that the role may.
    assert_eq!(of_role(&[Method::Get, Method::Sts]).reads(), Reads::Shared);
}

#[test]
fn a_policy_file_is_held_to_the_directory_by_its_own_text_or_refused() {
    let with_file = |resource: &str, methods: &[Method], reads: Option<Reads>| {
        let text = serde_json::json!({ "Version": "1",
            "Statement": [{ "Effect": "Allow", "Action": ["oss:GetObject"], "Resource": resource }] });
        let methods: Methods = methods.iter().copied().collect();
        reader(|spec| {
            spec.methods = methods;
            spec.reads = reads;
            spec.policy = PolicySource::Text(text.to_string());
        })
    };
    let (held, wide) = ("acs:oss:*:*:${bucket}/${dir}*", "acs:oss:*:*:${bucket}/u/*");
    let get = [Method::Get];
    assert_eq!(reads(with_file(held, &get, None), writer(|_| {})), Reads::Confined);
    let problems = settled([with_file(wide, &get, None), writer(|_| {})]).unwrap_err();
    assert!(problems[0].1.problem.contains("the policy file allows reading outside"), "{problems:?}");
    assert_eq!(settled([with_file(wide, &get, None)]).unwrap()["reader"].reads(), Reads::Shared);
    assert!(Grant::build(with_file(wide, &get, Some(Reads::Confined))).is_err());
}

#[test]
fn policies_that_allow_uploads_deny_public_acls() {
    let denial = serde_json::json!({ "Effect": "Deny", "Action": ["oss:PutObject", "oss:PutObjectAcl"],
        "Resource": ["*"], "Condition": { "StringEqualsIgnoreCase":
            { "oss:x-oss-object-acl": ["public-read", "public-read-write"] } } });
    let text = |action: &str, with: Option<&Value>| {
        let mut statements = vec![serde_json::json!({ "Effect": "Allow", "Action": action,
            "Resource": "acs:oss:*:*:${bucket}/${dir}*" })];
        statements.extend(with.cloned());
        PolicySource::Text(serde_json::json!({ "Version": "1", "Statement": statements }).to_string())
    };
    for (policy, methods, expected) in [
        (PolicySource::Generated, [Method::Sts, Method::Put], 1),
        (PolicySource::Generated, [Method::Sts, Method::Post], 1),
        (PolicySource::Generated, [Method::Sts, Method::Get], 0),
        (text("oss:PutObject", None), [Method::Sts, Method::Put], 1),
        (text("oss:PutObject*", None), [Method::Sts, Method::Get], 1),
        (text("oss:GetObject", None), [Method::Sts, Method::Get], 0),
        (text("oss:PutObject", Some(&denial)), [Method::Sts, Method::Put], 1),
    ] {
        let grant = grant(|spec| {
            spec.policy = policy.clone();
            spec.methods = methods.into_iter().collect();
        });
        let session = grant.credentials(&u42(), None, now()).unwrap().session;
        let written: Value = serde_json::from_str(&session.policy().unwrap()).unwrap();
        let denials = written["Statement"].as_array().unwrap().iter().filter(|statement| **statement == denial).count();
        assert_eq!(denials, expected, "{policy:?}");
    }
}
