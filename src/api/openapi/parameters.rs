//! What each route takes, as OpenAPI tells it: the tables of `docs/api.md` as types.
//!
//! The routes read parameters by name, from a query as from a body, so these types are never made; a test asks a running
//! server for the names that it knows. A limit in bytes of UTF-8 is told as one in characters, of which there are never
//! more than bytes: what is longer is refused in any case.

#![expect(dead_code, reason = "these types are described, not made")]

use utoipa::ToSchema;

/// What may be said of credentials.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct CredentialsParameters {
    /// The grant; `default` if absent.
    #[schema(example = "default")]
    grant: Option<String>,
    /// The seconds that new credentials shall live; the grant's own duration if absent or if that is shorter.
    #[schema(minimum = 900, maximum = 43_200)]
    duration: Option<u32>,
    /// The seconds that they must still have, if the session can be renewed for that.
    #[schema(minimum = 0, maximum = 43_200)]
    min_remaining: Option<u32>,
}

/// What may be said of a form.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct FormParameters {
    /// The grant; `default` if absent.
    #[schema(example = "default")]
    grant: Option<String>,
    /// The file's own name, from which the grant's `key` template makes the key. Where the template keeps it, it is 1 to 255
    /// bytes without a slash, a backslash or a control character.
    #[schema(example = "photo.png")]
    filename: Option<String>,
    /// The whole key, in UTF-8, which must begin with the directory; not together with `filename`, and not where the grant
    /// has `keys = "server"`. No segment of it is empty, `.` or `..`, and it has no `${`.
    #[schema(min_length = 1, max_length = 1_023, pattern = r"^[^/\\\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    key: Option<String>,
    /// The type; if absent, what the name's extension says, else the grant's default.
    #[schema(
        max_length = 255,
        pattern = r"^ *[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+ *(;[ -~]*)?$",
        example = "image/png"
    )]
    content_type: Option<String>,
    /// The exact size in bytes, if it is known; else the grant's limits are signed.
    #[schema(minimum = 0)]
    size: Option<u64>,
    /// Seconds; at most the grant's `max_expires`.
    #[schema(minimum = 1, maximum = 604_800)]
    expires: Option<u32>,
    /// Whether an object that exists is kept (OSS ignores it in a bucket with versioning).
    forbid_overwrite: Option<bool>,
    /// The scheme: `v4` if absent; `v1` where the grant allows it.
    #[schema(inline)]
    signature_version: Option<SignatureVersion>,
}

/// What may be said of a URL. What has no meaning for the method is refused.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct UrlParameters {
    /// The grant; `default` if absent.
    #[schema(example = "default")]
    grant: Option<String>,
    /// The whole key, in UTF-8, which must begin with the directory; not for a PUT where the grant has `keys = "server"`. No
    /// segment of it is empty, `.` or `..`, and it has no `${`. Signature version v1 cannot sign a `?` in it.
    #[schema(min_length = 1, max_length = 1_023, pattern = r"^[^/\\\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    key: Option<String>,
    /// PUT: the file's own name, from which the grant's `key` template makes the key; in place of `key`. Where the template
    /// keeps it, it is 1 to 255 bytes without a slash, a backslash or a control character.
    #[schema(example = "photo.png")]
    filename: Option<String>,
    /// What the URL is for: `PUT` if absent; each where the grant has it.
    #[schema(inline)]
    method: Option<UrlMethod>,
    /// Seconds; at most the grant's `max_expires`.
    #[schema(minimum = 1, maximum = 604_800)]
    expires: Option<u32>,
    /// PUT: the type; if absent, what the name's extension says, else the grant's default.
    #[schema(
        max_length = 255,
        pattern = r"^ *[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+ *(;[ -~]*)?$",
        example = "image/png"
    )]
    content_type: Option<String>,
    /// PUT: the body's MD5 in Base64, which OSS then checks.
    #[schema(min_length = 24, max_length = 24, pattern = "^[A-Za-z0-9+/]{21}[AQgw]==$")]
    content_md5: Option<String>,
    /// PUT: the exact size in bytes; needed where the grant has `max_size` and not `allow_unsized_put`.
    #[schema(minimum = 0)]
    size: Option<u64>,
    /// GET: processing, of the operations that the grant's `process.allow` lists.
    #[schema(
        min_length = 1,
        max_length = 1_024,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$",
        example = "image/resize,w_200"
    )]
    process: Option<String>,
    /// GET, HEAD: an old version, where the grant has `get-version`.
    #[schema(min_length = 1, max_length = 1_024, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    version_id: Option<String>,
    /// GET: the type of the answer: one of the grant's `content_types`, or any other with an attachment disposition. Without
    /// `content_types`, types that browsers do not run need no attachment.
    #[schema(min_length = 1, max_length = 1_024, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    response_content_type: Option<String>,
    /// GET: how a browser shall take the answer.
    #[schema(
        min_length = 1,
        max_length = 1_024,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$",
        example = "attachment; filename=\"report.pdf\""
    )]
    response_content_disposition: Option<String>,
    /// PUT: the storage class of the object, if the grant's `object.storage_classes` lists it.
    #[schema(inline)]
    storage_class: Option<StorageClass>,
    /// PUT: refuse if the object exists (OSS ignores it in a bucket with versioning).
    forbid_overwrite: Option<bool>,
    /// PUT, GET: bits a second.
    #[schema(minimum = 819_200, maximum = 838_860_800)]
    traffic_limit: Option<u32>,
    /// The scheme: `v4` if absent; `v1` where the grant allows it.
    #[schema(inline)]
    signature_version: Option<SignatureVersion>,
}

/// Several URLs at once. An item that is refused says why in its place, and the others are signed all the same.
#[derive(ToSchema)]
pub(super) struct UrlBatch {
    /// The grant of the items that name none.
    grant: Option<String>,
    /// What each URL is to be.
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<UrlParameters>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum SignatureVersion {
    V4,
    V1,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
enum UrlMethod {
    Put,
    Get,
    Head,
    Delete,
}

#[derive(ToSchema)]
enum StorageClass {
    Standard,
    #[schema(rename = "IA")]
    InfrequentAccess,
    Archive,
    ColdArchive,
    DeepColdArchive,
}
