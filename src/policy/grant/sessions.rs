//! The sessions of a grant, prepared at start; those of callers without proof may not delete.

use super::super::method::{Method, Methods};
use super::super::object_settings::ObjectAcl;
use super::super::session::{self, Role, Session};
use super::super::template::Template;
use super::super::written::Written;
use super::{GrantSpec, Policy};

/// What all sessions of a grant have in common.
#[derive(Debug)]
pub(super) struct Sessions {
    /// With the name, if all have the same. It has all rights of the role.
    pub(super) base: Session,
    /// The session that signs forms and URLs, if it is one for all callers.
    pub(super) signing: Option<Session>,
}

/// What the sessions of a grant are written from.
#[derive(Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) spec: &'a GrantSpec,
    pub(super) dir: &'a Template,
    pub(super) session_name: &'a Template,
    pub(super) policy: &'a Policy,
    /// The ACL that uploads send.
    pub(super) acl: Option<ObjectAcl>,
}

impl Sessions {
    pub(super) fn new(basis: Basis<'_>) -> Self {
        Self::with_methods(basis, basis.spec.methods)
    }

    /// The sessions of callers without proof, where they differ: a policy of the operator's stays as it is written.
    pub(super) fn anonymous(basis: Basis<'_>) -> Option<Self> {
        let GrantSpec { methods, audience, .. } = basis.spec;
        let differ =
            methods.contains(Method::Delete) && audience.is_open() && matches!(basis.policy, Policy::Generated);
        differ.then(|| Self::with_methods(basis, methods.without(Method::Delete)))
    }

    fn with_methods(basis: Basis<'_>, methods: Methods) -> Self {
        let Basis { spec, dir, session_name, policy, acl } = basis;
        let (role, name) = (role(spec), name(session_name));
        let base = match policy {
            Policy::Generated => {
                let written = Written::new(methods, &spec.bucket, acl);
                Session::with_written(role, &name, written, spec.duration)
            }
            Policy::Role | Policy::Template(_) => Session::new(role, &name, spec.duration),
        };
        let signing = match policy {
            Policy::Generated => Some(base.below(dir.fixed_start().to_owned())),
            Policy::Role => Some(base.clone()),
            Policy::Template(_) => None,
        };
        Self { signing: signing.filter(|_| !session_name.names_caller()), base }
    }
}

/// The session that GET and HEAD are signed with where they are confined to a caller's directory: it may only read.
pub(super) fn confined_reader(basis: Basis<'_>) -> Session {
    let Basis { spec, session_name, policy, .. } = basis;
    let reads = spec.methods.reading();
    let written = match policy {
        Policy::Role => Written::of_role_reads(reads, &spec.bucket),
        Policy::Generated | Policy::Template(_) => Written::new(reads, &spec.bucket, None),
    };
    Session::with_written(role(spec), &name(session_name), written, spec.duration)
}

fn role(spec: &GrantSpec) -> Role {
    Role {
        arn: spec.role_arn.clone(),
        external_id: spec.external_id.clone(),
        source_identity: spec.source_identity.clone(),
    }
}

fn name(session_name: &Template) -> String {
    session_name.as_fixed().map(session::session_name).unwrap_or_default()
}
