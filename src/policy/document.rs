//! The inline policy of a session, in RAM's language: written from a grant's methods, or read from an operator's file.

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::method::{Method, Methods};
use super::object_settings::ObjectAcl;
use super::template::{Filling, InvalidTemplate, Place, Template, Unfillable};

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

/// The policy that lets a session do `methods` with the keys of `bucket` that begin with `prefix`, and nothing else.
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
    serde_json::to_string(&Document { version: "1", statement }).expect("texts and lists serialize")
}

/// Why a policy file is refused.
#[derive(Debug, Error)]
pub enum InvalidPolicy {
    /// It is not JSON.
    #[error("the policy is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is not a session policy of RAM's grammar.
    #[error("{0}")]
    Grammar(&'static str),
    /// A text in it has a slot that cannot stand there.
    #[error("in the policy, {0}")]
    Template(#[from] InvalidTemplate),
}

/// An operator's policy, whose texts may have slots; it is minified when it is filled.
#[derive(Clone, Debug)]
pub struct PolicyTemplate(Node);

#[derive(Clone, Debug)]
enum Node {
    Text(Template),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    Other(Value),
}

impl PolicyTemplate {
    /// Reads a policy file's text.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let value: Value = serde_json::from_str(text)?;
        check_grammar(&value).map_err(InvalidPolicy::Grammar)?;
        Ok(Self(Node::parse(value)?))
    }

    /// The minified policy for one request.
    pub fn fill(&self, filling: &Filling<'_>) -> Result<String, Unfillable> {
        self.0.render(&|template| template.fill(filling)).map(|value| value.to_string())
    }

    /// The longest minified text that it can become.
    #[must_use]
    pub fn longest(&self, bucket: &str, dir: &str) -> String {
        let longest = self.0.render(&|template| Ok::<_, std::convert::Infallible>(template.longest(bucket, dir)));
        longest.map_or_else(|never| match never {}, |value| value.to_string())
    }

    /// The names of the claims that it is filled with.
    #[must_use]
    pub fn claims(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.each(&mut |template| names.extend(template.claims()));
        names
    }

    /// Whether the text depends on who asks, given whether the directory does.
    #[must_use]
    pub fn names_caller(&self, dir_names_caller: bool) -> bool {
        self.0.any(&|template| template.names_caller() || (dir_names_caller && template.names_dir()))
    }
}

impl Node {
    fn parse(value: Value) -> Result<Self, InvalidTemplate> {
        Ok(match value {
            Value::String(text) => Self::Text(Template::parse(&text, Place::Policy)?),
            Value::Array(items) => Self::List(items.into_iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                Self::Map(map.into_iter().map(|(name, item)| Ok((name, Self::parse(item)?))).collect::<Result<_, _>>()?)
            }
            other => Self::Other(other),
        })
    }

    fn render<E>(&self, text: &impl Fn(&Template) -> Result<String, E>) -> Result<Value, E> {
        Ok(match self {
            Self::Text(template) => Value::String(text(template)?),
            Self::List(items) => Value::Array(items.iter().map(|item| item.render(text)).collect::<Result<_, _>>()?),
            Self::Map(map) => Value::Object(
                map.iter().map(|(name, item)| Ok((name.clone(), item.render(text)?))).collect::<Result<_, E>>()?,
            ),
            Self::Other(value) => value.clone(),
        })
    }

    fn each<'t>(&'t self, visit: &mut impl FnMut(&'t Template)) {
        match self {
            Self::Text(template) => visit(template),
            Self::List(items) => items.iter().for_each(|item| item.each(visit)),
            Self::Map(map) => map.iter().for_each(|(_, item)| item.each(visit)),
            Self::Other(_) => {}
        }
    }

    fn any(&self, is: &impl Fn(&Template) -> bool) -> bool {
        match self {
            Self::Text(template) => is(template),
            Self::List(items) => items.iter().any(|item| item.any(is)),
            Self::Map(map) => map.iter().any(|(_, item)| item.any(is)),
            Self::Other(_) => false,
        }
    }
}

/// The part of RAM's grammar whose breach STS would only tell at the first request.
fn check_grammar(policy: &Value) -> Result<(), &'static str> {
    if policy["Version"] != "1" {
        return Err("the policy's \"Version\" is not \"1\"");
    }
    let statements = policy["Statement"].as_array().filter(|list| !list.is_empty());
    for statement in statements.ok_or("the policy's \"Statement\" is not a list of at least one")? {
        if statement["Effect"] != "Allow" && statement["Effect"] != "Deny" {
            return Err("a statement's \"Effect\" is neither \"Allow\" nor \"Deny\"");
        }
        if statement["Action"].is_null() || statement["Resource"].is_null() {
            return Err("a statement lacks \"Action\" or \"Resource\"");
        }
        if ["Principal", "NotAction", "NotResource"].iter().any(|name| !statement[*name].is_null()) {
            return Err("a session policy has no \"Principal\", \"NotAction\" or \"NotResource\"");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::caller::Caller;
    use crate::policy::UnsafeId;

    #[test]
    fn the_policy_written_for_uploads_is_the_documented_one() {
        let methods = [Method::Post, Method::Put].into_iter().collect();
        assert_eq!(
            written_for(methods, "example-bucket", "user/42/", None),
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts"],"Resource":["acs:oss:*:*:example-bucket/user/42/*"]}]}"#
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

    #[test]
    fn a_file_is_filled_and_minified() {
        let text = r#"{ "Version": "1", "Statement": [ { "Effect": "Allow", "Action": "oss:PutObject",
            "Resource": "acs:oss:*:*:${bucket}/${dir}*" } ] }"#;
        let policy = PolicyTemplate::parse(text).unwrap();
        let filling = Filling {
            unsafe_id: UnsafeId::Refuse,
            caller: &Caller::anonymous(),
            now: DateTime::UNIX_EPOCH,
            uuid: "",
            unverified_filename: "",
            bucket: "b",
            dir: "d/",
        };
        let filled = policy.fill(&filling).unwrap();
        assert_eq!(
            filled,
            r#"{"Statement":[{"Action":"oss:PutObject","Effect":"Allow","Resource":"acs:oss:*:*:b/d/*"}],"Version":"1"}"#
        );
        assert!(policy.names_caller(true) && !policy.names_caller(false));
    }

    #[test]
    fn what_sts_would_refuse_is_refused_at_start() {
        for text in [
            "[]",
            "{",
            r#"{"Version":1,"Statement":[]}"#,
            r#"{"Version":"1","Statement":[]}"#,
            r#"{"Version":"1","Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]}"#,
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*"}]}"#,
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"${oss:Prefix}"}]}"#,
        ] {
            assert!(PolicyTemplate::parse(text).is_err(), "{text}");
        }
    }
}
