//! A signed form as an answer: the classic names beside the complete fields.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Answer, Granted, Object, json as serialized, written};
use super::offers::Offer;
use crate::json;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::{FormKey, FormPermit, Grant, SignatureVersion};
use crate::signing::post::{self, Conditions, Form};

/// The status that OSS answers a successful upload with: with its own default, 204, some browsers' forms stand still.
const SUCCESS: &str = "200";

pub(super) fn of(offer: &Offer, permit: &FormPermit, key: &Arc<SessionKey>, granted: Granted) -> Answer {
    let grant = &offer.grant;
    let conditions = conditions(grant, permit);
    let signer = offer.signer.of(key, &grant.region, granted.at);
    let form = match permit.signature {
        SignatureVersion::V4 => post::sign_v4(conditions, granted.expiration, &signer, granted.at),
        SignatureVersion::V1 => post::sign_v1(&conditions, granted.expiration, &key.access_key),
    };
    let object = Object::with_capacity(2 * form.policy_length() + key.token().expose().len() + 1200)
        .text("method", "POST")
        .text("url", &grant.address.base)
        .value("fields", |out| push_fields(out, permit, &form));
    let object = match &permit.key {
        FormKey::Exact(key) => object.text("key", key.as_str()),
        FormKey::Below(_) => object,
    };
    let object = object
        .text("host", &grant.address.base)
        .text("dir", &permit.dir)
        .value("policy", |out| {
            out.push('"');
            form.push_policy(out);
            out.push('"');
        })
        .text("signature", form.signature())
        .text("ossAccessKeyId", &key.access_key.id)
        .time("expiration", granted.expiration)
        .time("serverTime", granted.at);
    written(granted.clamped_by.into_iter().fold(object, |object, reason| object.text("clampedBy", reason)).end())
}

/// The five fields of the published samples.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClassicForm)]
pub(super) struct Classic<'a> {
    oss_access_key_id: &'a str,
    policy: &'a str,
    signature: &'a str,
    host: &'a str,
    dir: &'a str,
}

/// Those fields, signed by the AccessKey itself: those pages send no token.
pub(super) fn classic(grant: &Grant, permit: &FormPermit, access_key: &AccessKey, expiration: DateTime<Utc>) -> Answer {
    let form = post::sign_v1(&conditions(grant, permit), expiration, access_key);
    serialized(&Classic {
        oss_access_key_id: &access_key.id,
        policy: &form.policy(),
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
    let bound = Conditions::with_capacity(512).exact("bucket", &grant.bucket);
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

/// Appends everything that a form has to carry, but for `file`, which comes last.
fn push_fields(out: &mut String, permit: &FormPermit, form: &Form<'_>) {
    let any_below;
    let key = match &permit.key {
        FormKey::Exact(key) => key.as_str(),
        FormKey::Below(dir) => {
            any_below = format!("{dir}${{filename}}");
            &any_below
        }
    };
    let content_type = permit.content_type.iter().flat_map(|content_type| {
        [("Content-Type", content_type.as_str()), ("x-oss-content-type", content_type.as_str())]
    });
    out.push_str("{\"key\":");
    json::push_text(out, key);
    out.push(',');
    form.push_members(out);
    for (name, value) in [("success_action_status", SUCCESS)].into_iter().chain(content_type) {
        out.extend([",\"", name, "\":"]);
        json::push_text(out, value);
    }
    out.push('}');
}
