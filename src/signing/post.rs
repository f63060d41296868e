//! Signed forms (PostObject): the signature covers a policy, which says what a form may hold to be accepted.
//!
//! <https://www.alibabacloud.com/help/en/oss/developer-reference/postobject>

use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use chrono::{DateTime, Utc};

use super::moment::{Basic, Precise};
use super::v1;
use super::v4::{OfDay, SCHEME, Signer, SigningKey};
use crate::json;
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

    /// The same with room for `bytes` of text.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// The same with all conditions of `others`.
    #[must_use]
    pub fn with(self, others: &Self) -> Self {
        if others.0.is_empty() { self } else { self.and(|text| text.push_str(&others.0)) }
    }

    /// `field` is exactly `value`. As in all conditions, the field's name is one that needs no escapes.
    #[must_use]
    pub fn exact(self, field: &str, value: &str) -> Self {
        self.and(|text| {
            text.extend(["{\"", field, "\":"]);
            push_value(text, value);
            text.push('}');
        })
    }

    /// `field` begins with `prefix`, which may be empty.
    #[must_use]
    pub fn starts_with(self, field: &str, prefix: &str) -> Self {
        self.and(|text| {
            text.extend([r#"["starts-with","$"#, field, r#"","#]);
            push_value(text, prefix);
            text.push(']');
        })
    }

    /// `field` is one of `values`.
    #[must_use]
    pub fn one_of<'a>(self, field: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.list("in", field, values)
    }

    /// `field` is none of `values`.
    #[must_use]
    pub fn none_of<'a>(self, field: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.list("not-in", field, values)
    }

    /// The file has a size in bytes within `range`, both ends included.
    #[must_use]
    pub fn content_length(self, range: RangeInclusive<u64>) -> Self {
        let [mut least, mut most] = [itoa::Buffer::new(), itoa::Buffer::new()];
        let (least, most) = (least.format(*range.start()), most.format(*range.end()));
        self.and(|text| text.extend([r#"["content-length-range","#, least, ",", most, "]"]))
    }

    /// The policy document that ends at `expiration` (cut to milliseconds).
    #[must_use]
    pub fn to_policy(&self, expiration: DateTime<Utc>) -> String {
        [r#"{"expiration":""#, Precise::of(expiration).as_str(), r#"","conditions":["#, &self.0, "]}"].concat()
    }

    fn list<'a>(self, operator: &str, field: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.and(|text| {
            text.extend(["[\"", operator, "\",\"$", field, "\",["]);
            for (at, value) in values.into_iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                push_value(text, value);
            }
            text.push_str("]]");
        })
    }

    fn and(mut self, push: impl FnOnce(&mut String)) -> Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        push(&mut self.0);
        self
    }
}

/// A value as policies have it: OSS wants a dollar sign escaped, lest it be a variable.
fn push_value(text: &mut String, value: &str) {
    if value.as_bytes().contains(&b'$') {
        return json::push_text(text, &value.replace('$', "\\$"));
    }
    json::push_text(text, value);
}

/// What a form carries to prove its policy. It may hold the key's token, so `Debug` shows names alone.
pub struct Form<'a> {
    /// The policy in Base64; in V4 what follows the opening.
    rest: String,
    proof: Proof<'a>,
}

