//! A signed form as an answer: the classic names beside the complete fields.

use std::sync::Arc;

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::App;
use super::answer::{Granted, json, time};
use crate::keys::{AccessKey, SessionKey};
use crate::policy::{FormKey, FormPermit, Grant, SignatureVersion};
use crate::signing::post::{self, Conditions, Form};

/// The status that OSS answers a successful upload with: with its own default, 204, some browsers' forms stand still.
const SUCCESS: &str = "200";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    method: &'static str,
    url: &'a str,
    fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    host: &'a str,
    dir: &'a str,
    policy: &'a str,
    signature: &'a str,
    oss_access_key_id: &'a str,
    expiration: String,
    server_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    clamped_by: Option<&'static str>,
}

pub(super) fn of(app: &App, grant: &Grant, permit: &FormPermit, key: &Arc<SessionKey>, granted: Granted) -> Response {
    let conditions = conditions(grant, permit);
    let signer = app.grants.get(&grant.name).expect("known").signer.of(key, &grant.region, granted.at);
    let form = match permit.signature {
        SignatureVersion::V4 => post::sign_v4(conditions, granted.expiration, &signer, granted.at),
        SignatureVersion::V1 => post::sign_v1(&conditions, granted.expiration, &key.access_key),
    };
    json(&Answer {
        method: "POST",
        url: &grant.address.base,
        fields: fields(permit, &form),
        key: match &permit.key {
            FormKey::Exact(key) => Some(key.as_str()),
            FormKey::Below(_) => None,
        },
        host: &grant.address.base,
        dir: &permit.dir,
        policy: form.policy(),
        signature: form.signature(),
        oss_access_key_id: &key.access_key.id,
        expiration: time(granted.expiration),
        server_time: time(granted.at),
        clamped_by: granted.clamped_by,
    })
}

/// The five fields of the published samples, signed by the AccessKey itself: those pages send no token.
pub(super) fn classic(
    grant: &Grant,
    permit: &FormPermit,
    access_key: &AccessKey,
    expiration: DateTime<Utc>,
) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Classic<'a> {
        oss_access_key_id: &'a str,
        policy: &'a str,
        signature: &'a str,
        host: &'a str,
        dir: &'a str,
    }
    let form = post::sign_v1(&conditions(grant, permit), expiration, access_key);
    json(&Classic {
        oss_access_key_id: &access_key.id,
        policy: form.policy(),
        signature: form.signature(),
        host: &grant.address.base,
        dir: &permit.dir,
    })
}

/// The conditions that a form of this permit is bound to, beside those that its signature adds.
///
/// # Panics
/// Never: conditions are written as JSON.
#[must_use]
pub fn form_conditions(grant: &Grant, permit: &FormPermit) -> Value {
    let policy = conditions(grant, permit).to_policy(DateTime::UNIX_EPOCH);
    let mut policy: Value = serde_json::from_str(&policy).expect("conditions are written as JSON");
    policy["conditions"].take()
}

/// What OSS checks. A field that no condition names is taken with any value, so all that matters is named: also
/// `x-oss-content-type`, which would otherwise overrule the type that was agreed.
fn conditions(grant: &Grant, permit: &FormPermit) -> Conditions {
    let bound = Conditions::new().exact("bucket", &grant.bucket);
    let bound = match &permit.key {
        FormKey::Exact(key) => bound.exact("key", key.as_str()),
        FormKey::Below(dir) => bound.starts_with("key", dir),
    };
    let bound = bound.content_length(permit.sizes.0..=permit.sizes.1).exact("success_action_status", SUCCESS);
    let types = || permit.content_types.iter().map(String::as_str);
    if permit.content_types.is_empty() {
        return bound;
    }
    bound.one_of("content-type", types()).one_of("x-oss-content-type", types())
}

/// Everything that a form has to carry, but for `file`, which comes last.
fn fields(permit: &FormPermit, form: &Form<'_>) -> Map<String, Value> {
    let key = match &permit.key {
        FormKey::Exact(key) => key.as_str().to_owned(),
        FormKey::Below(dir) => format!("{dir}${{filename}}"),
    };
    let mut fields = Map::new();
    fields.insert("key".into(), key.into());
    fields.extend(form.fields().map(|(name, value)| (name.to_owned(), value.into())));
    fields.insert("success_action_status".into(), SUCCESS.into());
    if let Some(content_type) = &permit.content_type {
        fields.insert("Content-Type".into(), content_type.as_str().into());
        fields.insert("x-oss-content-type".into(), content_type.as_str().into());
    }
    fields
}
