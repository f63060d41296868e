//! The inline policy of a session, in RAM's language, as it is written from a grant's methods.

use serde::Serialize;
use serde_json::Value;

use super::method::{Method, Methods};
use super::object_settings::ObjectAcl;
use super::public_acl;

/// The most bytes of an inline policy that STS takes (`InvalidParameter.PolicySize`).
pub const MAX_BYTES: usize = 2048;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

/// The policy that lets a session do `methods` with the keys of `bucket` that begin with `prefix`, and nothing else. Where
/// it allows uploads, it denies those that would make an object public.
///
/// Listing is an action on the bucket, so it is bound to the prefix by a condition: RAM ignores `oss:Prefix` elsewhere.
///
/// Where uploads send an `acl`, the right to give exactly that one is added: some versions of OSS ask for it.
///
/// # Panics
/// Never: the document always serializes.
#[must_use]
pub fn written_for(methods: Methods, bucket: &str, prefix: &str, acl: Option<ObjectAcl>) -> String {
    let mut statement = Vec::new();
    let action = methods.object_actions();
    if !action.is_empty() {
        let resource = vec![format!("acs:oss:*:*:{bucket}/{prefix}*")];
        statement.push(Statement { effect: "Allow", action, resource, condition: None });
    }
    if let Some(acl) = acl.filter(|_| methods.upload()) {
        let condition = Some(serde_json::json!({ "StringEquals": { "oss:x-oss-object-acl": [acl.name()] } }));
        let resource = vec![format!("acs:oss:*:*:{bucket}/{prefix}*")];
        statement.push(Statement { effect: "Allow", action: vec!["oss:PutObjectAcl"], resource, condition });
    }
    if methods.contains(Method::List) {
        let condition = Some(serde_json::json!({ "StringLike": { "oss:Prefix": [format!("{prefix}*")] } }));
        let resource = vec![format!("acs:oss:*:*:{bucket}")];
        statement.push(Statement { effect: "Allow", action: vec!["oss:ListObjects"], resource, condition });
    }
    if methods.contains(Method::Post) || methods.contains(Method::Put) {
        statement.push(no_public_acl());
    }
    text_of(statement)
}

/// The policy of a session that only reads, where the role's own rights are what a grant hands out: as [`written_for`],
/// and with the right to decrypt what KMS encrypts, which such a grant may rely on.
pub(super) fn written_for_reads_of_role(methods: Methods, bucket: &str, prefix: &str) -> String {
    let resource = vec![format!("acs:oss:*:*:{bucket}/{prefix}*")];
    let everything = vec!["*".to_owned()];
    text_of(vec![
        Statement { effect: "Allow", action: methods.object_actions(), resource, condition: None },
        Statement { effect: "Allow", action: vec!["kms:Decrypt"], resource: everything, condition: None },
    ])
}

fn text_of(statement: Vec<Statement>) -> String {
    serde_json::to_string(&Document { version: "1", statement }).expect("texts and lists serialize")
}

/// Denies uploads that would make an object readable or writable by everyone.
fn no_public_acl() -> Statement {
    Statement {
        effect: "Deny",
        action: public_acl::ACTIONS.to_vec(),
        resource: vec!["*".to_owned()],
        condition: Some(public_acl::condition()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_written_for_uploads_is_the_documented_one() {
        let methods = [Method::Post, Method::Put].into_iter().collect();
        assert_eq!(
            written_for(methods, "example-bucket", "user/42/", None),
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts"],"Resource":["acs:oss:*:*:example-bucket/user/42/*"]},{"Effect":"Deny","Action":["oss:PutObject","oss:PutObjectAcl"],"Resource":["*"],"Condition":{"StringEqualsIgnoreCase":{"oss:x-oss-object-acl":["public-read","public-read-write"]}}}]}"#
        );
    }

    #[test]
    fn listing_is_bound_to_the_prefix() {
        let policy: Value =
            serde_json::from_str(&written_for([Method::List].into_iter().collect(), "b", "d/", None)).unwrap();
        let expected = serde_json::json!([{ "Effect": "Allow", "Action": ["oss:ListObjects"], "Resource": ["acs:oss:*:*:b"],
            "Condition": { "StringLike": { "oss:Prefix": ["d/*"] } } }]);
        assert_eq!(policy["Statement"], expected);
    }

    #[test]
    fn a_fixed_acl_is_the_only_one_that_may_be_given() {
        let text = written_for([Method::Put].into_iter().collect(), "b", "d/", Some(ObjectAcl::Private));
        let policy: Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({ "Effect": "Allow", "Action": ["oss:PutObjectAcl"],
            "Resource": ["acs:oss:*:*:b/d/*"], "Condition": { "StringEquals": { "oss:x-oss-object-acl": ["private"] } } });
        assert_eq!(policy["Statement"][1], expected);
        assert!(!written_for([Method::Get].into_iter().collect(), "b", "d/", Some(ObjectAcl::Private)).contains("Acl"));
    }
}
