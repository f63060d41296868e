//! The table: a fault → what is said of it → the key or setting to change.

use std::fmt::Write as _;
use std::net::SocketAddr;

use chrono::TimeDelta;
use oss_vend::check::Verdict;
use oss_vend::emulator::{BucketOptions, Failure, Knobs, Options};
use serde_json::{Value, json};

use super::planted::{CONFIG, Planted, lines, step};

type Plant = fn(&mut Options, SocketAddr);

/// A fault: what is planted in the cloud, in its knobs, in the configuration; the step that has to find it, how, and what
/// its hint has to name.
struct Fault {
    name: &'static str,
    cloud: Plant,
    knobs: fn(&Knobs),
    config: fn(&str) -> String,
    step: &'static str,
    verdict: Verdict,
    names: &'static str,
}

const NONE: Fault = Fault {
    name: "",
    cloud: |_, _| {},
    knobs: |_| {},
    config: str::to_owned,
    step: "assume-role",
    verdict: Verdict::Failed,
    names: "",
};

pub(super) fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Version": "1", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]})
}

fn sts_says(knobs: &Knobs, code: &str, message: &str) {
    let failure = Failure::Status { status: 400, code: code.into(), message: message.into() };
    knobs.fail_share("AssumeRole", 1.0, failure);
}

fn answers(knobs: &Knobs, operation: &str, status: u16, body: &str) {
    let failure = Failure::Body { status, content_type: "text/html".into(), body: body.into() };
    knobs.fail_share(operation, 1.0, failure);
}

/// The faults of keys and roles.
fn of_keys() -> Vec<Fault> {
    vec![
        Fault {
            name: "wrong secret",
            config: |config| config.replace("emulatorSecretNotARealOne", "emulatorSecretMistyped"),
            names: "`access_key.secret`",
            ..NONE
        },
        Fault {
            name: "unknown AccessKey",
            config: |config| config.replace("LTAIemulatorNotARealKey", "LTAIemulatorUnknown"),
            names: "`access_key.id`",
            ..NONE
        },
        Fault {
            name: "disabled AccessKey",
            cloud: |options, _| options.users[0].active = false,
            names: "`access_key.id`",
            ..NONE
        },
        Fault {
            name: "no AccessKey",
            config: |config| {
                let rest = config.split_once("[access_key]").unwrap().1;
                config.replace(&rest[..rest.find("[[auth").unwrap()], "\n")
            },
            step: "access-key",
            names: "[access_key]",
            ..NONE
        },
        Fault {
            name: "AccessKey of the root account",
            cloud: |options, _| options.users[0].root = true,
            names: "AliyunSTSAssumeRoleAccess",
            ..NONE
        },
        Fault {
            name: "user without sts:AssumeRole",
            cloud: |options, _| options.users[0].policies.clear(),
            names: "AliyunSTSAssumeRoleAccess",
            ..NONE
        },
        Fault {
            name: "unknown role",
            config: |config| config.replace("role/oss-vend-dev", "role/oss-vend-gone"),
            names: "`sts.role_arn` (or `grants.default.role_arn`)",
            ..NONE
        },
        Fault {
            name: "trust policy lacking",
            cloud: |options, _| options.roles[0].trusted.clear(),
            names: "trust policy of the role in `sts.role_arn`",
            ..NONE
        },
        Fault {
            name: "external id asked for",
            cloud: |options, _| options.roles[0].external_id = Some("secret-handshake".into()),
            names: "`sts.external_id`",
            ..NONE
        },
        Fault {
            name: "duration 7,200 of 3,600",
            cloud: |options, _| options.roles[0].max_session_seconds = 3600,
            config: |config| config.replace("[sts]", "[sts]\nduration = \"2h\""),
            names: "`sts.duration` (or `grants.default.duration`)",
            ..NONE
        },
        Fault {
            name: "policy too long for STS",
            knobs: |knobs| sts_says(knobs, "InvalidParameter.PolicySize", "too long"),
            names: "`grants.default.policy`",
            ..NONE
        },
        Fault {
            name: "policy not in RAM's grammar",
            knobs: |knobs| sts_says(knobs, "InvalidParameter.PolicyGrammar", "no"),
            names: "`grants.default.policy`",
            ..NONE
        },
        Fault {
            name: "account throttled",
            knobs: |knobs| sts_says(knobs, "Throttling.User", "slow down"),
            names: "`sts.calls_per_second`",
            ..NONE
        },
    ]
}

