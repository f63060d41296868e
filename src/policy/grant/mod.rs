//! A grant: what the configuration names, checked and prepared at start.

mod problems;
mod reading;
mod sessions;
mod spec;

use std::borrow::Cow;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};

use self::problems::Problems;
pub(super) use self::problems::is_content_type;
use self::sessions::{Basis, Sessions};
pub use self::spec::{GrantSpec, InvalidGrant, PolicySource};
use super::address::Address;
use super::audience::Audience;
use super::denied::Denied;
use super::method::{Method, Methods};
use super::named_by::NamedBy;
use super::object_settings::{FormField, ObjectAcl, ObjectSettings};
use super::policy_file::PolicyTemplate;
use super::process::Processing;
use super::reads::Reads;
use super::session::{self, Session};
use super::template::{Filling, Place, Template, Unfillable, UnsafeId};
use crate::caller::Caller;

/// The most bytes that OSS takes in one PutObject or PostObject: 5 GiB.
pub const MAX_UPLOAD: u64 = 5 * 1024 * 1024 * 1024;
/// The longest life of a signed URL that OSS takes: seven days (EC 0002-00000232).
pub const MAX_EXPIRES: u32 = 604_800;
/// The lengths of a session that STS grants, in seconds; the upper end is the most that a role can be set to.
pub const DURATIONS: RangeInclusive<u32> = 900..=43_200;

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
    /// Who names the objects that are uploaded.
    pub keys: NamedBy,
    /// What uploads are stored with.
    pub object: ObjectSettings,
    /// The fields that every form sends, with their fixed values.
    pub form_fields: Vec<FormField>,
    /// What a download may have processed.
    pub processing: Processing,
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
    sessions: Sessions,
    /// The sessions of callers without proof, where they have fewer rights.
    anonymous_sessions: Option<Sessions>,
    /// How the configuration wants GET and HEAD to be signed.
    wanted_reads: Option<Reads>,
    /// How they are.
    reads: Reads,
    /// What all sessions have in common that are confined to a caller's directory to read there.
    reader: Session,
}

/// The parts of a grant that are parsed.
struct Parts {
    address: Address,
    dir: Template,
    key: Template,
    session_name: Template,
    policy: Policy,
    processing: Processing,
}

#[derive(Debug)]
enum Policy {
    Generated,
    Role,
    Template(PolicyTemplate),
}

impl GrantSpec {
    /// The ACL that uploads send, if they send one.
    fn acl_of_uploads(&self) -> Option<ObjectAcl> {
        let strict = self.object.strict_form && self.methods.contains(Method::Post);
        self.object.acl.or(strict.then_some(ObjectAcl::Default))
    }

    fn keys_or_default(&self, dir: &Template) -> NamedBy {
        let by_default =
            || NamedBy::by_default(self.serves_anonymous, &self.audience, !dir.names_caller(), self.methods);
        self.keys.unwrap_or_else(by_default)
    }
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
        let processing = problems.processing(&spec.process_allow);
        let (Some(address), Some(dir), Some(key), Some(session_name), Some(policy), Some(processing)) =
            (address, dir, key, session_name, policy, processing)
        else {
            return Err(problems.0);
        };
        problems.directory(&spec, &dir, &key);
        let parts = Parts { address, dir, key, session_name, policy, processing };
        problems.boundaries(&spec, &parts);
        let acl = spec.acl_of_uploads();
        let mut grant = Self::of_parts(spec, parts);
        problems.policy_size(&grant, acl);
        let own = grant.plants_links_for(&grant).then(|| grant.name.clone());
        problems.0.extend(grant.settle_reads(own.as_deref()).err());
        if problems.0.is_empty() { Ok(grant) } else { Err(problems.0) }
    }

    fn of_parts(spec: GrantSpec, parts: Parts) -> Self {
        let Parts { address, dir, key, session_name, policy, processing } = parts;
        let basis =
            Basis { spec: &spec, dir: &dir, session_name: &session_name, policy: &policy, acl: spec.acl_of_uploads() };
        let (sessions, anonymous_sessions) = (Sessions::new(basis), Sessions::anonymous(basis));
        let reader = sessions::confined_reader(basis);
        Self {
            sessions,
            anonymous_sessions,
            keys: spec.keys_or_default(&dir),
            form_fields: spec.object.form_fields(),
            object: spec.object,
            processing,
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
            wanted_reads: spec.reads,
            reads: Reads::Confined,
            reader,
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

    /// The template of the directory.
    pub(super) fn directory(&self) -> &Template {
        &self.dir
    }

    pub(super) fn unsafe_id(&self) -> UnsafeId {
        self.unsafe_id
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
        self.sessions.base.duration()
    }

    /// Whether the grant is for this caller and has this method; every decision begins with it.
    pub(super) fn allow(&self, caller: &Caller, method: Method) -> Result<(), Denied> {
        self.audience.admit(caller)?;
        if !self.methods.contains(method) {
            return Err(Denied::Method(method));
        }
        if self.methods_for(caller).contains(method) { Ok(()) } else { Err(Denied::ProofNeeded(method)) }
    }

    /// The methods that `caller` may use, given that the grant is for this caller: without proof nobody deletes, nor gets
    /// credentials under a policy file that may allow it.
    #[must_use]
    pub fn methods_for(&self, caller: &Caller) -> Methods {
        if caller.id().is_some() || !self.methods.contains(Method::Delete) {
            return self.methods;
        }
        let rest = self.methods.without(Method::Delete);
        let credentials = self.anonymous_sessions.is_some() && !rest.on_data().is_empty();
        if credentials { rest } else { rest.without(Method::Sts) }
    }

    fn sessions_of(&self, caller: &Caller) -> &Sessions {
        self.anonymous_sessions.as_ref().filter(|_| caller.id().is_none()).unwrap_or(&self.sessions)
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
    pub(super) fn signing_session(&self, filling: &Filling<'_>) -> Result<Cow<'_, Session>, Unfillable> {
        match &self.sessions_of(filling.caller).signing {
            Some(shared) => Ok(Cow::Borrowed(shared)),
            None => self.session_for(filling, self.signing_prefix().to_owned()).map(Cow::Owned),
        }
    }

    /// A session that may do what the grant says; where the policy is generated, with the keys that begin with `prefix`.
    fn session_for(&self, filling: &Filling<'_>, prefix: String) -> Result<Session, Unfillable> {
        let base = &self.sessions_of(filling.caller).base;
        let session = match &self.policy {
            Policy::Generated => base.below(prefix),
            Policy::Role => base.clone(),
            Policy::Template(template) => base.with_policy(&template.fill(filling)?),
        };
        self.named(session, filling)
    }

    /// `session` by the name that the grant's sessions have for this caller.
    fn named(&self, session: Session, filling: &Filling<'_>) -> Result<Session, Unfillable> {
        if !self.session_name.names_caller() {
            return Ok(session);
        }
        Ok(session.named(session::session_name(&self.session_name.fill(filling)?)))
    }
}
