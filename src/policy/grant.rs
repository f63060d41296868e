//! A grant: what the configuration names, checked and prepared at start.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::address::Address;
use super::audience::Audience;
use super::boundaries::Boundaries;
use super::denied::Denied;
use super::document::{self, PolicyTemplate};
use super::method::{Method, Methods};
use super::object_key::ObjectKey;
use super::session::{self, Role, Session};
use super::template::{Filling, Place, Template, Unfillable, UnsafeId};
use super::written::Written;
use crate::caller::Caller;

/// The most bytes that OSS takes in one PutObject or PostObject: 5 GiB.
pub const MAX_UPLOAD: u64 = 5 * 1024 * 1024 * 1024;
/// The longest life of a signed URL that OSS takes: seven days (EC 0002-00000232).
pub const MAX_EXPIRES: u32 = 604_800;
/// The lengths of a session that STS grants, in seconds; the upper end is the most that a role can be set to.
pub const DURATIONS: RangeInclusive<u32> = 900..=43_200;

/// Where a grant's inline policy comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PolicySource {
    /// Written from the grant's methods and directory.
    Generated,
    /// None at all: the session has all rights of the role.
    Role,
    /// The text of an operator's file.
    Text(String),
}

/// A grant as the configuration says it, not yet checked.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the configuration room documents each key of the same name")]
pub struct GrantSpec {
    pub name: String,
    pub audience: Audience,
    pub bucket: String,
    pub region: String,
    pub endpoint: Option<String>,
    pub public_host: Option<String>,
    pub dir: String,
    pub unsafe_id: UnsafeId,
    pub key: String,
    pub methods: Methods,
    pub min_size: u64,
    pub max_size: Option<u64>,
    pub allow_unsized_put: bool,
    pub content_types: Vec<String>,
    pub default_content_type: Option<String>,
    pub expires: u32,
    pub max_expires: u32,
    pub signature_v1: bool,
    pub role_arn: String,
    pub session_name: String,
    pub duration: u32,
    pub external_id: Option<String>,
    pub source_identity: Option<String>,
    pub policy: PolicySource,
}

/// A key of a grant whose value cannot stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidGrant {
    /// The key in the configuration; in a list, with the index behind a dot.
    pub key: String,
    /// What is wrong with its value, as a predicate: "must be …".
    pub problem: String,
}

/// Which bucket, which directory, which methods, which limits.
#[derive(Debug)]
pub struct Grant {
    /// The name that a request gives as `grant`.
    pub name: String,
    /// For whom it is.
    pub audience: Audience,
    /// The bucket.
    pub bucket: String,
    /// The bucket's region, without `oss-`.
    pub region: String,
    /// Where browsers reach the bucket.
    pub address: Address,
    /// What callers may do.
    pub methods: Methods,
    /// The sizes of an upload that are allowed, in bytes.
    pub sizes: RangeInclusive<u64>,
    /// The content types that are allowed; empty means any.
    pub content_types: Vec<String>,
    pub(super) default_content_type: Option<String>,
    /// Whether a URL that uploads has to say the size.
    pub size_required: bool,
    /// The life of a form or URL that asks for none, in seconds.
    pub expires: u32,
    /// The longest life of a form or URL, in seconds.
    pub max_expires: u32,
    /// Whether the old signature may be asked for.
    pub signature_v1: bool,
    pub(super) key: Template,
    unsafe_id: UnsafeId,
    dir: Template,
    policy: Policy,
    session_name: Template,
    /// What all sessions have in common; with their name, if they have the same. It has all rights of the role.
    session: Session,
    /// The session that signs forms and URLs, if it is one for all callers.
    signing: Option<Arc<Session>>,
}

#[derive(Debug)]
enum Policy {
    Generated,
    Role,
    Template(PolicyTemplate),
}