/// The faults of the way there.
fn of_the_way() -> Vec<Fault> {
    vec![
        Fault {
            name: "clock 20 min slow",
            knobs: |knobs| knobs.clock_offset(TimeDelta::minutes(20)),
            step: "clock",
            names: "NTP",
            ..NONE
        },
        Fault {
            name: "clock 20 min fast",
            knobs: |knobs| knobs.clock_offset(TimeDelta::minutes(-20)),
            step: "clock",
            names: "NTP",
            ..NONE
        },
        Fault {
            name: "clock 1 min slow",
            knobs: |knobs| knobs.clock_offset(TimeDelta::minutes(1)),
            step: "clock",
            verdict: Verdict::Warning,
            names: "NTP",
            ..NONE
        },
        Fault {
            name: "STS does not listen",
            config: |config| config.replace("http://STS", "http://127.0.0.1:1"),
            step: "sts",
            names: "`sts.endpoint`",
            ..NONE
        },
        Fault {
            name: "OSS does not listen",
            config: |config| config.replace("http://OSS", "http://127.0.0.1:1"),
            step: "oss",
            names: "`grants.default.endpoint`",
            ..NONE
        },
        Fault {
            name: "HTML in place of STS",
            knobs: |knobs| answers(knobs, "*", 200, "<html>log in</html>"),
            step: "sts",
            names: "`sts.endpoint`",
            ..NONE
        },
        Fault {
            name: "redirect in place of STS",
            knobs: |knobs| answers(knobs, "*", 302, ""),
            step: "sts",
            names: "`sts.endpoint`",
            ..NONE
        },
        Fault {
            name: "HTML in place of OSS",
            knobs: |knobs| answers(knobs, "ListObjects", 200, "<html>log in</html>"),
            step: "oss",
            names: "`grants.default.endpoint`",
            ..NONE
        },
        Fault {
            name: "redirect at an upload",
            knobs: |knobs| answers(knobs, "PutObject", 307, ""),
            step: "put",
            names: "`grants.default.endpoint`",
            ..NONE
        },
        Fault {
            name: "connection dropped at an upload",
            knobs: |knobs| knobs.fail_share("PutObject", 1.0, Failure::Close),
            step: "put",
            names: "`grants.default.endpoint`",
            ..NONE
        },
    ]
}

/// The faults of the bucket.
fn of_the_bucket() -> Vec<Fault> {
    const NOT_YOURS: &str =
        "<Error><Code>AccessDenied</Code><Message>The bucket you access does not belong to you.</Message></Error>";
    vec![
        Fault {
            name: "region of the configuration wrong",
            config: |config| config.replace("cn-hangzhou", "cn-shanghai"),
            step: "bucket",
            names: "`grants.default.region`",
            ..NONE
        },
        Fault {
            name: "bucket in another region",
            cloud: |options, _| options.buckets[0].elsewhere = Some("cn-shanghai".into()),
            step: "bucket",
            names: "`grants.default.region` to \"cn-shanghai\"",
            ..NONE
        },
        Fault {
            name: "bucket absent",
            config: |config| config.replace("\"examplebucket\"", "\"absentbucket\""),
            step: "bucket",
            names: "`grants.default.bucket`",
            ..NONE
        },
        Fault {
            name: "bucket of another account",
            knobs: |knobs| answers(knobs, "GetBucketInfo", 403, NOT_YOURS),
            step: "bucket",
            names: "`grants.default.bucket`",
            ..NONE
        },
        Fault {
            name: "custom domain of another bucket",
            cloud: |options, domain| {
                let mut other = options.buckets[0].clone();
                other.domains = vec![domain.to_string()];
                options.buckets.push(BucketOptions { name: "otherbucket".into(), ..other });
            },
            config: |config| {
                config
                    .replace("endpoint = \"http://OSS\"", "endpoint = \"http://OSS\"\npublic_host = \"http://DOMAIN\"")
            },
            step: "custom-domain",
            names: "`grants.default.public_host`",
            ..NONE
        },
        Fault {
            name: "no CORS rule",
            cloud: |options, _| options.buckets[0].cors = false,
            step: "cors",
            names: "<AllowedOrigin>https://app.example.com</AllowedOrigin>",
            ..NONE
        },
        Fault {
            name: "no CORS rule, as a browser sees it",
            cloud: |options, _| options.buckets[0].cors = false,
            step: "preflight",
            names: "<ExposeHeader>ETag</ExposeHeader>",
            ..NONE
        },
        Fault {
            name: "no lifecycle rule",
            step: "lifecycle",
            verdict: Verdict::Warning,
            names: "<AbortMultipartUpload>",
            ..NONE
        },
    ]
}

fn whole_role(config: &str) -> String {
    let own = config.replace("uploads/${caller.claims.tenant}/${caller.id}/", "uploads/");
    own.replace("[grants.default]", "[grants.default]\npolicy = \"role\"")
}

