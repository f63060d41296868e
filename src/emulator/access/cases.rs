//! How policies answer, row by row. `sure` rows follow the documentation of RAM; the others are the likeliest reading of what
//! it leaves open, and were never held against the real service.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::DateTime;
use serde_json::{Value, json};

use super::super::account::{Identity, RamRole, TokenSession};
use super::super::options::Role;
use super::{Context, Policy, Verdict, verdict};

/// Who asks: what is attached to the role, and the inline policy of the session.
struct Case {
    sure: bool,
    role: Value,
    inline: Value,
    action: &'static str,
    resource: &'static str,
    context: &'static [(&'static str, &'static str)],
    expected: Verdict,
}

const GET: &str = "oss:GetObject";
const PHOTO: &str = "acs:oss:*:7:pics/2024/cat.jpg";
const BUCKET: &str = "acs:oss:*:7:pics";

fn statement(effect: &str, action: &Value, resource: &Value) -> Value {
    json!({"Effect": effect, "Action": action, "Resource": resource})
}

fn allow(action: &str, resource: &str) -> Value {
    json!([statement("Allow", &json!(action), &json!(resource))])
}

fn when(condition: &Value) -> Value {
    let mut statement = statement("Allow", &json!("oss:*"), &json!("*"));
    statement["Condition"] = condition.clone();
    json!([statement])
}

fn case(role: Value, action: &'static str, resource: &'static str, expected: Verdict) -> Case {
    Case { sure: true, role, inline: Value::Null, action, resource, context: &[], expected }
}

fn under(condition: &Value, context: &'static [(&'static str, &'static str)], expected: Verdict) -> Case {
    Case { context, ..case(when(condition), GET, PHOTO, expected) }
}

fn narrowed(role: Value, inline: Value, expected: Verdict) -> Case {
    Case { inline, ..case(role, GET, PHOTO, expected) }
}

fn unsure(case: Case) -> Case {
    Case { sure: false, ..case }
}

fn everything() -> Value {
    allow("oss:*", "*")
}

#[rustfmt::skip]
fn patterns() -> Vec<Case> {
    use Verdict::{Allow, ImplicitDeny};
    vec![
        case(json!([]), GET, PHOTO, ImplicitDeny),
        case(everything(), GET, PHOTO, Allow),
        case(allow("*", "*"), GET, PHOTO, Allow),
        case(allow("oss:Get*", "*"), GET, PHOTO, Allow),
        case(allow("oss:Get*", "*"), "oss:PutObject", PHOTO, ImplicitDeny),
        case(allow("oss:GetObjec?", "*"), GET, PHOTO, Allow),
        case(allow("ecs:*", "*"), GET, PHOTO, ImplicitDeny),
        case(allow("oss:*", "acs:oss:*:*:pics"), GET, PHOTO, ImplicitDeny),
        case(allow("oss:*", "acs:oss:*:*:pics/*"), "oss:ListObjects", BUCKET, ImplicitDeny),
        case(allow("oss:ListObjects", "acs:oss:*:*:pics"), "oss:ListObjects", BUCKET, Allow),
        case(allow("oss:*", "acs:oss:*:*:pic*"), GET, PHOTO, Allow),
        case(allow("oss:*", "acs:oss:*:7:pics/*"), GET, PHOTO, Allow),
        case(allow("oss:*", "acs:oss:*:8:pics/*"), GET, PHOTO, ImplicitDeny),
        case(allow("oss:*", "acs:oss:*:*:pics/2024/Cat.jpg"), GET, PHOTO, ImplicitDeny),
        case(allow("oss:*", "acs:oss:*:*:pics/2024*"), GET, "acs:oss:*:7:pics/2024-old/a", Allow),
        case(allow("oss:*", "acs:oss:*:*:pics/2024/*"), GET, "acs:oss:*:7:pics/2024-old/a", ImplicitDeny),
        case(allow("oss:PutObject", "*"), "oss:AbortMultipartUpload", PHOTO, ImplicitDeny),
        case(allow("oss:GetObject", "*"), "oss:GetObjectVersion", PHOTO, ImplicitDeny),
        case(json!([statement("Allow", &json!(["oss:PutObject", GET]), &json!(["acs:oss:*:*:x/*", "acs:oss:*:*:pics/*"]))]), GET, PHOTO, Allow),
        unsure(case(allow("OSS:getobject", "*"), GET, PHOTO, Allow)),
        unsure(case(allow("oss:*", "acs:oss:*:*:pics/目录/*"), GET, "acs:oss:*:7:pics/目录/a", Allow)),
        unsure(case(allow("oss:*", "acs:oss:*:*:pics/%E7%9B%AE/*"), GET, "acs:oss:*:7:pics/目/a", ImplicitDeny)),
    ]
}