enum Proof<'a> {
    V1(&'a AccessKey, String),
    V4(OfDay<'a>, Basic, const_hex::Buffer<32>),
}

impl Form<'_> {
    /// Names and values; in the form they precede `file`, beside the fields that the policy is about.
    pub fn fields<'s>(&'s self) -> impl Iterator<Item = (&'static str, Cow<'s, str>)> {
        let policy = Some(("policy", Cow::Owned(self.policy())));
        let field = |name, value: &'s str| Some((name, Cow::Borrowed(value)));
        let token = |token: Option<&'s Secret>| field("x-oss-security-token", token?.expose());
        let fields = match &self.proof {
            Proof::V1(access_key, signature) => [
                policy,
                field("OSSAccessKeyId", &access_key.id),
                token(access_key.token.as_ref()),
                field("Signature", signature),
                None,
                None,
            ],
            Proof::V4(signer, date, signature) => [
                policy,
                field("x-oss-signature-version", SCHEME),
                field("x-oss-credential", signer.credential()),
                field("x-oss-date", date.as_str()),
                token(signer.token()),
                field("x-oss-signature", signature.as_str()),
            ],
        };
        fields.into_iter().flatten()
    }

    /// Appends the [`fields`](Self::fields) as members of a JSON object.
    pub fn push_members(&self, out: &mut String) {
        out.push_str("\"policy\":\"");
        self.push_policy(out);
        match &self.proof {
            Proof::V1(access_key, signature) => {
                out.push_str("\",\"OSSAccessKeyId\":");
                json::push_text(out, &access_key.id);
                push_token(out, access_key.token.as_ref());
                out.extend([",\"Signature\":\"", signature, "\""]);
            }
            Proof::V4(signer, date, signature) => {
                let [before, after] = &signer.opening().members;
                out.extend([before.expose(), date.as_str(), after.expose(), signature.as_str(), "\""]);
            }
        }
    }

    /// The policy in Base64: that text is what the signature covers.
    #[must_use]
    pub fn policy(&self) -> String {
        let mut policy = String::with_capacity(self.policy_length());
        self.push_policy(&mut policy);
        policy
    }

    /// Appends the [`policy`](Self::policy), which needs no escapes anywhere.
    pub fn push_policy(&self, out: &mut String) {
        out.extend([self.opening(), &self.rest]);
    }

    /// How many bytes the [`policy`](Self::policy) has.
    #[must_use]
    pub fn policy_length(&self) -> usize {
        self.opening().len() + self.rest.len()
    }

    /// The signature: hexadecimal in V4, Base64 in V1.
    #[must_use]
    pub fn signature(&self) -> &str {
        match &self.proof {
            Proof::V1(_, signature) => signature,
            Proof::V4(_, _, signature) => signature.as_str(),
        }
    }

    fn opening(&self) -> &str {
        match &self.proof {
            Proof::V1(..) => "",
            Proof::V4(signer, ..) => signer.opening().base64.expose(),
        }
    }
}

impl Debug for Form<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields().map(|(name, _)| name)).finish()
    }
}

/// A form signed with V4, with the conditions added that bind the proof's own fields.
///
/// OSS takes it until `expiration`, but no longer than 7 days after `at`.
#[must_use]
pub fn sign_v4(conditions: Conditions, expiration: DateTime<Utc>, signer: &Signer, at: DateTime<Utc>) -> Form<'_> {
    let (date, signer) = (Basic::of(at), signer.on_day_of(at));
    let Conditions(mut end) = conditions.exact("x-oss-date", date.as_str());
    end.extend([r#"],"expiration":""#, Precise::of(expiration).as_str(), r#""}"#]);
    let rest = BASE64.encode(end);
    let mut signature = const_hex::Buffer::new();
    signature.format(&signer.opening().key.signature([&rest]));
    Form { rest, proof: Proof::V4(signer, date, signature) }
}

/// A form signed with V1; OSS takes it until `expiration`.
#[must_use]
pub fn sign_v1<'a>(conditions: &Conditions, expiration: DateTime<Utc>, access_key: &'a AccessKey) -> Form<'a> {
    let rest = BASE64.encode(conditions.to_policy(expiration));
    let signature = v1::signature(&rest, &access_key.secret);
    Form { rest, proof: Proof::V1(access_key, signature) }
}

/// What the V4 forms of one key on one day have in common. The token is most of a policy, so it is encoded and hashed
/// once and not with every form.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// How their policies begin: with the conditions that bind version, credential and token.
    base64: Secret,
    /// The key that has taken `base64` in.
    key: SigningKey,
    /// What stands in [`Form::push_members`] between policy and date, and between date and signature.
    members: [Secret; 2],
}