impl Grant {
    /// Checks `spec`; every problem is reported, not only the first.
    pub fn build(spec: GrantSpec) -> Result<Self, Vec<InvalidGrant>> {
        let mut problems = Problems::default();
        problems.names(&spec);
        problems.limits(&spec);
        let address = Address::new(&spec.bucket, &spec.region, spec.endpoint.as_deref(), spec.public_host.as_deref());
        let at = if spec.public_host.is_some() { "public_host" } else { "endpoint" };
        let address = problems.take(at, address);
        let dir = problems.take("dir", Template::parse(&spec.dir, Place::Directory));
        let key = problems.take("key", Template::parse(&spec.key, Place::Key));
        let session_name = problems.take("session_name", Template::parse(&spec.session_name, Place::SessionName));
        let policy = problems.policy(&spec.policy);
        let (Some(address), Some(dir), Some(key), Some(session_name), Some(policy)) =
            (address, dir, key, session_name, policy)
        else {
            return Err(problems.0);
        };
        problems.directory(&spec, &dir, &key);
        problems.boundaries(&spec, &dir, &key, &session_name, &policy);
        let grant = Self::of_parts(spec, address, dir, key, session_name, policy);
        problems.policy_size(&grant);
        if problems.0.is_empty() { Ok(grant) } else { Err(problems.0) }
    }

    fn of_parts(
        spec: GrantSpec,
        address: Address,
        dir: Template,
        key: Template,
        session_name: Template,
        policy: Policy,
    ) -> Self {
        let role = Role { arn: spec.role_arn, external_id: spec.external_id, source_identity: spec.source_identity };
        let name = session_name.as_fixed().map(session::session_name).unwrap_or_default();
        let session = match &policy {
            Policy::Generated => {
                let written = Written::new(spec.methods, &spec.bucket);
                Session::with_written(role, &name, written, spec.duration)
            }
            Policy::Role | Policy::Template(_) => Session::new(role, &name, spec.duration),
        };
        let signing = match &policy {
            Policy::Generated => Some(session.below(dir.fixed_start().to_owned())),
            Policy::Role => Some(session.clone()),
            Policy::Template(_) => None,
        };
        Self {
            signing: signing.filter(|_| !session_name.names_caller()).map(Arc::new),
            size_required: spec.max_size.is_some() && !spec.allow_unsized_put,
            sizes: spec.min_size..=spec.max_size.unwrap_or(MAX_UPLOAD),
            name: spec.name,
            audience: spec.audience,
            bucket: spec.bucket,
            region: spec.region,
            content_types: spec.content_types,
            default_content_type: spec.default_content_type,
            expires: spec.expires,
            max_expires: spec.max_expires,
            signature_v1: spec.signature_v1,
            methods: spec.methods,
            unsafe_id: spec.unsafe_id,
            address,
            dir,
            key,
            session_name,
            policy,
            session,
        }
    }

    /// Whether what this grant hands out depends on who asks.
    #[must_use]
    pub fn names_caller(&self) -> bool {
        self.dir.names_caller()
            || self.session_name.names_caller()
            || self.key.names_caller()
            || matches!(&self.policy, Policy::Template(policy) if policy.names_caller(false))
    }

