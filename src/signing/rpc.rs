//! Signature 1.0 (HMAC-SHA1), the older scheme of STS: every parameter in one sorted list.
//!
//! <https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism>

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::moment::Extended;
use super::{Stamp, encode, keyed};
use crate::keys::{AccessKey, Secret};

/// Decoded parameters by name; the scheme sorts them by bytes, as this map does, and each name occurs once.
pub type Parameters<'a> = BTreeMap<&'a str, &'a str>;

/// The whole signed text, ready to be a query or a form body: `parameters` and the common ones that the scheme adds.
///
/// `parameters` name `Action`, `Version`, `Format` and what the action needs. The text holds the key's token: keep it
/// out of logs.
#[must_use]
pub fn sign(method: &str, parameters: &Parameters<'_>, access_key: &AccessKey, stamp: Stamp<'_>) -> String {
    let timestamp = Extended::of(stamp.at);
    let mut all = parameters.clone();
    all.extend([
        ("AccessKeyId", access_key.id.as_str()),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", stamp.nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", timestamp.as_str()),
    ]);
    all.extend(access_key.token.as_ref().map(|token| ("SecurityToken", token.expose())));
    let mut text = canonical_query(&all);
    let signature = signature(&string_to_sign(method, &text), &access_key.secret);
    text.push_str("&Signature=");
    encode::push_value(&mut text, &signature);
    text
}

/// Stage 1: `name=value` of every parameter but `Signature`, sorted and joined with `&`; an empty value keeps its `=`.
#[must_use]
pub fn canonical_query(parameters: &Parameters<'_>) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        if !text.is_empty() {
            text.push('&');
        }
        encode::push_value(&mut text, name);
        text.push('=');
        encode::push_value(&mut text, value);
    }
    text
}

/// Stage 2: the method, the path (always `/`) and the query, encoded once more.
#[must_use]
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    let mut text = format!("{method}&%2F&");
    encode::push_value(&mut text, canonical_query);
    text
}

/// Stage 3: the Base64 of the HMAC; the scheme's key is the secret with an `&` behind it.
#[must_use]
pub fn signature(string_to_sign: &str, secret: &Secret) -> String {
    let key = Secret::new(format!("{}&", secret.expose()));
    let mut mac: Hmac<Sha1> = keyed(key.expose());
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;

    fn access_key(token: Option<&str>) -> AccessKey {
        AccessKey { id: "testid".into(), secret: Secret::new("testsecret"), token: token.map(Secret::new) }
    }

    fn at() -> DateTime<Utc> {
        "2016-02-23T12:46:24Z".parse().expect("a time")
    }

    #[test]
    fn the_worked_example_of_the_documentation_holds() {
        let parameters =
            Parameters::from([("Action", "DescribeRegions"), ("Format", "XML"), ("Version", "2014-05-26")]);
        let stamp = Stamp { nonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", at: at() };
        let text = sign("GET", &parameters, &access_key(None), stamp);
        assert!(text.ends_with("&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D"), "{text}");
    }

    #[test]
    fn a_token_is_a_signed_parameter() {
        let stamp = Stamp { nonce: "n", at: at() };
        let text = sign("POST", &Parameters::new(), &access_key(Some("a+b/c=")), stamp);
        assert!(text.contains("&SecurityToken=a%2Bb%2Fc%3D&"), "{text}");
    }

    #[test]
    fn an_empty_value_keeps_its_equals_sign() {
        assert_eq!(canonical_query(&Parameters::from([("b", ""), ("B", "1"), ("_", "2")])), "B=1&_=2&b=");
    }

    proptest! {
        #[test]
        fn one_changed_byte_changes_the_signature(value in "\\PC{1,40}", other in "\\PC{1,40}") {
            prop_assume!(value != other);
            let sign = |value: &str| {
                let query = canonical_query(&Parameters::from([("Policy", value)]));
                signature(&string_to_sign("POST", &query), &Secret::new("secret"))
            };
            prop_assert_ne!(sign(&value), sign(&other));
        }
    }
}
