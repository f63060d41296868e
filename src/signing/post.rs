//! Signed forms (PostObject): the signature covers a policy, which says what a form may hold to be accepted.
//!
//! <https://www.alibabacloud.com/help/en/oss/developer-reference/postobject>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::iter;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::v1;
use super::v4::{self, SCHEME, Signer};
use crate::keys::{AccessKey, Secret};

/// The standard alphabet, by the widest instructions this processor has: a policy with a token is over 1 KB.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

/// What a form has to fulfil, condition by condition, all of them.
///
/// A field that no condition names is accepted with any value, so name all that matter. Conditions are kept as the text
/// that goes out: those that do not change can be prepared once and cloned.
#[derive(Clone, Debug, Default)]
pub struct Conditions(String);

impl Conditions {
    /// No condition yet; OSS refuses a policy that has none at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `field` is exactly `value`.
    #[must_use]
    pub fn exact(self, field: &str, value: &str) -> Self {
        self.and(&BTreeMap::from([(field, escaped(value))]))
    }

    /// `field` begins with `prefix`, which may be empty.
    #[must_use]
    pub fn starts_with(self, field: &str, prefix: &str) -> Self {
        self.and(&("starts-with", format!("${field}"), escaped(prefix)))
    }

    /// `field` is one of `values`.
    #[must_use]
    pub fn one_of<'a>(self, field: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<_> = values.into_iter().map(escaped).collect();
        self.and(&("in", format!("${field}"), values))
    }

    /// `field` is none of `values`.
    #[must_use]
    pub fn none_of<'a>(self, field: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<_> = values.into_iter().map(escaped).collect();
        self.and(&("not-in", format!("${field}"), values))
    }

    /// The file has a size in bytes within `range`, both ends included.
    #[must_use]
    pub fn content_length(self, range: RangeInclusive<u64>) -> Self {
        self.and(&("content-length-range", range.start(), range.end()))
    }

    /// The policy document that ends at `expiration` (cut to milliseconds).
    #[must_use]
    pub fn to_policy(&self, expiration: DateTime<Utc>) -> String {
        let expiration = expiration.to_rfc3339_opts(SecondsFormat::Millis, true);
        [r#"{"expiration":""#, &expiration, r#"","conditions":["#, &self.0, "]}"].concat()
    }

    fn and(self, condition: &impl Serialize) -> Self {
        self.and_text(&serde_json::to_string(condition).expect("lists and maps of text and numbers are JSON"))
    }

    fn and_text(mut self, conditions: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(conditions);
        self
    }
}

/// What a form carries to prove its policy. It may hold the key's token, so `Debug` shows names alone.
pub struct Form {
    policy: String,
    proof: Vec<(&'static str, String)>,
    signature: (&'static str, String),
}

impl Form {
    /// Names and values; in the form they precede `file`, beside the fields that the policy is about.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let proof = self.proof.iter().map(|(name, value)| (*name, value.as_str()));
        iter::once(("policy", self.policy())).chain(proof).chain([(self.signature.0, self.signature())])
    }

    /// The policy in Base64: that text is what the signature covers.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The signature: hexadecimal in V4, Base64 in V1.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature.1
    }
}

impl Debug for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields().map(|(name, _)| name)).finish()
    }
}

/// A form signed with V4, with the conditions added that bind the proof's own fields.
///
/// OSS takes it until `expiration`, but no longer than 7 days after `at`.
#[must_use]
pub fn sign_v4(conditions: Conditions, expiration: DateTime<Utc>, signer: &Signer, at: DateTime<Utc>) -> Form {
    let signer = signer.on_day_of(at);
    let date = v4::date(at);
    let bound = conditions.exact("x-oss-date", &date).and_text(signer.conditions().expose());
    let policy = BASE64.encode(bound.to_policy(expiration));
    let mut proof = vec![
        ("x-oss-signature-version", SCHEME.to_owned()),
        ("x-oss-credential", signer.credential().to_owned()),
        ("x-oss-date", date),
    ];
    proof.extend(signer.token().map(|token| ("x-oss-security-token", token.expose().to_owned())));
    let signature = ("x-oss-signature", signer.key().sign(&policy));
    Form { policy, proof, signature }
}

/// A form signed with V1; OSS takes it until `expiration`.
#[must_use]
pub fn sign_v1(conditions: &Conditions, expiration: DateTime<Utc>, access_key: &AccessKey) -> Form {
    let policy = BASE64.encode(conditions.to_policy(expiration));
    let mut proof = vec![("OSSAccessKeyId", access_key.id.clone())];
    proof.extend(access_key.token.as_ref().map(|token| ("x-oss-security-token", token.expose().to_owned())));
    let signature = ("Signature", v1::signature(&policy, &access_key.secret));
    Form { policy, proof, signature }
}

