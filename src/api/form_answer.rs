//! A signed form as an answer: the classic names beside the complete fields.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Answer, Granted, json as serialized};
use super::offers::Offer;
use crate::json;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::{FormKey, FormPermit, Grant, SignatureVersion};
use crate::signing::moment::Extended;
use crate::signing::post::{self, Conditions, Form};

/// The status that OSS answers a successful upload with: with its own default, 204, some browsers' forms stand still.
const SUCCESS: &str = "200";

/// The field by which OSS keeps an object that exists.
const FORBID_OVERWRITE: &str = "x-oss-forbid-overwrite";

/// What all forms of a grant have in common, prepared at start.
#[derive(Debug)]
pub(super) struct Common {
    /// The address, as answers have it.
    address: String,
    bucket: Conditions,
    /// The sizes that the grant allows.
    sizes: (u64, u64),
    /// Those, and the status.
    any_size: Conditions,
    status: Conditions,
    /// The fields with fixed values: what binds them, and what sends them, as members of `fields`.
    fixed: Conditions,
    fixed_members: String,
}

impl Common {
    pub(super) fn of(grant: &Grant) -> Self {
        let status = Conditions::new().exact("success_action_status", SUCCESS);
        let mut address = String::new();
        json::push_text(&mut address, &grant.address.base);
        Self {
            address,
            bucket: Conditions::new().exact("bucket", &grant.bucket),
            sizes: (*grant.sizes.start(), *grant.sizes.end()),
            any_size: Conditions::new().content_length(grant.sizes.clone()).with(&status),
            status,
            fixed: grant
                .form_fields
                .iter()
                .fold(Conditions::new(), |bound, field| bound.exact(field.condition, &field.value)),
            fixed_members: grant.form_fields.iter().fold(String::new(), |mut members, field| {
                push_member(&mut members, field.name, &field.value);
                members
            }),
        }
    }

    /// What OSS checks. A field that no condition names is taken with any value, so all that matters is named: also
    /// `x-oss-content-type`, which would otherwise overrule the type that was agreed.
    fn with(&self, permit: &FormPermit<'_>) -> Conditions {
        let bound = Conditions::with_capacity(512).with(&self.bucket);
        let bound = match &permit.key {
            FormKey::Exact(key) => bound.exact("key", key.as_str()),
            FormKey::Below(dir) => bound.starts_with("key", dir),
        };
        let bound = if permit.sizes == self.sizes {
            bound.with(&self.any_size)
        } else {
            bound.content_length(permit.sizes.0..=permit.sizes.1).with(&self.status)
        };
        let bound = bound.with(&self.fixed);
        let bound = if permit.forbid_overwrite { bound.exact(FORBID_OVERWRITE, "true") } else { bound };
        match permit.content_type.as_deref() {
            Some(only) => bound.one_of("content-type", [only]).one_of("x-oss-content-type", [only]),
            None => bound,
        }
    }
}

/// The answer, written in one go. Only what the configuration, the caller or STS chose can have something to escape.
pub(super) fn of(offer: &Offer, permit: &FormPermit<'_>, key: &Arc<SessionKey>, granted: Granted) -> Answer {
    let grant = &offer.grant;
    let conditions = offer.forms.with(permit);
    let signer = offer.signer.of(key, &grant.region, granted.at);
    let form = match permit.signature {
        SignatureVersion::V4 => post::sign_v4(conditions, granted.expiration, &signer, granted.at),
        SignatureVersion::V1 => post::sign_v1(&conditions, granted.expiration, &key.access_key),
    };
    let mut out = json::with_room(room(grant, permit, key, &form, offer.forms.fixed_members.len()));
    let address = &offer.forms.address;
    out.extend([r#"{"method":"POST","url":"#, address, r#","fields":{"key":"#]);
    let key_text = push_fields(&mut out, permit, &form);
    out.push_str(&offer.forms.fixed_members);
    out.push('}');
    if let FormKey::Exact(_) = &permit.key {
        out.push_str(r#","key":"#);
        out.extend_from_within(key_text);
    }
    out.extend([r#","host":"#, address]);
    out.push_str(r#","dir":"#);
    json::push_text(&mut out, permit.dir());
    out.push_str(r#","policy":""#);
    form.push_policy(&mut out);
    out.extend([r#"","signature":""#, form.signature(), r#"","ossAccessKeyId":"#]);
    json::push_text(&mut out, &key.access_key.id);
    let (expiration, server_time) = (Extended::of(granted.expiration), Extended::of(granted.at));
    out.extend([r#","expiration":""#, expiration.as_str(), r#"","serverTime":""#, server_time.as_str()]);
    if let Some(reason) = granted.clamped_by {
        out.extend([r#"","clampedBy":""#, reason]);
    }
    out.push_str("\"}");
    Answer::Json(out)
}

/// How many bytes most answers have.
fn room(grant: &Grant, permit: &FormPermit<'_>, key: &SessionKey, form: &Form<'_>, fixed: usize) -> usize {
    const REST: usize = 896;
    let texts = 2 * grant.address.base.len() + 3 * permit.key.as_str().len() + key.token().expose().len();
    REST + texts + fixed + 2 * form.policy_length()
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
pub(super) fn classic(
    grant: &Grant,
    permit: &FormPermit<'_>,
    access_key: &AccessKey,
    expiration: DateTime<Utc>,
) -> Answer {
    let form = post::sign_v1(&Common::of(grant).with(permit), expiration, access_key);
    serialized(&Classic {
        oss_access_key_id: &access_key.id,
        policy: &form.policy(),
        signature: form.signature(),
        host: &grant.address.base,
        dir: permit.dir(),
    })
}

/// The conditions that a form of this permit is bound to, beside those that its signature adds.
///
/// # Panics
/// Never: conditions are written as JSON.
#[must_use]
pub fn form_conditions(grant: &Grant, permit: &FormPermit<'_>) -> Value {
    let policy = Common::of(grant).with(permit).to_policy(DateTime::UNIX_EPOCH);
    let mut policy: Value = serde_json::from_str(&policy).expect("conditions are written as JSON");
    policy["conditions"].take()
}

/// Appends everything that a form has to carry, from the value of its member `key` on, but for `file`, which comes last.
/// Says where that value stands.
fn push_fields(out: &mut String, permit: &FormPermit<'_>, form: &Form<'_>) -> Range<usize> {
    let begin = out.len();
    match &permit.key {
        FormKey::Exact(key) => json::push_text(out, key.as_str()),
        FormKey::Below(dir) => json::push_text(out, &[dir, "${filename}"].concat()),
    }
    let key = begin..out.len();
    out.push(',');
    form.push_members(out);
    out.extend([",\"success_action_status\":\"", SUCCESS, "\""]);
    if let Some(content_type) = &permit.content_type {
        for name in ["Content-Type", "x-oss-content-type"] {
            push_member(out, name, content_type);
        }
    }
    if permit.forbid_overwrite {
        push_member(out, FORBID_OVERWRITE, "true");
    }
    key
}

/// Appends a member to an object that has one already.
fn push_member(out: &mut String, name: &str, value: &str) {
    out.extend([",\"", name, "\":"]);
    json::push_text(out, value);
}
