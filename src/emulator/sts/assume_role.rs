//! `AssumeRole`: the parameters, then whether the caller may, then a new session.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::http::StatusCode;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::State;
use super::super::access::{self, Context, Policy, Verdict};
use super::super::account::{Identity, RamRole, TokenSession};
use super::super::error::StsError;
use super::super::wire::to_iso8601;
use super::call::Call;
use super::random;

/// Largest inline policy in bytes of UTF-8.
const POLICY_LIMIT: usize = 2048;
/// Bounds of `DurationSeconds`; the upper one is the role's.
const SHORTEST: u32 = 900;
const DEFAULT: u32 = 3600;

/// Opens a session and answers with its key.
pub(super) fn assume_role(
    state: &State,
    identity: &Identity,
    call: &Call,
    now: DateTime<Utc>,
) -> Result<Value, StsError> {
    let wanted = Wanted::read(call)?;
    if matches!(identity, Identity::User(user) if user.user.root) {
        return Err(StsError::no_permission("Roles may not be assumed by root accounts."));
    }
    let missing = || StsError::new(StatusCode::NOT_FOUND, "EntityNotExist.Role", "The specified Role not exists .");
    let role = state.accounts.role(wanted.role_arn).ok_or_else(missing)?;
    check_duration(&wanted, role)?;
    check_permission(identity, role, &wanted, now)?;
    let session = state.accounts.open(session(identity, role, wanted, now), now);
    Ok(answer(&session))
}

/// Refuses a life that is longer than the role allows.
pub(super) fn check_duration(wanted: &Wanted<'_>, role: &RamRole) -> Result<(), StsError> {
    if wanted.seconds > role.role.max_session_seconds { Err(wrong_duration()) } else { Ok(()) }
}

/// The parameters, each in its grammar.
pub(super) struct Wanted<'a> {
    pub(super) role_arn: &'a str,
    name: &'a str,
    seconds: u32,
    policy: Option<Policy>,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn read(call: &'a Call) -> Result<Self, StsError> {
        let demanded = |name| call.parameter(name)?.ok_or_else(|| StsError::missing(name));
        let role_arn = demanded("RoleArn")?;
        let name = demanded("RoleSessionName")?;
        check("RoleArn", is_role_arn(role_arn))?;
        check("RoleSessionName", is_spelled(name, 2..=64, ".@-_"))?;
        let seconds = call.parameter("DurationSeconds")?.map_or(Ok(DEFAULT), read_duration)?;
        let policy = call.parameter("Policy")?.map(read_policy).transpose()?;
        let external_id = call.parameter("ExternalId")?;
        check("ExternalId", external_id.is_none_or(|id| is_spelled(id, 2..=1224, "_+=,.@:/-")))?;
        let source_identity = call.parameter("SourceIdentity")?;
        check("SourceIdentity", source_identity.is_none_or(is_source_identity))?;
        Ok(Self { role_arn, name, seconds, policy, external_id, source_identity })
    }
}

fn check(name: &str, well_formed: bool) -> Result<(), StsError> {
    let message = format!("The parameter {name} is wrongly formed.");
    if well_formed { Ok(()) } else { Err(StsError::bad_request(format!("InvalidParameter.{name}"), message)) }
}

fn is_role_arn(arn: &str) -> bool {
    let named = arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/"));
    named.is_some_and(|(account, name)| {
        let digits = account.bytes().all(|digit| digit.is_ascii_digit());
        digits && (1..=20).contains(&account.len()) && is_spelled(name, 1..=64, "._-")
    })
}

fn is_source_identity(text: &str) -> bool {
    let reserved = ["acs:", "aliyun:", "alibabacloud:"].iter().any(|prefix| text.starts_with(prefix));
    !reserved && is_spelled(text, 2..=64, "_+=,.@-")
}