    /// The names of the claims that a decision may read.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        let rules = self.audience.rules.iter().map(|rule| rule.claim.as_str());
        let policy = match &self.policy {
            Policy::Template(policy) => policy.claims(),
            Policy::Generated | Policy::Role => Vec::new(),
        };
        let templates = [&self.dir, &self.key, &self.session_name].into_iter().flat_map(Template::claims);
        rules.chain(templates).chain(policy)
    }

    /// Whether its sessions have all rights of the role.
    #[must_use]
    pub fn has_role_rights(&self) -> bool {
        matches!(self.policy, Policy::Role)
    }

    /// The longest life of a session, in seconds.
    #[must_use]
    pub fn duration(&self) -> u32 {
        self.session.duration()
    }

    /// Whether the grant is for this caller and has this method; every decision begins with it.
    pub(super) fn allow(&self, caller: &Caller, method: Method) -> Result<(), Denied> {
        self.audience.admit(caller)?;
        if self.methods.contains(method) { Ok(()) } else { Err(Denied::Method(method)) }
    }

    /// The caller's directory: empty, or ending with `/`.
    pub(super) fn dir(&self, caller: &Caller, now: DateTime<Utc>) -> Result<String, Unfillable> {
        self.dir.fill(&self.filling(caller, now, ""))
    }

    /// The same with room behind it for the name of an object.
    pub(super) fn dir_of_key(&self, caller: &Caller, now: DateTime<Utc>) -> Result<String, Unfillable> {
        let mut dir = String::with_capacity(self.dir.room() + self.key.room());
        self.dir.push(&mut dir, &self.filling(caller, now, ""))?;
        Ok(dir)
    }

    pub(super) fn filling<'a>(&'a self, caller: &'a Caller, now: DateTime<Utc>, dir: &'a str) -> Filling<'a> {
        let unsafe_id = self.unsafe_id;
        Filling { caller, unsafe_id, now, uuid: "", unverified_filename: "", bucket: &self.bucket, dir }
    }

    /// What every key begins with that the session of forms and URLs can write.
    pub(super) fn signing_prefix(&self) -> &str {
        self.dir.fixed_start()
    }

    /// The session of a caller that gets credentials for `dir`, and `dir`, unless the session has it.
    pub(super) fn caller_session(
        &self,
        caller: &Caller,
        now: DateTime<Utc>,
        dir: String,
        duration: u32,
    ) -> Result<(Session, Option<String>), Unfillable> {
        if matches!(self.policy, Policy::Generated) {
            let session = self.session_for(&self.filling(caller, now, ""), dir)?;
            return Ok((session.lasting(duration), None));
        }
        let session = self.session_for(&self.filling(caller, now, &dir), String::new())?;
        Ok((session.lasting(duration), Some(dir)))
    }

    /// The session that signs forms and URLs. The signature itself is what narrows it, so it is opened for all that the
    /// directory can become and shared by all callers, unless the session's name or an operator's policy names them.
    pub(super) fn signing_session(&self, filling: &Filling<'_>) -> Result<Arc<Session>, Unfillable> {
        match &self.signing {
            Some(shared) => Ok(Arc::clone(shared)),
            None => self.session_for(filling, self.signing_prefix().to_owned()).map(Arc::new),
        }
    }

    /// A session that may do what the grant says; where the policy is generated, with the keys that begin with `prefix`.
    fn session_for(&self, filling: &Filling<'_>, prefix: String) -> Result<Session, Unfillable> {
        let session = match &self.policy {
            Policy::Generated => self.session.below(prefix),
            Policy::Role => self.session.clone(),
            Policy::Template(template) => self.session.with_policy(&template.fill(filling)?),
        };
        if !self.session_name.names_caller() {
            return Ok(session);
        }
        Ok(session.named(session::session_name(&self.session_name.fill(filling)?)))
    }
}

#[derive(Default)]
struct Problems(Vec<InvalidGrant>);

impl Problems {
    fn add(&mut self, key: impl Into<String>, problem: impl Into<String>) {
        self.0.push(InvalidGrant { key: key.into(), problem: problem.into() });
    }

    fn must(&mut self, holds: bool, key: &str, expected: &str) {
        if !holds {
            self.add(key, format!("must be {expected}"));
        }
    }

