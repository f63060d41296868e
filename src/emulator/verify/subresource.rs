//! The query parameters that a V1 signature covers.

use std::collections::BTreeMap;

use super::super::wire::Query;

/// `?name=value&name` of the signed parameters, sorted; empty when there are none.
pub(super) fn signed(query: &Query) -> String {
    let mut found = BTreeMap::new();
    for (name, value) in query.pairs().iter().filter(|(name, _)| is_signed(name)) {
        found.entry(name).or_insert(value); // the first of a name counts
    }
    let spelled: Vec<_> = found.into_iter().map(|(name, value)| spell(name, value)).collect();
    if spelled.is_empty() { String::new() } else { format!("?{}", spelled.join("&")) }
}

fn spell(name: &str, value: &str) -> String {
    if value.is_empty() { name.to_owned() } else { format!("{name}={value}") }
}

/// The SDKs' lists differ: this is their union, and every `x-oss-` name, as the Go SDK has it.
fn is_signed(name: &str) -> bool {
    name.starts_with("x-oss-") || NAMES.contains(&name)
}

const NAMES: &[&str] = &[
    "acl",
    "append",
    "asyncFetch",
    "bucketArchiveDirectRead",
    "bucketInfo",
    "callback",
    "callback-var",
    "cloudboxes",
    "cname",
    "comp",
    "continuation-token",
    "cors",
    "delete",
    "encryption",
    "endTime",
    "group",
    "httpsConfig",
    "img",
    "inventory",
    "inventoryId",
    "lifecycle",
    "link",
    "live",
    "location",
    "logging",
    "metaQuery",
    "objectInfo",
    "objectMeta",
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
    "rtc",
    "security-token",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "transferAcceleration",
    "uploadId",
    "uploads",
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
    "accessPoint",
    "accessPointPolicy",
];
