//! The input of one `AssumeRole`.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::written::Written;

/// Everything that decides what `AssumeRole` returns; the vault compares it whole.
///
/// Of a policy that is written from a grant it has the grant's part and the prefix. The text, some hundred bytes, is made
/// when it is asked for: a session that is open is looked up with every request, and nobody reads its policy then.
#[derive(Clone, Debug)]
pub struct Session {
    terms: Arc<Terms>,
    /// Where it is not the name of the terms.
    name: Option<Box<str>>,
    rights: Rights,
    duration: u32,
}

/// A role, and with what it is taken.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Role {
    /// `acs:ram::<account>:role/<name>`.
    pub arn: String,
    /// `ExternalId`, where the role's trust policy asks for one.
    pub external_id: Option<String>,
    /// `SourceIdentity`, which sticks to the session through role chaining.
    pub source_identity: Option<String>,
}

impl From<&str> for Role {
    /// The role with this ARN, taken with nothing else.
    fn from(arn: &str) -> Self {
        Self { arn: arn.to_owned(), external_id: None, source_identity: None }
    }
}

/// What the sessions of a grant have in common.
#[derive(Debug)]
struct Terms {
    role: Role,
    name: Box<str>,
    /// Where it is a policy that is written.
    written: Option<Written>,
    /// Stands for all of it where sessions are hashed.
    digest: u64,
}

/// What of the role's rights a session has.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Rights {
    /// All of them.
    All,
    /// Those of the terms' policy, for this prefix.
    Below(String),
    /// Those of this policy.
    Text(Box<str>),
}

impl Session {
    /// A session of `role` with all of its rights; `name` is the `RoleSessionName`, which the account's audit trail shows,
    /// and `duration` has 900 to 43,200 seconds.
    #[must_use]
    pub fn new(role: Role, name: &str, duration: u32) -> Self {
        Self::on_terms(role, name, None, duration)
    }

    /// The same, which [`Self::below`] can narrow to a prefix.
    pub(super) fn with_written(role: Role, name: &str, written: Written, duration: u32) -> Self {
        Self::on_terms(role, name, Some(written), duration)
    }

    fn on_terms(role: Role, name: &str, written: Option<Written>, duration: u32) -> Self {
        // Nobody who asks can shape these, so a hash without a key does.
        let mut digest = DefaultHasher::new();
        (&role, name, &written).hash(&mut digest);
        let terms = Terms { role, name: name.into(), written, digest: digest.finish() };
        Self { terms: Arc::new(terms), name: None, rights: Rights::All, duration }
    }

    /// The same with the grant's policy for the keys that begin with `prefix`.
    pub(super) fn below(&self, prefix: String) -> Self {
        Self { rights: Rights::Below(prefix), ..self.like() }
    }

    /// The same with `policy` as its inline policy.
    #[must_use]
    pub fn with_policy(&self, policy: &str) -> Self {
        Self { rights: Rights::Text(policy.into()), ..self.like() }
    }

    /// The same by another name.
    #[must_use]
    pub fn named(self, name: String) -> Self {
        let is_other = *name != *self.terms.name;
        Self { name: is_other.then(|| name.into()), ..self }
    }

    /// The same for so many seconds.
    #[must_use]
    pub fn lasting(self, duration: u32) -> Self {
        Self { duration, ..self }
    }

    /// The same with all rights of the role.
    fn like(&self) -> Self {
        Self { terms: Arc::clone(&self.terms), name: self.name.clone(), rights: Rights::All, duration: self.duration }
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.terms.role
    }

    /// `RoleSessionName`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.terms.name)
    }

    /// `DurationSeconds`.
    #[must_use]
    pub fn duration(&self) -> u32 {
        self.duration
    }

    /// The inline policy; absent, the session has all rights of the role.
    #[must_use]
    pub fn policy(&self) -> Option<Cow<'_, str>> {
        match (&self.rights, &self.terms.written) {
            (Rights::Below(prefix), Some(written)) => Some(written.with(prefix).into()),
            (Rights::Text(text), _) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    /// The prefix for which its policy is written.
    pub(super) fn prefix(&self) -> Option<&str> {
        if let Rights::Below(prefix) = &self.rights { Some(prefix) } else { None }
    }

    /// The same, taken out.
    pub(super) fn into_prefix(self) -> Option<String> {
        if let Rights::Below(prefix) = self.rights { Some(prefix) } else { None }
    }
}