    fn take<T, E: ToString>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(key, format!("cannot be used: {}", error.to_string()))).ok()
    }

    fn names(&mut self, spec: &GrantSpec) {
        let bucket = "a bucket: 3 to 63 characters of [a-z0-9-], no \"-\" at the ends";
        self.must(is_bucket(&spec.bucket), "bucket", bucket);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let region = !spec.region.is_empty() && spec.region.bytes().all(plain);
        self.must(region, "region", "a region such as \"cn-hangzhou\"");
        let role = "a role such as \"acs:ram::1234567890123456:role/oss-upload\"";
        self.must(is_role_arn(&spec.role_arn), "role_arn", role);
        let methods =
            "a list with at least one of \"post\", \"put\", \"get\", \"get-version\", \"head\", \"delete\", \"list\"";
        self.must(!spec.methods.on_data().is_empty(), "methods", methods);
    }

    fn limits(&mut self, spec: &GrantSpec) {
        let max = spec.max_size.unwrap_or(MAX_UPLOAD);
        self.must(max <= MAX_UPLOAD, "max_size", "at most 5 GiB, all that OSS takes in one request");
        self.must(spec.min_size <= max, "min_size", "at most max_size");
        self.must((1..=MAX_EXPIRES).contains(&spec.expires), "expires", "whole seconds, 1 to 604800");
        self.must((1..=MAX_EXPIRES).contains(&spec.max_expires), "max_expires", "whole seconds, 1 to 604800");
        self.must(spec.expires <= spec.max_expires, "expires", "at most max_expires");
        let duration = "whole seconds, 900 to 43200, and at most the role's own maximum";
        self.must(DURATIONS.contains(&spec.duration), "duration", duration);
        let content_type = "a whole content type such as \"image/png\"";
        for (index, listed) in spec.content_types.iter().enumerate() {
            self.must(is_content_type(listed), &format!("content_types.{index}"), content_type);
        }
        if let Some(default) = &spec.default_content_type {
            self.must(is_content_type(default), "default_content_type", content_type);
            let listed = spec.content_types.is_empty() || spec.content_types.contains(default);
            self.must(listed, "default_content_type", "one of content_types");
        }
    }

    fn policy(&mut self, source: &PolicySource) -> Option<Policy> {
        match source {
            PolicySource::Generated => Some(Policy::Generated),
            PolicySource::Role => Some(Policy::Role),
            PolicySource::Text(text) => self.take("policy", PolicyTemplate::parse(text)).map(Policy::Template),
        }
    }

    /// The directory is `/`-bounded, and a name below it is a key, whoever asks.
    fn directory(&mut self, spec: &GrantSpec, dir: &Template, key: &Template) {
        let longest = dir.longest(&spec.bucket, "");
        if !longest.is_empty() && !longest.ends_with('/') {
            self.add("dir", "must end with a slash, else \"user/1\" would open \"user/10\" too");
        } else if let Err(error) = ObjectKey::parse(format!("{longest}x")) {
            self.add("dir", format!("cannot be used: {error}"));
        } else if let Err(error) = ObjectKey::parse(format!("{longest}{}", key.longest(&spec.bucket, &longest))) {
            self.add("key", format!("cannot be used: at its longest, below the directory, {error}"));
        }
    }

    fn boundaries(&mut self, spec: &GrantSpec, dir: &Template, key: &Template, name: &Template, policy: &Policy) {
        let own = match policy {
            Policy::Template(own) => Some(own),
            Policy::Generated | Policy::Role => None,
        };
        let (methods, source) = (spec.methods, &spec.policy);
        let boundaries = Boundaries { methods, dir, key, session_name: name, source, policy: own };
        for (key, problem) in boundaries.breaches() {
            self.add(key, problem);
        }
    }

    /// STS counts the policy's bytes; better to learn that at start than from the caller with the longest name.
    fn policy_size(&mut self, grant: &Grant) {
        let dir = grant.dir.longest(&grant.bucket, "");
        let longest = match &grant.policy {
            Policy::Generated => document::written_for(grant.methods, &grant.bucket, &dir),
            Policy::Role => return,
            Policy::Template(template) => template.longest(&grant.bucket, &dir),
        };
        if longest.len() > document::MAX_BYTES {
            let (has, takes) = (longest.len(), document::MAX_BYTES);
            self.add("policy", format!("is too long: for the longest identity it has {has} bytes; STS takes {takes}"));
        }
    }
}

fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_role_arn(arn: &str) -> bool {
    let Some((account, name)) = arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/")) else {
        return false;
    };
    (1..=20).contains(&account.len())
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// `type/subtype` with optional parameters, in characters that a header takes.
pub(super) fn is_content_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    text.len() <= 255
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}