#[rustfmt::skip]
fn denials() -> Vec<Case> {
    use Verdict::{Allow, ExplicitDeny, ImplicitDeny, SessionDeny};
    let deny = |resource: &str| json!([
        statement("Allow", &json!("oss:*"), &json!("*")),
        statement("Deny", &json!("oss:GetObject"), &json!(resource)),
    ]);
    vec![
        case(deny("acs:oss:*:*:pics/2024/*"), GET, PHOTO, ExplicitDeny),
        case(deny("acs:oss:*:*:pics/2023/*"), GET, PHOTO, Allow),
        narrowed(everything(), allow(GET, "acs:oss:*:*:pics/2024/*"), Allow),
        narrowed(everything(), allow(GET, "acs:oss:*:*:pics/2023/*"), SessionDeny),
        narrowed(everything(), deny("*"), SessionDeny),
        narrowed(deny("*"), everything(), ExplicitDeny),
        narrowed(allow("oss:PutObject", "*"), everything(), ImplicitDeny),
        narrowed(json!([]), everything(), ImplicitDeny),
    ]
}

#[rustfmt::skip]
fn conditions() -> Vec<Case> {
    use Verdict::{Allow, ImplicitDeny};
    let office = json!({"IpAddress": {"acs:SourceIp": ["198.51.100.0/24", "203.0.113.7"]}});
    let secure = json!({"Bool": {"acs:SecureTransport": "true"}});
    let until = json!({"DateLessThan": {"acs:CurrentTime": "2025-03-01T08:00:00+08:00"}});
    let own = json!({"StringLike": {"oss:Prefix": ["mine/*", ""]}});
    let both = json!({"Bool": {"acs:SecureTransport": "true"}, "IpAddress": {"acs:SourceIp": "198.51.100.0/24"}});
    let agent = json!({"StringEqualsIgnoreCase": {"acs:UserAgent": "Curl"}});
    vec![
        under(&office, &[("acs:SourceIp", "198.51.100.200")], Allow),
        under(&office, &[("acs:SourceIp", "203.0.113.7")], Allow),
        under(&office, &[("acs:SourceIp", "203.0.113.8")], ImplicitDeny),
        under(&json!({"NotIpAddress": {"acs:SourceIp": "198.51.100.0/24"}}), &[("acs:SourceIp", "198.51.100.1")], ImplicitDeny),
        under(&secure, &[("acs:SecureTransport", "true")], Allow),
        under(&secure, &[("acs:SecureTransport", "false")], ImplicitDeny),
        under(&until, &[("acs:CurrentTime", "2025-02-28T23:59:59Z")], Allow),
        under(&until, &[("acs:CurrentTime", "2025-03-01T00:00:00Z")], ImplicitDeny),
        under(&own, &[("oss:Prefix", "mine/a")], Allow),
        under(&own, &[("oss:Prefix", "")], Allow),
        under(&own, &[("oss:Prefix", "other/")], ImplicitDeny),
        under(&both, &[("acs:SourceIp", "198.51.100.1"), ("acs:SecureTransport", "true")], Allow),
        under(&both, &[("acs:SourceIp", "198.51.100.1"), ("acs:SecureTransport", "false")], ImplicitDeny),
        under(&agent, &[("acs:UserAgent", "curl")], Allow),
        unsure(under(&own, &[], ImplicitDeny)),
        unsure(under(&json!({"StringNotEquals": {"oss:Prefix": "x"}}), &[], Allow)),
        unsure(under(&json!({"IpAddress": {"acs:SourceIp": "198.51.100.0/24"}}), &[("acs:SourceIp", "::ffff:198.51.100.1")], ImplicitDeny)),
    ]
}

fn policy(statements: &Value) -> Policy {
    Policy::from_value(&json!({"Version": "1", "Statement": statements})).unwrap()
}

fn asker(case: &Case) -> Identity {
    let nothing = case.role.as_array().is_some_and(Vec::is_empty);
    let policies = if nothing { Vec::new() } else { vec![policy(&case.role)] };
    let role = Role {
        account_id: "7".into(),
        name: "r".into(),
        policies: vec![],
        trusted: vec![],
        external_id: None,
        max_session_seconds: 3600,
    };
    Identity::Session(Arc::new(TokenSession {
        access_key_id: "STS.x".into(),
        secret: "s".into(),
        token: "t".into(),
        role: Arc::new(RamRole { role, policies, id: "3".into() }),
        policy: (!case.inline.is_null()).then(|| policy(&case.inline)),
        name: "n".into(),
        source_identity: None,
        expiration: DateTime::UNIX_EPOCH,
        expired: AtomicBool::new(false),
    }))
}

#[test]
fn policies_answer_as_the_documentation_says_or_as_is_likeliest() {
    for case in patterns().into_iter().chain(denials()).chain(conditions()) {
        let context = case.context.iter().fold(Context::default(), |context, (key, value)| context.with(key, *value));
        let answer = verdict(&asker(&case), case.action, case.resource, &context);
        let Case { sure, role, inline, action, resource, expected, .. } = case;
        assert_eq!(answer, expected, "{action} {resource}: role {role}, inline {inline}, sure: {sure}");
    }
}