impl Opening {
    pub(super) fn new(credential: &str, token: Option<&Secret>, key: &SigningKey) -> Self {
        let base64 = Self::base64(credential, token);
        let mut before = ["\",\"x-oss-signature-version\":\"", SCHEME, "\",\"x-oss-credential\":"].concat();
        json::push_text(&mut before, credential);
        before.push_str(",\"x-oss-date\":\"");
        let mut after = String::from("\"");
        push_token(&mut after, token);
        after.push_str(",\"x-oss-signature\":\"");
        Self { key: key.after(base64.expose()), base64, members: [Secret::new(before), Secret::new(after)] }
    }

    fn base64(credential: &str, token: Option<&Secret>) -> Secret {
        let bound = Conditions::new().exact("x-oss-signature-version", SCHEME).exact("x-oss-credential", credential);
        let bound = match token {
            Some(token) => bound.exact("x-oss-security-token", token.expose()),
            None => bound,
        };
        let mut text = [r#"{"conditions":["#, &bound.0, ","].concat();
        // Three bytes make four characters: only what fills them all can be encoded before the rest is known.
        text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(3) - text.len()));
        Secret::new(BASE64.encode(Secret::new(text).expose()))
    }
}

fn push_token(out: &mut String, token: Option<&Secret>) {
    if let Some(token) = token {
        out.push_str(",\"x-oss-security-token\":");
        json::push_text(out, token.expose());
    }
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

    fn signer(token: Option<&str>) -> Signer {
        Signer::new(&access_key(token), "cn-hangzhou", PRODUCT, at().date_naive())
    }

    fn form(signer: &Signer) -> Form<'_> {
        sign_v4(Conditions::new().exact("bucket", "b"), at(), signer, at())
    }

    fn policy(form: &Form<'_>) -> String {
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
        let signer = signer(Some("to+ken="));
        let form = form(&signer);
        let text = r#"{"conditions":[{"x-oss-signature-version":"OSS4-HMAC-SHA256"},{"x-oss-credential":"ak/20250214/cn-hangzhou/oss/aliyun_v4_request"},{"x-oss-security-token":"to+ken="},{"bucket":"b"},{"x-oss-date":"20250214T080910Z"}],"expiration":"2025-02-14T08:09:10.000Z"}"#;
        assert_eq!(policy(&form).replace(",  {", ",{").replace(", {", ",{"), text);
        let names: Vec<_> = form.fields().map(|(name, _)| name).collect();
        let wanted = ["policy", "x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-security-token"];
        assert_eq!(names[..5], wanted);
        assert_eq!(names[5..], ["x-oss-signature"]);
    }

    #[test]
    fn the_signature_covers_the_whole_policy_however_long_its_beginning_is() {
        for length in 0..130 {
            let signer = signer(Some(&"t".repeat(length)));
            let form = form(&signer);
            assert_eq!(form.signature(), signer.key().sign(&form.policy()));
            let document: serde_json::Value = serde_json::from_str(&policy(&form)).unwrap();
            assert_eq!(document["conditions"][2]["x-oss-security-token"], "t".repeat(length));
        }
    }

    #[test]
    fn the_members_of_an_object_are_the_fields() {
        for token in [None, Some("to+ken="), Some("a \"token\"")] {
            let (access_key, signer) = (access_key(token), signer(token));
            for form in [form(&signer), sign_v1(&Conditions::new(), at(), &access_key)] {
                let mut members = String::new();
                form.push_members(&mut members);
                let fields: Vec<_> = form.fields().map(|(name, value)| format!("{name:?}:{value:?}")).collect();
                assert_eq!(members, fields.join(","));
            }
        }
    }

    #[test]
    fn without_a_token_no_form_speaks_of_one() {
        assert!(!policy(&form(&signer(None))).contains("token"));
        let access_key = access_key(None);
        let form = sign_v1(&Conditions::new(), at(), &access_key);
        assert_eq!(form.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["policy", "OSSAccessKeyId", "Signature"]);
    }

    #[test]
    fn debug_shows_no_token() {
        let signer = signer(Some("hidden"));
        assert!(!format!("{:?} {signer:?}", form(&signer)).contains("hidden"));
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
