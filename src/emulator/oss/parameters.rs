//! Which query parameters each operation takes, so that none chooses an operation that the emulator does not have.
//!
//! OSS chooses many operations by the name of a query parameter (`PUT /key?legalHold` is no upload), and ignores names that
//! it does not know. The emulator cannot know every name that OSS will learn, so the two kinds of request differ:
//!
//! - A request that changes something has only parameters that its operation takes. Anything else is 501: it could choose
//!   another operation, which must not end as an upload or a removal.
//! - A request that only reads ignores names that no SDK knows, as OSS does (cache busters, for example). A name that some
//!   SDK sends is 501 unless the operation takes it, whatever its case.

use axum::http::Method;

use super::super::wire::Query;
use super::operation::Operation;

/// Signatures, and what any signed URL may carry beside its own parameters.
const COMMON: &[&str] = &[
    "Expires",
    "OSSAccessKeyId",
    "Signature",
    "security-token",
    "x-oss-ac-forward-allow",
    "x-oss-ac-source-ip",
    "x-oss-ac-subnet-mask",
    "x-oss-ac-vpc-id",
    "x-oss-additional-headers",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-expires",
    "x-oss-request-payer",
    "x-oss-security-token",
    "x-oss-signature",
    "x-oss-signature-version",
];

const READ: &[&str] = &[
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "versionId",
    "x-oss-process",
    "x-oss-traffic-limit",
];

/// Names by which an SDK, of any language, chooses an operation or a variant of one, beside those that begin with `x-oss-`.
const KNOWN: &[&str] = &[
    "accessPoint",
    "accessPointConfigForObjectProcess",
    "accessPointForObjectProcess",
    "accessPointPolicy",
    "accessPointPolicyForObjectProcess",
    "accessmonitor",
    "acl",
    "append",
    "asyncFetch",
    "bucketArchiveDirectRead",
    "bucketInfo",
    "callback",
    "callback-var",
    "cleanRestoredObject",
    "cloudboxes",
    "cname",
    "comp",
    "continuation-token",
    "cors",
    "dataPipeline",
    "delete",
    "encryption",
    "endTime",
    "group",
    "httpsConfig",
    "img",
    "inventory",
    "inventoryId",
    "legalHold",
    "lifecycle",
    "link",
    "live",
    "location",
    "logging",
    "metaQuery",
    "objectInfo",
    "objectMeta",
    "objectWorm",
    "overwriteConfig",
    "partNumber",
    "policy",
    "policyStatus",
    "position",
    "processConf",
    "publicAccessBlock",
    "qos",
    "qosInfo",
    "qosRequester",
    "redundancyTransition",
    "referer",
    "regionList",
    "regions",
    "replication",
    "replicationLocation",
    "replicationProgress",
    "requestPayment",
    "requesterQosInfo",
    "resourceGroup",
    "resourcePool",
    "resourcePoolBuckets",
    "resourcePoolInfo",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "responseHeader",
    "restore",
    "retention",
    "rtc",
    "seal",
    "security-token",
    "select",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "torrent",
    "transferAcceleration",
    "udf",
    "udfApplication",
    "udfApplicationLog",
    "udfId",
    "udfImage",
    "udfImageDesc",
    "udfName",
    "uploadId",
    "uploads",
    "userDefinedLogFieldsConfig",
    "versionId",
    "versioning",
    "versions",
    "vip",
    "vod",
    "vpcip",
    "website",
    "withHashContext",
    "worm",
    "wormExtend",
    "wormId",
];

/// Whether `operation` takes all parameters of a request that asks for it by `method`.
pub(super) fn fit(operation: Operation, method: &Method, query: &Query) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let takes = |name: &str| COMMON.contains(&name) || of(operation).contains(&name);
    query.pairs().iter().all(|(name, _)| takes(name) || (reads && !is_known(name)))
}

fn is_known(name: &str) -> bool {
    let prefixed = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-oss-"));
    prefixed || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What an operation takes beside [`COMMON`].
fn of(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::AbortMultipartUpload => &["uploadId"],
        Operation::AppendObject => &["append", "position", "x-oss-traffic-limit"],
        Operation::CompleteMultipartUpload => &["callback", "callback-var", "encoding-type", "uploadId"],
        Operation::CopyObject => &["x-oss-traffic-limit"],
        Operation::DeleteBucketCors | Operation::GetBucketCors | Operation::PutBucketCors => &["cors"],
        Operation::DeleteBucketLifecycle | Operation::GetBucketLifecycle | Operation::PutBucketLifecycle => {
            &["lifecycle"]
        }
        Operation::DeleteMultipleObjects => &["delete", "encoding-type"],
        Operation::DeleteObject => &["versionId"],
        Operation::GetBucketAcl | Operation::PutBucketAcl => &["acl"],
        Operation::GetBucketInfo => &["bucketInfo"],
        Operation::GetBucketLocation => &["location"],
        Operation::GetBucketStat => &["stat"],
        Operation::GetBucketVersioning | Operation::PutBucketVersioning => &["versioning"],
        Operation::GetObject | Operation::HeadObject => READ,
        Operation::GetObjectAcl | Operation::PutObjectAcl => &["acl", "versionId"],
        Operation::GetObjectMeta => &["objectMeta", "versionId"],
        Operation::DeleteObjectTagging | Operation::GetObjectTagging | Operation::PutObjectTagging => {
            &["tagging", "versionId"]
        }
        Operation::GetSymlink => &["symlink", "versionId"],
        Operation::InitiateMultipartUpload => &["encoding-type", "sequential", "uploads"],
        Operation::ListBuckets => &["marker", "max-keys", "prefix"],
        Operation::ListMultipartUploads => {
            &["delimiter", "encoding-type", "key-marker", "max-uploads", "prefix", "upload-id-marker", "uploads"]
        }
        Operation::ListObjectVersions => {
            &["delimiter", "encoding-type", "key-marker", "max-keys", "prefix", "version-id-marker", "versions"]
        }
        Operation::ListObjects => &["delimiter", "encoding-type", "marker", "max-keys", "prefix"],
        Operation::ListObjectsV2 => &[
            "continuation-token",
            "delimiter",
            "encoding-type",
            "fetch-owner",
            "list-type",
            "max-keys",
            "prefix",
            "start-after",
        ],
        Operation::ListParts => &["encoding-type", "max-parts", "part-number-marker", "uploadId"],
        Operation::PutObject => &["callback", "callback-var", "x-oss-traffic-limit"],
        Operation::PutSymlink => &["symlink"],
        Operation::RestoreObject => &["restore", "versionId"],
        Operation::UploadPart | Operation::UploadPartCopy => &["partNumber", "uploadId", "x-oss-traffic-limit"],
        Operation::DeleteBucket
        | Operation::OptionObject
        | Operation::PostObject
        | Operation::PutBucket
        | Operation::Other
        | Operation::NotAllowed => &[],
    }
}
