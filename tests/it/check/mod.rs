//! `check` against a cloud in which each fault is planted.

mod callers;
mod faults;
mod planted;

use std::time::Duration;

use oss_vend::check::{Options, Verdict};
use oss_vend::emulator::{Failure, Readings};
use serde_json::{Value, json};

use self::planted::{CONFIG, Planted, lines, step};

const LIFECYCLE: &str = "<LifecycleConfiguration><Rule><ID>a</ID><Prefix></Prefix><Status>Enabled</Status>\
                         <AbortMultipartUpload><Days>7</Days></AbortMultipartUpload></Rule></LifecycleConfiguration>";

#[tokio::test]
async fn where_all_is_right_every_step_is_and_nothing_stays_behind() {
    let cloud = Planted::with(|options, _| options.roles[0].policies.push(no_public_acls())).await;
    cloud.as_owner("PUT", "lifecycle", LIFECYCLE).await;
    let report = cloud.check(CONFIG).await;
    assert!(report.ok && report.steps.iter().all(|step| step.verdict == Verdict::Ok), "{}", lines(&report));
    let ids: Vec<_> = report.steps.iter().map(|step| step.id).collect();
    let expected = "configuration access-key sts clock assume-role assume-role assume-role oss clock-oss bucket put signature-v1 post \
                    credentials get head outside not-granted public-acl block-public-access clean-up cors preflight lifecycle";
    assert_eq!(ids.join(" "), expected);
    assert_eq!(cloud.objects().await, Vec::<String>::new());
    assert_eq!(cloud.emulator.knobs().count("AssumeRole"), 4);
}

/// What `docs/ram.md` has the role deny.
fn no_public_acls() -> Value {
    json!({ "Version": "1", "Statement": [{ "Effect": "Deny", "Action": ["oss:PutObject", "oss:PutObjectAcl"], "Resource": "*",
        "Condition": { "StringEqualsIgnoreCase": { "oss:x-oss-object-acl": ["public-read", "public-read-write"] } } }] })
}

#[tokio::test]
async fn an_upload_that_could_be_made_public_is_told_and_leaves_nothing() {
    for needed in [true, false] {
        let cloud = Planted::start().await;
        let readings = Readings { acl_needs_put_object_acl: needed, ..Readings::default() };
        cloud.emulator.knobs().set_readings(readings);
        let report = cloud.check(CONFIG).await;
        assert_eq!(step(&report, "public-acl").verdict, Verdict::Ok, "{}", lines(&report));
        let role = step(&report, "block-public-access");
        let hint = role.hint.as_deref().unwrap_or_default();
        assert_eq!(role.verdict, Verdict::Warning, "{}", lines(&report));
        assert!(hint.contains("Block Public Access") && hint.contains("\"Deny\""), "{hint}");
        let whole = CONFIG.replace("uploads/${caller.claims.tenant}/${caller.id}/", "uploads/");
        let report = cloud.check(&whole.replace("[grants.default]", "[grants.default]\npolicy = \"role\"")).await;
        let by_session = step(&report, "public-acl");
        assert_eq!(by_session.verdict, Verdict::Warning, "{}", lines(&report));
        assert!(by_session.hint.as_ref().unwrap().contains("`grants.default.policy`"), "{:?}", by_session.hint);
        assert_eq!(cloud.objects().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_object_that_became_a_link_is_not_read() {
    let cloud = Planted::start().await;
    cloud.turn_objects_into_links();
    let report = cloud.check(CONFIG).await;
    for id in ["get", "head"] {
        let read = step(&report, id);
        assert_eq!(read.verdict, Verdict::Failed, "{}", lines(&report));
        assert!(read.detail.contains("is a symbolic link"), "{}", read.detail);
    }
}

#[tokio::test]
async fn without_probes_nothing_is_written() {
    let cloud = Planted::start().await;
    let options = Options { probes: false, ..Options::default() };
    let report = cloud.check_with(CONFIG, &options).await.unwrap();
    assert!(report.ok, "{}", lines(&report));
    for operation in ["PutObject", "PostObject", "DeleteObject", "GetObject"] {
        assert_eq!(cloud.emulator.knobs().count(operation), 0, "{operation}");
    }
}

#[tokio::test]
async fn a_bucket_with_versions_is_left_without_any() {
    let cloud = Planted::start().await;
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    cloud.as_owner("PUT", "versioning", versioning).await;
    let report = cloud.check(&CONFIG.replace("\"head\"]", "\"head\", \"delete\", \"list\"]")).await;
    assert!(report.ok, "{}", lines(&report));
    let versions = cloud.as_owner("GET", "versions", "").await;
    assert!(!versions.contains("<Version>") && !versions.contains("<DeleteMarker>"), "{versions}");
}

#[tokio::test]
async fn what_cannot_be_removed_is_named() {
    let cloud = Planted::with(|options, _| {
        let put = |action: &str| faults::allow(&[action], &["acs:oss:*:*:examplebucket/*"]);
        options.roles[0].policies = vec![put("oss:PutObject"), put("oss:GetObject")];
        options.users[0].policies.truncate(1);
    })
    .await;
    let report = cloud.check(CONFIG).await;
    assert!(report.ok, "{}", lines(&report));
    let cleaned = step(&report, "clean-up");
    assert_eq!(cleaned.verdict, Verdict::Warning);
    for key in cloud_keys(&cleaned.detail) {
        assert!(key.starts_with("uploads/oss-vend-check/oss-vend-check/oss-vend-check-"), "{key}");
    }
    assert_eq!(cloud_keys(&cleaned.detail).len(), 4);
    for id in ["cors", "lifecycle"] {
        assert_eq!(step(&report, id).verdict, Verdict::Skipped, "{id}");
    }
}

fn cloud_keys(detail: &str) -> Vec<&str> {
    detail.split_once(": ").unwrap().1.split(", ").collect()
}

#[tokio::test]
async fn a_step_that_takes_too_long_ends_and_the_others_go_on() {
    let cloud = Planted::start().await;
    cloud.emulator.knobs().delay("PostObject", Duration::from_hours(1));
    let report = cloud.check(CONFIG).await;
    let slow = step(&report, "post");
    assert_eq!((slow.verdict, slow.detail.as_str()), (Verdict::Failed, "no answer within 20 s"));
    assert!(slow.hint.as_ref().unwrap().contains("--timeout"));
    for id in ["outside", "clean-up", "preflight"] {
        step(&report, id);
    }
}

#[tokio::test]
async fn an_unknown_code_is_shown_and_not_explained() {
    let cloud = Planted::start().await;
    let strange = Failure::Status { status: 418, code: "BrandNewCode".into(), message: "words".into() };
    cloud.emulator.knobs().fail_share("PostObject", 1.0, strange);
    let report = cloud.check(CONFIG).await;
    let post = step(&report, "post");
    assert_eq!((post.verdict, post.code.as_deref()), (Verdict::Failed, Some("BrandNewCode")));
    assert!(post.hint.as_ref().unwrap().starts_with("this code is not known here"));
}

#[tokio::test]
async fn a_configuration_that_cannot_stand_is_told_as_such() {
    let cloud = Planted::start().await;
    for (config, options, expected) in [
        (CONFIG.replace("role_arn", "role_arm"), Options::default(), "role_arn"),
        (CONFIG.to_owned(), Options { grants: vec!["nope".into()], ..Options::default() }, "there are default"),
    ] {
        let error = cloud.check_with(&config, &options).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