/// The faults of rights: too few, and too many.
fn of_rights() -> Vec<Fault> {
    vec![
        Fault {
            name: "role that may do everything, handed out whole",
            config: whole_role,
            step: "outside",
            names: "`grants.default.policy`",
            ..NONE
        },
        Fault {
            name: "role that may delete, handed out whole",
            config: whole_role,
            step: "not-granted",
            names: "`grants.default.methods`",
            ..NONE
        },
        Fault {
            name: "reading granted and not in the role",
            cloud: |options, _| {
                options.roles[0].policies = vec![allow(&["oss:PutObject"], &["acs:oss:*:*:examplebucket/*"])];
            },
            step: "get",
            names: "`sts.role_arn`",
            ..NONE
        },
        Fault {
            name: "writing granted and not in the role",
            cloud: |options, _| {
                options.roles[0].policies = vec![allow(&["oss:GetObject"], &["acs:oss:*:*:examplebucket/*"])];
            },
            step: "put",
            names: "`grants.default.role_arn`",
            ..NONE
        },
        Fault {
            name: "role for another directory",
            cloud: |options, _| {
                options.roles[0].policies = vec![allow(&["oss:*"], &["acs:oss:*:*:examplebucket/other/*"])];
            },
            step: "post",
            names: "acs:oss:*:*:examplebucket/uploads/*",
            ..NONE
        },
    ]
}

#[tokio::test]
async fn each_fault_is_named_with_what_to_change() {
    let mut table = String::from("\n| fault | step | verdict | found | change |\n|---|---|---|---|---|\n");
    for fault in [of_keys(), of_the_way(), of_the_bucket(), of_rights()].into_iter().flatten() {
        let cloud = Planted::with(fault.cloud).await;
        (fault.knobs)(cloud.emulator.knobs());
        let report = cloud.check(&(fault.config)(CONFIG)).await;
        let found = step(&report, fault.step);
        assert_eq!(found.verdict, fault.verdict, "{}: {}", fault.name, lines(&report));
        assert_eq!(report.ok, report.steps.iter().all(|step| step.verdict != Verdict::Failed));
        let hint = found.hint.as_deref().unwrap_or_default();
        assert!(hint.contains(fault.names), "{}: {hint:?} does not name {}", fault.name, fault.names);
        let first = hint.lines().next().unwrap_or_default();
        writeln!(table, "| {} | {} | {:?} | {} | {first} |", fault.name, fault.step, fault.verdict, found.detail)
            .unwrap();
    }
    println!("{table}");
}

#[tokio::test]
async fn a_wrong_clock_hides_nothing_else() {
    let cloud = Planted::start().await;
    cloud.emulator.knobs().clock_offset(TimeDelta::minutes(20));
    let report = cloud.check(CONFIG).await;
    let failed: Vec<_> =
        report.steps.iter().filter(|step| step.verdict == Verdict::Failed).map(|step| step.id).collect();
    assert_eq!(failed, ["clock", "clock-oss"], "{}", lines(&report));
}

#[tokio::test]
async fn a_cors_rule_that_hides_etags_fails_uploads_in_parts_alone() {
    let rule = "<CORSConfiguration><CORSRule><AllowedOrigin>https://app.example.com</AllowedOrigin>\
                <AllowedMethod>PUT</AllowedMethod><AllowedMethod>POST</AllowedMethod><AllowedMethod>GET</AllowedMethod>\
                <AllowedMethod>HEAD</AllowedMethod><AllowedMethod>DELETE</AllowedMethod><AllowedHeader>*</AllowedHeader>\
                </CORSRule></CORSConfiguration>";
    for (methods, verdict) in [("\"sts\", \"put\"", Verdict::Failed), ("\"put\"", Verdict::Warning)] {
        let cloud = Planted::start().await;
        cloud.as_owner("PUT", "cors", rule).await;
        let report = cloud.check(&CONFIG.replace("\"sts\", \"post\", \"put\", \"get\", \"head\"", methods)).await;
        let preflight = step(&report, "preflight");
        assert_eq!(preflight.verdict, verdict, "{}", lines(&report));
        assert!(preflight.detail.contains("ETag"), "{}", preflight.detail);
        let missing = rule.replace("<AllowedMethod>PUT</AllowedMethod>", "");
        cloud.as_owner("PUT", "cors", &missing).await;
        let report = cloud.check(CONFIG).await;
        let says = &step(&report, "preflight").detail;
        assert!(says.ends_with("do PUT"), "{says}");
    }
}

#[tokio::test]
async fn a_custom_domain_that_is_bound_rightly_is_probed_through() {
    let cloud = Planted::with(|options, domain| options.buckets[0].domains = vec![domain.to_string()]).await;
    let config =
        CONFIG.replace("endpoint = \"http://OSS\"", "endpoint = \"http://OSS\"\npublic_host = \"http://DOMAIN\"");
    let report = cloud.check(&config).await;
    assert!(report.ok, "{}", lines(&report));
    assert_eq!(step(&report, "custom-domain").verdict, Verdict::Ok);
    assert_eq!(cloud.objects().await, Vec::<String>::new());
}
