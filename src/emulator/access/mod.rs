//! Whether an identity may do what it asks, by RAM's rules and the ACL.
//!
//! A session's inline policy comes first and what it does not allow is final; then the role's or user's own policies, where an
//! explicit deny is final and silence falls through to the ACL.

#[cfg(test)]
mod cases;
mod condition;
mod document;
mod pattern;

use std::collections::BTreeMap;

use super::account::Identity;
use super::error::OssError;

pub(crate) use self::document::Policy;

/// What conditions can ask about a request: values by condition key, such as `acs:SourceIp`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    values: BTreeMap<String, String>,
}

impl Context {
    /// Sets the value of a condition key.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.values.insert(key.to_owned(), value.into());
        self
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }
}

/// What the policies say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
    /// The inline policy of the session denies, whether it says so or is silent.
    SessionDeny,
}

/// Whether `identity` may do `action` on `resource` of a bucket (or object) whose ACL is `acl`.
pub(crate) fn authorize(
    identity: &Identity,
    action: &str,
    resource: &str,
    context: &Context,
    acl: &str,
) -> Result<(), OssError> {
    let by_acl = acl_allows(acl, action);
    match (verdict(identity, action, resource, context), identity) {
        (Verdict::Allow, _) => Ok(()),
        (Verdict::ImplicitDeny, _) if by_acl => Ok(()),
        (Verdict::ImplicitDeny, Identity::Anonymous) => {
            Err(OssError::access_denied("Anonymous user has no right to access this resource.").ec("0003-00000905"))
        }
        (Verdict::ImplicitDeny, _) => {
            let message = "You have no right to access this object because of bucket acl.";
            Err(OssError::access_denied(message).ec("0003-00000001"))
        }
        (Verdict::ExplicitDeny, _) => {
            Err(OssError::access_denied("Access denied by authorizer's policy.").ec("0003-00000201"))
        }
        (Verdict::SessionDeny, _) => {
            Err(OssError::access_denied("Access denied by authorizer's policy.").ec("0003-00000301"))
        }
    }
}

/// What the policies of `identity` say, without any ACL.
pub(crate) fn verdict(identity: &Identity, action: &str, resource: &str, context: &Context) -> Verdict {
    let asked = Asked { action, resource, context };
    match identity {
        Identity::Anonymous => Verdict::ImplicitDeny,
        Identity::User(user) if user.user.root => at_home(&asked, &user.user.account_id, Verdict::Allow),
        Identity::User(user) => at_home(&asked, &user.user.account_id, round(&user.policies, &asked)),
        Identity::Session(session) => {
            let inline = session.policy.as_ref().map(|policy| round([policy], &asked));
            if inline.is_some_and(|inline| inline != Verdict::Allow) {
                return Verdict::SessionDeny;
            }
            at_home(&asked, &session.role.role.account_id, round(&session.role.policies, &asked))
        }
    }
}

/// One question put to policies.
struct Asked<'a> {
    action: &'a str,
    resource: &'a str,
    context: &'a Context,
}

/// One round over a set of policies: a matching deny wins, then a matching allow.
fn round<'a>(policies: impl IntoIterator<Item = &'a Policy>, asked: &Asked<'_>) -> Verdict {
    let mut verdict = Verdict::ImplicitDeny;
    for statement in policies.into_iter().flat_map(Policy::statements) {
        match statement.answer(asked.action, asked.resource, |key| asked.context.value(key)) {
            Some(false) => return Verdict::ExplicitDeny,
            Some(true) => verdict = Verdict::Allow,
            None => {}
        }
    }
    verdict
}

/// Policies allow nothing on what another account owns.
fn at_home(asked: &Asked<'_>, account: &str, verdict: Verdict) -> Verdict {
    let owner = asked.resource.split(':').nth(3).unwrap_or_default();
    let foreign = owner != account && owner != "*";
    if foreign && verdict == Verdict::Allow { Verdict::ImplicitDeny } else { verdict }
}