impl PartialEq for Session {
    /// By what STS is told, so that a session is the same after a reload. A text that comes from a grant in one and from a
    /// caller in the other makes two sessions.
    fn eq(&self, other: &Self) -> bool {
        let same_terms = || {
            let (terms, others) = (&self.terms, &other.terms);
            Arc::ptr_eq(terms, others)
                || (terms.role == others.role && terms.name == others.name && terms.written == others.written)
        };
        self.duration == other.duration && self.rights == other.rights && self.name == other.name && same_terms()
    }
}

impl Eq for Session {}

impl Hash for Session {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.terms.digest.wrapping_add(self.duration.into()));
        match &self.rights {
            Rights::All => {}
            Rights::Below(text) => text.hash(state),
            Rights::Text(text) => text.hash(state),
        }
        if let Some(name) = &self.name {
            name.hash(state);
        }
    }
}

/// The longest session name that STS takes.
const MAX_SESSION_NAME: usize = 64;
/// The hexadecimal digits of a digest in a session name: 128 bits, so that no two names are found with one digest.
const DIGEST: usize = 32;

/// A legal `RoleSessionName` that says `text` as well as it can: what does not fit is replaced and cut, and half of its
/// SHA-256 then keeps two callers apart. A text that ends like such a name gets a digest too, so that no caller can be
/// named like another.
#[must_use]
pub fn session_name(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".@_-".contains(c);
    if (2..=MAX_SESSION_NAME).contains(&text.len()) && text.chars().all(fits) && !ends_with_digest(text) {
        return text.to_owned();
    }
    let digest = const_hex::encode(&Sha256::digest(text.as_bytes())[..DIGEST / 2]);
    let readable = text.chars().map(|c| if fits(c) { c } else { '-' }).take(MAX_SESSION_NAME - digest.len() - 1);
    format!("{}-{digest}", readable.collect::<String>())
}

fn ends_with_digest(text: &str) -> bool {
    let is_digest =
        |end: &str| end.len() == DIGEST && end.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.rsplit_once('-').is_some_and(|(_, end)| is_digest(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Method, Methods};

    fn role() -> Role {
        "acs:ram::1:role/r".into()
    }

    fn written(method: Method) -> Session {
        let methods: Methods = [method].into_iter().collect();
        Session::with_written(role(), "name", Written::new(methods, "bucket", None), 900)
    }

    fn hashed(session: &Session) -> u64 {
        let mut hash = DefaultHasher::new();
        session.hash(&mut hash);
        hash.finish()
    }

    #[test]
    fn sessions_are_told_apart_by_what_sts_is_told() {
        let put = written(Method::Put);
        let other = Role { external_id: Some("x".into()), ..role() };
        let sessions = [
            put.clone(),
            put.below("a/".into()),
            put.below("b/".into()),
            written(Method::Get).below("a/".into()),
            put.with_policy("{}"),
            put.clone().lasting(901),
            put.clone().named("other".into()),
            Session::new(other, "name", 900),
        ];
        for (index, one) in sessions.iter().enumerate() {
            for (other, two) in sessions.iter().enumerate() {
                assert_eq!(one == two, index == other, "{one:?} {two:?}");
            }
        }
        for (one, two) in [
            (put.below("a/".into()), written(Method::Put).below("a/".into())),
            (put.clone(), put.clone().named("name".into())),
            (put.with_policy("{}"), written(Method::Put).with_policy("{}")),
        ] {
            assert_eq!((&one, hashed(&one)), (&two, hashed(&two)));
        }
    }

    #[test]
    fn a_legal_name_stays_and_others_stay_apart() {
        let longest = "x".repeat(64);
        for name in ["oss-vend.u42@x_y", "web-550e8400-e29b-41d4-a716-446655440000", &longest] {
            assert_eq!(session_name(name), name);
        }
        let (one, two) = (session_name("a=b"), session_name("a:b"));
        assert!(one.starts_with("a-b-") && two.starts_with("a-b-") && one != two);
        for text in ["", "a", &"x".repeat(65), &"x".repeat(200), "测试"] {
            let name = session_name(text);
            assert!((2..=MAX_SESSION_NAME).contains(&name.len()), "{name}");
        }
    }

    #[test]
    fn a_name_that_does_not_fit_keeps_128_bits_of_its_digest() {
        let long = session_name(&format!("web-{}", "x".repeat(100)));
        let (readable, digest) = long.rsplit_once('-').unwrap();
        assert_eq!((long.len(), readable.len(), digest.len()), (64, 31, 32), "{long}");
        assert_eq!(session_name("a=b"), format!("a-b-{}", const_hex::encode(&Sha256::digest("a=b")[..16])));
    }

    #[test]
    fn no_caller_can_choose_the_session_name_of_another() {
        for text in ["a=b", "测试", &"x".repeat(65)] {
            let name = session_name(text);
            assert_ne!(session_name(&name), name, "{text}");
        }
    }
}
