//! Signature V1 (HMAC-SHA1), the older scheme of OSS; closed to new accounts and buckets since 2025.
//!
//! <https://www.alibabacloud.com/help/en/oss/developer-reference/include-signatures-in-the-authorization-header>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::{Request, keyed, lower_case};
use crate::keys::{AccessKey, Secret};

/// The query parameters that are signed, beside all that begin with `x-oss-`: the union of what the official SDKs sign.
#[rustfmt::skip]
const SUB_RESOURCES: &[&str] = &[
    "accessPoint", "accessPointPolicy", "acl", "append", "asyncFetch", "bucketArchiveDirectRead", "bucketInfo",
    "callback", "callback-var", "cloudboxes", "cname", "comp", "continuation-token", "cors", "delete", "encryption",
    "endTime", "group", "httpsConfig", "img", "inventory", "inventoryId", "lifecycle", "link", "live", "location",
    "logging", "metaQuery", "objectInfo", "objectMeta", "partNumber", "policy", "policyStatus", "position",
    "processConf", "publicAccessBlock", "qos", "qosInfo", "qosRequester", "redundancyTransition", "referer",
    "regionList", "replication", "replicationLocation", "replicationProgress", "requestPayment", "requesterQosInfo",
    "resourceGroup", "resourcePool", "resourcePoolBuckets", "resourcePoolInfo", "response-cache-control",
    "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type",
    "response-expires", "responseHeader", "restore", "rtc", "security-token", "sequential", "startTime", "stat",
    "status", "style", "styleName", "symlink", "tagging", "transferAcceleration", "uploadId", "uploads", "versionId",
    "versioning", "versions", "vip", "vod", "vpcip", "website", "withHashContext", "worm", "wormExtend", "wormId",
];

/// Stages 1 and 2 in one, for this scheme hashes nothing in between: decoded text, not encoded.
///
/// `date` is the `x-oss-date` header where there is one, else `Date`; in a URL it is the text of `Expires`.
#[must_use]
pub fn string_to_sign(request: &Request<'_>, date: &str) -> String {
    let header = |wanted: &str| {
        let found = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or("", |(_, value)| value.trim())
    };
    let mut text = [request.method, header("content-md5"), header("content-type"), date].join("\n");
    text.push('\n');
    push_headers(&mut text, request.headers);
    push_resource(&mut text, request);
    push_sub_resources(&mut text, request.query);
    text
}

/// Stage 3: the Base64 of the HMAC.
#[must_use]
pub fn signature(string_to_sign: &str, secret: &Secret) -> String {
    let mut mac: Hmac<Sha1> = keyed(secret.expose());
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Stage 4 in headers: those that sign `request`; they go out beside those it already has.
///
/// One of them is the key's token: keep them out of logs. OSS allows the clock to be 15 minutes off. The time goes as
/// `x-oss-date`, for a browser may not set `Date`.
#[must_use]
pub fn sign_headers(request: &Request<'_>, access_key: &AccessKey, at: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let date = at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut added = vec![("x-oss-date", date.clone())];
    added.extend(access_key.token.as_ref().map(|token| ("x-oss-security-token", token.expose().to_owned())));
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let text = string_to_sign(&Request { headers: &headers, ..*request }, &date);
    added.push(("authorization", format!("OSS {}:{}", access_key.id, signature(&text, &access_key.secret))));
    added
}

fn push_headers(text: &mut String, headers: &[(&str, &str)]) {
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (lower_case(name), value.trim())).collect();
    headers.retain(|(name, _)| name.starts_with("x-oss-"));
    headers.sort_unstable();
    for (name, value) in headers {
        text.extend([&name, ":", value, "\n"]);
    }
}

fn push_resource(text: &mut String, request: &Request<'_>) {
    text.push('/');
    if let Some(bucket) = request.bucket {
        text.extend([bucket, "/", request.key.unwrap_or_default()]);
    }
}

fn push_sub_resources(text: &mut String, query: &[(&str, &str)]) {
    let mut signed: Vec<_> = query.iter().filter(|(name, _)| is_signed(name)).collect();
    signed.sort_unstable();
    for (at, (name, value)) in signed.into_iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(name);
        if !value.is_empty() {
            text.extend(["=", value]);
        }
    }
}

fn is_signed(name: &str) -> bool {
    name.starts_with("x-oss-") || SUB_RESOURCES.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUERY: [(&str, &str); 5] =
        [("uploads", ""), ("prefix", "p"), ("x-oss-process", "image/info"), ("response-expires", "a b"), ("acl", "")];
    const HEADERS: [(&str, &str); 4] = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("X-Oss-Meta-B", " 2 "),
        ("x-oss-acl", "private"),
        ("Host", "h"),
    ];

    fn request<'a>(query: &'a [(&'a str, &'a str)], headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request { method: "PUT", bucket: Some("b"), key: Some("a/测 +"), query, headers, ..Request::default() }
    }

    #[test]
    fn the_list_of_sub_resources_is_sorted() {
        assert!(SUB_RESOURCES.is_sorted());
    }

    #[test]
    fn the_text_holds_decoded_values_and_signs_only_what_is_listed() {
        assert_eq!(
            string_to_sign(&request(&QUERY, &HEADERS), "DATE"),
            "PUT\n\ntext/plain; charset=utf-8\nDATE\nx-oss-acl:private\nx-oss-meta-b:2\n\
             /b/a/测 +?acl&response-expires=a b&uploads&x-oss-process=image/info"
        );
    }

    #[test]
    fn the_worked_example_of_the_documentation_holds() {
        let request = Request {
            method: "PUT",
            bucket: Some("examplebucket"),
            key: Some("nelson"),
            headers: &[
                ("Content-MD5", "eB5eJF1ptWaXm4bijSPyxw=="),
                ("Content-Type", "text/html"),
                ("x-oss-meta-author", "alice"),
                ("x-oss-meta-magic", "abracadabra"),
                ("x-oss-date", "Wed, 28 Dec 2022 10:27:41 GMT"),
            ],
            ..Request::default()
        };
        let text = string_to_sign(&request, "Wed, 28 Dec 2022 10:27:41 GMT");
        assert_eq!(signature(&text, &Secret::new("sk")), "kSHKmLxlyEAKtZPkJhG9bZb5k7M=");
    }

    #[test]
    fn the_headers_carry_date_token_and_signature() {
        let access_key = AccessKey { id: "ak".into(), secret: Secret::new("sk"), token: Some(Secret::new("token")) };
        let added = sign_headers(&request(&[], &[]), &access_key, "2025-02-14T08:09:10Z".parse().unwrap());
        assert_eq!(added[0], ("x-oss-date", "Fri, 14 Feb 2025 08:09:10 GMT".into()));
        assert_eq!(added[1], ("x-oss-security-token", "token".into()));
        assert!(added[2].1.starts_with("OSS ak:"));
    }

    proptest! {
        #[test]
        fn the_order_of_query_and_headers_does_not_matter(
            query in Just(QUERY.to_vec()).prop_shuffle(),
            headers in Just(HEADERS.to_vec()).prop_shuffle(),
        ) {
            prop_assert_eq!(
                string_to_sign(&request(&query, &headers), ""),
                string_to_sign(&request(&QUERY, &HEADERS), "")
            );
        }
    }
}
