//! The answers that are written member by member, or as text, as OpenAPI tells them. The others describe themselves.
//!
//! A test holds what a running server answers to these types, and lets no member pass that they do not name.

#![expect(dead_code, reason = "these types are described, not made")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::super::problem::Document;

/// Temporary credentials, and what an SDK wants to know besides.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Credentials {
    #[schema(rename = "AccessKeyId", example = "STS.NUgYrLnoC37mZZCNnAbez")]
    access_key_id: String,
    #[schema(rename = "AccessKeySecret")]
    access_key_secret: String,
    #[schema(rename = "SecurityToken")]
    security_token: String,
    /// When they end.
    #[schema(rename = "Expiration", format = DateTime)]
    expiration: String,
    bucket: String,
    #[schema(example = "cn-hangzhou")]
    region: String,
    #[schema(format = "uri")]
    endpoint: String,
    /// Present where `endpoint` is the bucket's own domain: SDKs have to be told.
    cname: Option<bool>,
    /// The caller's directory: the keys that the credentials are good for begin with it.
    #[schema(example = "uploads/")]
    dir: String,
    /// The time of the answer, by which a page can correct its clock.
    #[schema(format = DateTime)]
    server_time: String,
    /// When to come for the next ones.
    #[schema(format = DateTime)]
    refresh_after: String,
    /// Why it ends sooner than was asked for; absent where it does not.
    #[schema(inline)]
    clamped_by: Option<ClampedBy>,
}

/// A signed form: append each pair of `fields`, then `file` as the last.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SignedForm {
    #[schema(inline)]
    method: Post,
    /// Where to post the form.
    #[schema(format = "uri")]
    url: String,
    /// Every field of the form but `file`.
    fields: BTreeMap<String, String>,
    /// The key of the object; absent where the form takes any that begins with `dir`.
    key: Option<String>,
    /// The same as `url`, by the name of the published samples.
    #[schema(format = "uri")]
    host: String,
    /// The caller's directory.
    dir: String,
    /// The policy in Base64, as it is in `fields`.
    policy: String,
    /// Its signature, as it is in `fields`.
    signature: String,
    /// Who signed.
    oss_access_key_id: String,
    /// Until when the form is taken.
    #[schema(format = DateTime)]
    expiration: String,
    /// The time of the answer.
    #[schema(format = DateTime)]
    server_time: String,
    /// Why it ends sooner than was asked for; absent where it does not.
    #[schema(inline)]
    clamped_by: Option<ClampedBy>,
}

/// A signed URL for one request.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SignedUrl {
    #[schema(inline)]
    method: SignedMethod,
    #[schema(format = "uri")]
    url: String,
    /// The headers that have to be sent as they are.
    headers: BTreeMap<String, String>,
    /// The object.
    key: String,
    /// Until when the URL is good.
    #[schema(format = DateTime)]
    expiration: String,
    /// The time of the answer.
    #[schema(format = DateTime)]
    server_time: String,
    /// Why it ends sooner than was asked for; absent where it does not.
    #[schema(inline)]
    clamped_by: Option<ClampedBy>,
}

/// The answer to a batch.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SignedUrls {
    #[schema(schema_with = super::items)]
    items: Vec<RefusedItem>,
    /// The time of the answer.
    #[schema(format = DateTime)]
    server_time: String,
}

/// An item of a batch that was refused.
#[derive(ToSchema)]
pub(super) struct RefusedItem {
    problem: Document<'static>,
}

/// The grant allows no longer, or the session key lives no longer.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum ClampedBy {
    Grant,
    Session,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
enum Post {
    Post,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
enum SignedMethod {
    Put,
    Get,
    Head,
    Delete,
}