/// Letters, digits and `others`, as many as `lengths` says.
fn is_spelled(text: &str, lengths: std::ops::RangeInclusive<usize>, others: &str) -> bool {
    lengths.contains(&text.len())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

fn read_duration(text: &str) -> Result<u32, StsError> {
    let digits = text.bytes().all(|digit| digit.is_ascii_digit());
    let seconds = digits.then(|| text.parse().ok()).flatten();
    seconds.filter(|seconds| *seconds >= SHORTEST).ok_or_else(wrong_duration)
}

fn wrong_duration() -> StsError {
    let message = "The Min/Max value of DurationSeconds is 15min/1hr.";
    StsError::bad_request("InvalidParameter.DurationSeconds", message)
}

fn read_policy(text: &str) -> Result<Policy, StsError> {
    if text.len() > POLICY_LIMIT {
        let message = "The size of Policy must be smaller than 2048 bytes.";
        return Err(StsError::bad_request("InvalidParameter.PolicySize", message));
    }
    let message = "The parameter Policy has not passed grammar check.";
    Policy::parse(text).map_err(|_| StsError::bad_request("InvalidParameter.PolicyGrammar", message))
}

/// The caller's policies and the role's trust must both allow it.
fn check_permission(
    identity: &Identity,
    role: &RamRole,
    wanted: &Wanted<'_>,
    now: DateTime<Utc>,
) -> Result<(), StsError> {
    let context = Context::default().with("acs:CurrentTime", to_iso8601(now));
    let context = wanted.external_id.into_iter().fold(context, |context, id| context.with("sts:ExternalId", id));
    if access::verdict(identity, "sts:AssumeRole", &role.role.arn(), &context) != Verdict::Allow {
        let message = "You are not authorized to do this action. You should be authorized by RAM.";
        return Err(StsError::no_permission(message));
    }
    let demanded = role.role.external_id.as_deref();
    let known = demanded.is_none() || demanded == wanted.external_id;
    let message = "No permission perform sts:AssumeRole on this Role. Maybe the role does not trust the caller.";
    if known && trusts(role, identity) { Ok(()) } else { Err(StsError::no_permission(message)) }
}

/// Whether the role trusts the caller by name or by its account.
fn trusts(role: &RamRole, identity: &Identity) -> bool {
    let own = match identity {
        Identity::Anonymous => return false,
        Identity::User(user) => user.user.arn(),
        Identity::Session(session) => session.role.role.arn(),
    };
    let account = format!("acs:ram::{}:root", identity.account_id().unwrap_or_default());
    role.role.trusted.iter().any(|trusted| trusted.eq_ignore_ascii_case(&own) || *trusted == account)
}

/// A session that is not yet open; one opened by a session keeps that one's source identity.
pub(super) fn session(
    identity: &Identity,
    role: &Arc<RamRole>,
    wanted: Wanted<'_>,
    now: DateTime<Utc>,
) -> TokenSession {
    let issued = now.trunc_subsecs(0);
    let inherited = match identity {
        Identity::Session(caller) => caller.source_identity.clone(),
        _ => None,
    };
    TokenSession {
        access_key_id: random::key_id(),
        secret: random::secret(),
        token: random::token(),
        role: Arc::clone(role),
        policy: wanted.policy,
        name: wanted.name.to_owned(),
        source_identity: inherited.or_else(|| wanted.source_identity.map(str::to_owned)),
        expiration: issued + TimeDelta::seconds(wanted.seconds.into()),
        expired: AtomicBool::new(false),
    }
}

/// What a call that opened a session answers.
pub(super) fn answer(session: &TokenSession) -> Value {
    let role = &session.role;
    let mut answer = json!({
        "AssumedRoleUser": {
            "Arn": format!("{}/{}", role.role.arn(), session.name),
            "AssumedRoleId": format!("{}:{}", role.id, session.name),
        },
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "AccessKeySecret": session.secret,
            "SecurityToken": session.token,
            "Expiration": to_iso8601(session.expiration),
        },
    });
    if let Some(source) = &session.source_identity {
        answer["SourceIdentity"] = source.as_str().into();
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::super::super::Options;
    use super::super::sample::{ASSUME, Caller};

    type Change = fn(&mut Options);

    async fn code(caller: &Caller, name: &str, value: &str) -> String {
        let mut parameters = ASSUME.to_vec();
        parameters.retain(|(known, _)| *known != name);
        parameters.push((name, value));
        caller.call(&parameters).await.code()
    }

    #[tokio::test]
    async fn an_answer_carries_the_key_and_the_life_that_was_asked_for() {
        let caller = Caller::new(|_| {});
        let answer = caller.call(&[&ASSUME[..], &[("DurationSeconds", "43200")]].concat()).await.json();
        assert_eq!(answer["Credentials"]["Expiration"], "2025-02-14T20:09:10Z");
        assert_eq!(answer["AssumedRoleUser"]["Arn"], "acs:ram::1234567890123456:role/oss-vend-dev/alice");
        assert!(answer["Credentials"]["AccessKeyId"].as_str().unwrap().starts_with("STS."));
        assert_eq!(answer["RequestId"].as_str().unwrap().len(), 36);
        let usual = caller.call(&ASSUME).await.json();
        assert_eq!(usual["Credentials"]["Expiration"], "2025-02-14T09:09:10Z");
    }

    #[tokio::test]
    async fn each_parameter_has_its_grammar_and_its_bounds() {
        let caller = Caller::new(|options| options.roles[0].max_session_seconds = 7200);
        let sized = |size: usize| {
            let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}"#;
            policy.to_owned() + &" ".repeat(size - policy.len())
        };
        let (fits, too_long) = (sized(2048), sized(2049));
        for (name, value, expected) in [
            ("RoleArn", "acs:ram::1:user/x", "InvalidParameter.RoleArn"),
            ("RoleArn", "acs:ram::x:role/x", "InvalidParameter.RoleArn"),
            ("RoleArn", "acs:ram::1234567890123456:role/OSS-Vend-Dev", "ok"),
            ("RoleArn", "acs:ram::1234567890123456:role/none", "EntityNotExist.Role"),
            ("RoleSessionName", "a", "InvalidParameter.RoleSessionName"),
            ("RoleSessionName", "a b", "InvalidParameter.RoleSessionName"),
            ("RoleSessionName", "a@b.c-d_e", "ok"),
            ("DurationSeconds", "899", "InvalidParameter.DurationSeconds"),
            ("DurationSeconds", "900", "ok"),
            ("DurationSeconds", "7200", "ok"),
            ("DurationSeconds", "7201", "InvalidParameter.DurationSeconds"),
            ("DurationSeconds", "+900", "InvalidParameter.DurationSeconds"),
            ("DurationSeconds", "", "InvalidParameter.DurationSeconds"),
            ("Policy", &fits, "ok"),
            ("Policy", &too_long, "InvalidParameter.PolicySize"),
            ("Policy", "", "InvalidParameter.PolicyGrammar"),
            ("Policy", "{}", "InvalidParameter.PolicyGrammar"),
            ("ExternalId", "x", "InvalidParameter.ExternalId"),
            ("ExternalId", "ext:/id=1", "ok"),
            ("SourceIdentity", "acs:me", "InvalidParameter.SourceIdentity"),
            ("SourceIdentity", "me@corp", "ok"),
            ("Version", "2014-01-01", "InvalidVersion"),
            ("Action", "AssumeRoleWithSAML", "InvalidAction.NotFound"),
        ] {
            assert_eq!(code(&caller, name, value).await, expected, "{name}={value}");
        }
        assert_eq!(caller.call(&ASSUME[..2]).await.code(), "MissingRoleSessionName");
        assert_eq!(caller.call(&[ASSUME[0], ASSUME[2]]).await.code(), "MissingRoleArn");
    }

    #[tokio::test]
    async fn the_caller_must_be_allowed_and_the_role_must_trust_it() {
        let cases: [(Change, &str); 6] = [
            (|options| options.users[0].root = true, "NoPermission"),
            (|options| options.users[0].policies.clear(), "NoPermission"),
            (|options| options.roles[0].trusted.clear(), "NoPermission"),
            (|options| options.roles[0].external_id = Some("right".into()), "NoPermission"),
            (|options| options.roles[0].trusted = vec!["acs:ram::1234567890123456:user/oss-vend".into()], "ok"),
            (|options| options.users[0].active = false, "InvalidAccessKeyId.Inactive"),
        ];
        for (index, (change, expected)) in cases.into_iter().enumerate() {
            assert_eq!(Caller::new(change).call(&ASSUME).await.code(), expected, "case {index}");
        }
        let closed = Caller::new(|options| options.roles[0].external_id = Some("right".into()));
        assert_eq!(code(&closed, "ExternalId", "right").await, "ok");
        assert_eq!(code(&closed, "ExternalId", "wrong").await, "NoPermission");
    }

    #[tokio::test]
    async fn a_session_may_open_another_and_its_source_identity_goes_along() {
        let caller = Caller::new(|options| {
            let policy = options.users[0].policies[0].clone();
            options.roles[0].policies.push(policy);
        });
        let first = caller.call(&[&ASSUME[..], &[("SourceIdentity", "alice@corp")]].concat()).await.json();
        let session = caller.assumed(&first);
        let second = session.call(&ASSUME).await;
        assert_eq!((second.status, &second.json()["SourceIdentity"]), (StatusCode::OK, &"alice@corp".into()));
        session.emulator.knobs().expire_token(&session.id);
        assert_eq!(session.call(&ASSUME).await.code(), "InvalidSecurityToken.Expired");
    }
}
