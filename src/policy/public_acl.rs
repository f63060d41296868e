//! The statement that keeps vended uploads private: RAM denies a public ACL, whatever the upload's form.

use serde_json::{Value, json};

/// What can give an object an ACL. OSS may ask for the second beside the first.
pub(super) const ACTIONS: [&str; 2] = ["oss:PutObject", "oss:PutObjectAcl"];

/// The ACLs that let everyone in.
const PUBLIC: [&str; 2] = ["public-read", "public-read-write"];

/// The condition key for the ACL that a request asks for.
const KEY: &str = "oss:x-oss-object-acl";

/// The condition of the statement. It ignores case, so that it holds whatever spelling OSS takes.
pub(super) fn condition() -> Value {
    json!({ "StringEqualsIgnoreCase": { KEY: PUBLIC } })
}

/// The statement, as it is added to an operator's policy.
pub(super) fn statement() -> Value {
    json!({ "Effect": "Deny", "Action": ACTIONS, "Resource": ["*"], "Condition": condition() })
}

/// Whether a statement of `policy` denies the same already, for every object.
pub(super) fn is_denied_by(policy: &Value) -> bool {
    policy["Statement"].as_array().is_some_and(|statements| statements.iter().any(denies))
}

fn denies(statement: &Value) -> bool {
    let has = |list: &Value, wanted: &[&str]| wanted.iter().all(|text| texts(list).any(|listed| listed == *text));
    let condition = statement["Condition"].as_object().filter(|operators| operators.len() == 1);
    let keys = condition.and_then(|operators| {
        let equals = operators.get("StringEquals").or_else(|| operators.get("StringEqualsIgnoreCase"));
        equals?.as_object().filter(|keys| keys.len() == 1)
    });
    statement["Effect"] == "Deny"
        && (has(&statement["Action"], &ACTIONS) || has(&statement["Action"], &["oss:*"]))
        && has(&statement["Resource"], &["*"])
        && keys.and_then(|keys| keys.get(KEY)).is_some_and(|values| has(values, &PUBLIC))
}

/// A text, or those of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_str().into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(change: impl FnOnce(&mut Value)) -> Value {
        let mut statement = statement();
        change(&mut statement);
        json!({ "Version": "1", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }, statement] })
    }

    #[test]
    fn only_a_statement_that_denies_all_of_it_counts_as_a_denial() {
        type Change = fn(&mut Value);
        let same: [Change; 3] = [
            |_| {},
            |statement| statement["Resource"] = json!(["acs:oss:*:*:b", "*"]),
            |statement| statement["Action"] = json!("oss:*"),
        ];
        let less: [Change; 7] = [
            |statement| statement["Effect"] = json!("Allow"),
            |statement| statement["Action"] = json!(["oss:PutObjectAcl"]),
            |statement| statement["Resource"] = json!("acs:oss:*:*:b/*"),
            |statement| statement["Condition"] = json!({ "StringEquals": { KEY: ["public-read"] } }),
            |statement| statement["Condition"] = json!({ "StringNotEquals": { KEY: PUBLIC } }),
            |statement| statement["Condition"]["Bool"] = json!({ "acs:SecureTransport": "false" }),
            |statement| statement["Condition"]["StringEqualsIgnoreCase"]["oss:x-oss-acl"] = json!("private"),
        ];
        for (changes, expected) in [(&same[..], true), (&less[..], false)] {
            for change in changes {
                let policy = policy(change);
                assert_eq!(is_denied_by(&policy), expected, "{policy}");
            }
        }
    }
}
