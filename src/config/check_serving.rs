//! Grants that do not go together with how they are served: to callers without proof, or on the samples' paths.

use super::settings::{AuthSettings, ClassicSettings};
use crate::policy::{Grant, Method, NamedBy};

const DELETE: &str = "has \"delete\", and no caller can prove who it is: anyone could delete what others have uploaded. Take \
                      \"delete\" out of methods, or configure [[auth.jwt]], [auth.forward], [auth.proxy] or \
                      [[auth.api_keys]]";

/// What does not fit: the key of the grant, and the predicate.
pub(super) fn misuses(grant: &Grant, auth: &AuthSettings, classic: &ClassicSettings) -> Vec<(&'static str, String)> {
    let mut misuses = Vec::new();
    let open = grant.audience.is_open() && !grant.names_caller();
    if open && grant.methods.contains(Method::Delete) && !auth.knows_callers() {
        misuses.push(("methods", DELETE.to_owned()));
    }
    if classic.enabled && classic.grant == grant.name {
        misuses.extend(on_classic_paths(grant));
    }
    misuses
}

/// The sample pages send no size, no header but `Content-Type`, no field of ours, and a key of their own.
fn on_classic_paths(grant: &Grant) -> Vec<(&'static str, String)> {
    let has = |method| grant.methods.contains(method);
    let forms_send = has(Method::Post) && !grant.form_fields.is_empty();
    let urls_send = has(Method::Put) && (grant.object.acl.is_some() || grant.object.storage_class.is_some());
    let misuses = [
        (
            has(Method::Put) && grant.size_required,
            "max_size",
            "limits uploads, and the URLs of [classic] carry no size: set allow_unsized_put = true if they may be larger \
             than max_size, or name another grant in classic.grant",
        ),
        (
            has(Method::Post) && grant.keys == NamedBy::Server,
            "keys",
            "is \"server\", and the forms of [classic] name their objects: set keys = \"caller\", or name another grant in \
             classic.grant",
        ),
        (
            forms_send && grant.object.strict_form,
            "strict_form",
            "adds form fields that the sample pages of [classic] do not send: leave it out, or name another grant in \
             classic.grant",
        ),
        (
            (forms_send && !grant.object.strict_form) || urls_send,
            "object",
            "adds form fields or headers that the sample pages of [classic] do not send: leave it out, or name another \
             grant in classic.grant",
        ),
    ];
    let told = misuses.into_iter().filter(|(misused, ..)| *misused);
    told.map(|(_, key, problem)| (key, problem.to_owned())).collect()
}
