//! `/grants`: what this caller may ask for, with its limits.
//!
//! A grant that is for others, or that cannot be filled for this caller, is not listed. That it exists is no secret all
//! the same: grants are named by pages, so an unknown one is 404 to everyone and one that is for others 403.

use axum::body::Body;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{self, json, time};
use super::parameters::Parameters;
use super::problem::Problem;
use super::visit::Visit;
use crate::caller::Caller;
use crate::policy::{self, Grant, Method, StorageClass};

/// What this caller may ask for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Grants)]
pub(super) struct Answer<'a> {
    /// Who the server takes the caller for; absent for an anonymous one.
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    grants: Vec<Offer<'a>>,
    #[schema(format = DateTime)]
    server_time: String,
}

/// A grant, and its limits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Grant)]
struct Offer<'a> {
    name: &'a str,
    methods: Vec<&'static str>,
    bucket: &'a str,
    region: &'a str,
    endpoint: &'a str,
    dir: String,
    min_size: u64,
    max_size: u64,
    /// Whether a URL that uploads has to say `size`.
    size_required: bool,
    /// Empty means any.
    content_types: &'a [String],
    #[schema(inline)]
    keys: NamedBy,
    /// What a URL may say as `storageClass`; empty means nothing.
    storage_classes: Vec<&'static str>,
    expires: u32,
    max_expires: u32,
    /// The longest life of credentials, in seconds.
    duration: u32,
    signature_versions: &'static [&'static str],
    /// Whether RAM confines the session that signs GET and HEAD to `dir`; absent where the grant has neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<&'static str>,
}

/// Who names the objects that are uploaded: `server` means that uploads send `filename` and never `key`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum NamedBy {
    Caller,
    Server,
}

pub(super) async fn answer(visit: &mut Visit<'_>) -> Result<answer::Answer, Problem> {
    let (app, now) = (visit.app, visit.machine_time());
    let caller = app.admit(visit).await?.caller;
    Parameters::read(visit.head, Body::empty(), &[], app.body_limit).await?;
    let grants = app.grants.grants().filter_map(|grant| offer(grant, &caller, now)).collect();
    Ok(json(&Answer { caller: caller.id(), grants, server_time: time(now) }))
}

fn offer<'a>(grant: &'a Grant, caller: &Caller, now: DateTime<Utc>) -> Option<Offer<'a>> {
    Some(Offer {
        dir: grant.offer(caller, now).ok()?,
        name: &grant.name,
        methods: grant.methods_for(caller).iter().map(Method::name).collect(),
        bucket: &grant.bucket,
        region: &grant.region,
        endpoint: &grant.address.endpoint,
        min_size: *grant.sizes.start(),
        max_size: *grant.sizes.end(),
        size_required: grant.size_required,
        content_types: &grant.content_types,
        keys: match grant.keys {
            policy::NamedBy::Caller => NamedBy::Caller,
            policy::NamedBy::Server => NamedBy::Server,
        },
        storage_classes: grant.object.choices().map(StorageClass::name).collect(),
        expires: grant.expires,
        max_expires: grant.max_expires,
        duration: grant.duration(),
        signature_versions: if grant.signature_v1 { &["v4", "v1"] } else { &["v4"] },
        reads: grant.signs_reads().then(|| grant.reads().name()),
    })
}