/// The conditions that bind what stays the same in the V4 forms of one key on one day.
pub(super) fn binding(credential: &str, token: Option<&Secret>) -> Secret {
    let conditions = Conditions::new().exact("x-oss-signature-version", SCHEME).exact("x-oss-credential", credential);
    Secret::new(match token {
        Some(token) => conditions.exact("x-oss-security-token", token.expose()).0,
        None => conditions.0,
    })
}

/// A value as policies have it: OSS wants a dollar sign escaped, lest it be a variable.
fn escaped(value: &str) -> Cow<'_, str> {
    if value.contains('$') { Cow::Owned(value.replace('$', "\\$")) } else { Cow::Borrowed(value) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;

    use super::*;
    use crate::signing::v4::PRODUCT;

    fn at() -> DateTime<Utc> {
        "2025-02-14T08:09:10Z".parse().unwrap()
    }

    fn access_key(token: Option<&str>) -> AccessKey {
        AccessKey { id: "ak".into(), secret: Secret::new("sk"), token: token.map(Secret::new) }
    }

    fn form(token: Option<&str>) -> Form {
        let signer = Signer::new(&access_key(token), "cn-hangzhou", PRODUCT, at().date_naive());
        sign_v4(Conditions::new().exact("bucket", "b"), at(), &signer, at())
    }

    fn policy(form: &Form) -> String {
        String::from_utf8(BASE64.decode(form.policy()).unwrap()).unwrap()
    }

    #[test]
    fn each_kind_of_condition_has_its_form() {
        let conditions = Conditions::new()
            .exact("key", "a\"b\\")
            .starts_with("content-type", "image/")
            .one_of("x-oss-object-acl", ["private", "default"])
            .none_of("cache-control", ["no-cache"])
            .content_length(1..=10);
        assert_eq!(
            conditions.to_policy(at()),
            r#"{"expiration":"2025-02-14T08:09:10.000Z","conditions":[{"key":"a\"b\\"},["starts-with","$content-type","image/"],["in","$x-oss-object-acl",["private","default"]],["not-in","$cache-control",["no-cache"]],["content-length-range",1,10]]}"#
        );
    }

    #[test]
    fn a_dollar_sign_is_escaped_in_every_value() {
        let conditions = Conditions::new().exact("key", "${filename}").starts_with("key", "$").one_of("key", ["a$"]);
        let policy = conditions.to_policy(at());
        assert!(
            policy.ends_with(r#"[{"key":"\\${filename}"},["starts-with","$key","\\$"],["in","$key",["a\\$"]]]}"#),
            "{policy}"
        );
    }

    #[test]
    fn v4_binds_version_credential_date_and_token() {
        let form = form(Some("to+ken="));
        let bound = r#"{"bucket":"b"},{"x-oss-date":"20250214T080910Z"},{"x-oss-signature-version":"OSS4-HMAC-SHA256"},{"x-oss-credential":"ak/20250214/cn-hangzhou/oss/aliyun_v4_request"},{"x-oss-security-token":"to+ken="}]}"#;
        assert!(policy(&form).ends_with(bound), "{}", policy(&form));
        let names: Vec<_> = form.fields().map(|(name, _)| name).collect();
        let wanted = ["policy", "x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-security-token"];
        assert_eq!(names[..5], wanted);
        assert_eq!(names[5..], ["x-oss-signature"]);
    }

    #[test]
    fn without_a_token_no_form_speaks_of_one() {
        assert!(!policy(&form(None)).contains("token"));
        let form = sign_v1(&Conditions::new(), at(), &access_key(None));
        assert_eq!(form.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["policy", "OSSAccessKeyId", "Signature"]);
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", form(Some("hidden"))).contains("hidden"));
    }

    #[test]
    fn a_change_of_any_input_changes_the_signature() {
        let sign = |value: &str, expiration: DateTime<Utc>, secret: &str, token: &str, at: DateTime<Utc>| {
            let key = AccessKey { secret: Secret::new(secret), ..access_key(Some(token)) };
            let signer = Signer::new(&key, "cn-hangzhou", PRODUCT, at.date_naive());
            sign_v4(Conditions::new().exact("key", value), expiration, &signer, at).signature().to_owned()
        };
        let later = at() + TimeDelta::seconds(1);
        let signatures = BTreeSet::from([
            sign("k", at(), "s", "t", at()),
            sign("l", at(), "s", "t", at()),
            sign("k", later, "s", "t", at()),
            sign("k", at(), "u", "t", at()),
            sign("k", at(), "s", "u", at()),
            sign("k", at(), "s", "t", later),
        ]);
        assert_eq!(signatures.len(), 6);
    }
}