/// A bucket's ACL opens its objects to everyone, not the bucket itself: nobody may list it by ACL.
fn acl_allows(acl: &str, action: &str) -> bool {
    let read = matches!(action, "oss:GetObject" | "oss:GetObjectVersion");
    let write = matches!(action, "oss:PutObject" | "oss:DeleteObject" | "oss:AbortMultipartUpload" | "oss:ListParts");
    match acl {
        "public-read" => read,
        "public-read-write" => read || write,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use chrono::DateTime;
    use serde_json::json;

    use super::super::account::{RamRole, RamUser, TokenSession};
    use super::super::options::{Role, User};
    use super::*;

    const OBJECT: &str = "acs:oss:*:1:photos/u/1/a";

    fn policy(effect: &str, action: &str, resource: &str) -> Policy {
        let value = json!({"Version": "1", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]});
        Policy::from_value(&value).unwrap()
    }

    fn session(role: Vec<Policy>, inline: Option<Policy>) -> Identity {
        let record = Role {
            account_id: "1".into(),
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
            role: Arc::new(RamRole { role: record, policies: role, id: "3".into() }),
            policy: inline,
            name: "n".into(),
            source_identity: None,
            expiration: DateTime::UNIX_EPOCH,
            expired: AtomicBool::new(false),
        }))
    }

    fn user(root: bool, policies: Vec<Policy>) -> Identity {
        let user = User {
            account_id: "1".into(),
            name: "u".into(),
            access_key_id: "k".into(),
            access_key_secret: "s".into(),
            policies: vec![],
            active: true,
            root,
        };
        Identity::User(Arc::new(RamUser { user, policies, id: "2".into() }))
    }

    fn refused(identity: &Identity, action: &str, resource: &str, acl: &str) -> Option<&'static str> {
        authorize(identity, action, resource, &Context::default(), acl).err().map(|error| error.ec.unwrap())
    }

    #[test]
    fn a_session_may_do_what_both_its_role_and_its_inline_policy_allow() {
        let all = || policy("Allow", "oss:*", "*");
        let put = || policy("Allow", "oss:PutObject", "acs:oss:*:*:photos/u/1/*");
        let narrowed = session(vec![all()], Some(put()));
        assert_eq!(refused(&narrowed, "oss:PutObject", OBJECT, "private"), None);
        assert_eq!(refused(&narrowed, "oss:GetObject", OBJECT, "private"), Some("0003-00000301"));
        assert_eq!(refused(&narrowed, "oss:PutObject", "acs:oss:*:1:photos/u/2/a", "private"), Some("0003-00000301"));
        let widened = session(vec![put()], Some(all()));
        assert_eq!(refused(&widened, "oss:GetObject", OBJECT, "private"), Some("0003-00000001"));
    }

    #[test]
    fn silence_falls_through_to_the_acl_and_a_deny_does_not() {
        let silent = session(vec![], None);
        assert_eq!(refused(&silent, "oss:GetObject", OBJECT, "public-read"), None);
        assert_eq!(refused(&silent, "oss:PutObject", OBJECT, "public-read"), Some("0003-00000001"));
        let denied = session(vec![policy("Deny", "oss:GetObject", "*")], None);
        assert_eq!(refused(&denied, "oss:GetObject", OBJECT, "public-read"), Some("0003-00000201"));
        let inline = session(vec![], Some(policy("Allow", "oss:PutObject", "*")));
        assert_eq!(refused(&inline, "oss:GetObject", OBJECT, "public-read"), Some("0003-00000301"));
    }

    #[test]
    fn nobody_reads_what_the_acl_opens_and_no_more() {
        let nobody = Identity::Anonymous;
        assert_eq!(refused(&nobody, "oss:GetObject", OBJECT, "public-read"), None);
        assert_eq!(refused(&nobody, "oss:PutObject", OBJECT, "public-read-write"), None);
        assert_eq!(
            refused(&nobody, "oss:ListObjects", "acs:oss:*:1:photos", "public-read-write"),
            Some("0003-00000905")
        );
        assert_eq!(refused(&nobody, "oss:GetObject", OBJECT, "private"), Some("0003-00000905"));
    }

    #[test]
    fn an_account_and_its_policies_reach_its_own_buckets_only() {
        let foreign = "acs:oss:*:9:photos/u/1/a";
        for identity in [user(true, vec![]), user(false, vec![policy("Allow", "*", "*")])] {
            assert_eq!(refused(&identity, "oss:DeleteObject", OBJECT, "private"), None);
            assert_eq!(refused(&identity, "oss:DeleteObject", foreign, "private"), Some("0003-00000001"));
        }
    }
}
