//! ACS3-HMAC-SHA256, the scheme that STS's own SDKs speak today: time, nonce and action travel in headers.
//!
//! <https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature>

use std::borrow::Cow;
use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::moment::Extended;
use super::rpc::{self, Parameters};
use super::{Stamp, keyed, lower_case};
use crate::keys::{AccessKey, Secret};

/// A request to sign, with decoded values.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In upper case.
    pub method: &'a str,
    /// As it goes over the wire; `/` for STS.
    pub path: &'a str,
    /// The query parameters.
    pub query: &'a Parameters<'a>,
    /// Every header that is to be signed: `host`, `x-acs-action`, `x-acs-version`, and `content-type` if there is one.
    pub headers: &'a [(&'a str, &'a str)],
    /// What [`body_sha256`] says of the body.
    pub body_sha256: &'a str,
}

/// The headers that sign `request`; they go out beside those it already has.
///
/// One of them is the key's token: keep them out of logs.
#[must_use]
pub fn sign(request: &Request<'_>, access_key: &AccessKey, stamp: Stamp<'_>) -> Vec<(&'static str, String)> {
    let mut added = vec![
        ("x-acs-content-sha256", request.body_sha256.to_owned()),
        ("x-acs-date", Extended::of(stamp.at).as_str().to_owned()),
        ("x-acs-signature-nonce", stamp.nonce.to_owned()),
    ];
    added.extend(access_key.token.as_ref().map(|token| ("x-acs-security-token", token.expose().to_owned())));
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let authorization = authorization(&Request { headers: &headers, ..*request }, access_key);
    added.push(("authorization", authorization));
    added
}

/// The lower-case hexadecimal SHA-256 of `body`.
#[must_use]
pub fn body_sha256(body: &[u8]) -> String {
    const_hex::encode(Sha256::digest(body))
}

/// Stage 1: the request in six parts, a line or a block each.
#[must_use]
pub fn canonical_request(request: &Request<'_>) -> String {
    let Request { method, path, query, body_sha256, .. } = request;
    let query = rpc::canonical_query(query);
    let headers = sorted(request.headers);
    let mut block = String::new();
    for (name, values) in &headers {
        block.extend([name, ":", &values.join(","), "\n"]);
    }
    format!("{method}\n{path}\n{query}\n{block}\n{}\n{body_sha256}", names(&headers))
}

/// Stage 2: the name of the scheme and the hash of stage 1.
#[must_use]
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("ACS3-HMAC-SHA256\n{}", const_hex::encode(Sha256::digest(canonical_request)))
}

/// Stage 3: the HMAC in lower-case hexadecimal, with the secret itself as the key.
#[must_use]
pub fn signature(string_to_sign: &str, secret: &Secret) -> String {
    let mut mac: Hmac<Sha256> = keyed(secret.expose());
    mac.update(string_to_sign.as_bytes());
    const_hex::encode(mac.finalize().into_bytes())
}

/// Stage 4: the value of the `Authorization` header over exactly the headers of `request`.
#[must_use]
pub fn authorization(request: &Request<'_>, access_key: &AccessKey) -> String {
    let signature = signature(&string_to_sign(&canonical_request(request)), &access_key.secret);
    let names = names(&sorted(request.headers));
    format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", access_key.id)
}

/// Trimmed values by lower-case name; those of one name stand in byte order, as every SDK has it.
type Sorted<'a> = BTreeMap<Cow<'a, str>, Vec<&'a str>>;

fn sorted<'a>(headers: &[(&'a str, &'a str)]) -> Sorted<'a> {
    let mut sorted = Sorted::new();
    for (name, value) in headers {
        sorted.entry(lower_case(name)).or_default().push(value.trim());
    }
    for values in sorted.values_mut() {
        values.sort_unstable();
    }
    sorted
}

fn names(headers: &Sorted<'_>) -> String {
    headers.keys().map(Cow::as_ref).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADERS: [(&str, &str); 3] =
        [("host", "sts.example.com"), ("x-acs-action", "AssumeRole"), ("x-acs-version", "2015-04-01")];

    fn request<'a>(query: &'a Parameters<'a>, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request { method: "POST", path: "/", query, headers, body_sha256: "00" }
    }

    fn access_key(token: Option<&str>) -> AccessKey {
        AccessKey { id: "testid".into(), secret: Secret::new("testsecret"), token: token.map(Secret::new) }
    }

    #[test]
    fn the_canonical_request_has_six_parts() {
        let query = Parameters::from([("b", ""), ("a", "x y")]);
        let text = canonical_request(&request(&query, &[("X-Acs-B", " 2 "), ("host", "h")]));
        assert_eq!(text, "POST\n/\na=x%20y&b=\nhost:h\nx-acs-b:2\n\nhost;x-acs-b\n00");
    }

    #[test]
    fn values_of_one_name_are_sorted_and_joined() {
        let text = canonical_request(&request(&Parameters::new(), &[("x-acs-t", "b"), ("X-ACS-T", "a")]));
        assert_eq!(text, "POST\n/\n\nx-acs-t:a,b\n\nx-acs-t\n00");
    }

    #[test]
    fn the_headers_that_are_added_are_signed_and_the_token_with_them() {
        let stamp = Stamp { nonce: "n", at: "2025-02-14T08:09:10Z".parse().unwrap() };
        let added = sign(&request(&Parameters::new(), &HEADERS), &access_key(Some("a+/=")), stamp);
        let (name, authorization) = added.last().unwrap();
        assert_eq!(*name, "authorization");
        let signed = "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;\
                      x-acs-signature-nonce;x-acs-version,";
        assert!(authorization.contains(signed), "{authorization}");
        assert!(added.contains(&("x-acs-date", "2025-02-14T08:09:10Z".into())));
    }

    #[test]
    fn the_hash_of_nothing_is_the_documented_one() {
        assert_eq!(body_sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    proptest! {
        #[test]
        fn the_order_of_headers_does_not_matter(shuffled in Just(HEADERS.to_vec()).prop_shuffle()) {
            let query = Parameters::new();
            prop_assert_eq!(
                canonical_request(&request(&query, &shuffled)),
                canonical_request(&request(&query, &HEADERS))
            );
        }

        #[test]
        fn one_changed_value_changes_the_signature(value in "\\PC{1,40}", other in "\\PC{1,40}") {
            prop_assume!(value.trim() != other.trim());
            let sign = |value: &str| authorization(&request(&Parameters::from([("Policy", value)]), &HEADERS), &access_key(None));
            prop_assert_ne!(sign(&value), sign(&other));
        }
    }
}
