//! The inline policy of a session, as an operator wrote it into a file.

use serde_json::Value;
use thiserror::Error;

use super::public_acl;
use super::reach;
use super::template::{Filling, InvalidTemplate, Place, Template, Unfillable};

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
pub struct PolicyTemplate {
    root: Node,
    /// Whether the statement that denies public ACLs was added to the text.
    completed: bool,
}

#[derive(Clone, Debug)]
enum Node {
    Text(Template),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    Other(Value),
}

impl PolicyTemplate {
    /// Reads a policy file's text. Where it allows uploads and does not deny public ACLs, a statement that does is added.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let mut value: Value = serde_json::from_str(text)?;
        check_grammar(&value).map_err(InvalidPolicy::Grammar)?;
        let denied = public_acl::is_denied_by(&value);
        let policy = Self { root: Node::parse(value.clone())?, completed: false };
        if denied || public_acl::ACTIONS.iter().all(|action| policy.resources_of(action).is_empty()) {
            return Ok(policy);
        }
        if let Some(statements) = value["Statement"].as_array_mut() {
            statements.push(public_acl::statement());
        }
        Ok(Self { root: Node::parse(value)?, completed: true })
    }

    /// Whether the statement that denies public ACLs was added to the text.
    pub(super) fn is_completed(&self) -> bool {
        self.completed
    }

    /// The resources of the statements that may allow `action`, whatever their conditions say.
    pub(super) fn resources_of(&self, action: &str) -> Vec<&Template> {
        let statements = self.root.member("Statement").map(Node::items).unwrap_or_default();
        let allows = |statement: &&Node| {
            let texts = |name| statement.member(name).map(Node::texts).unwrap_or_default();
            texts("Effect").iter().all(|effect| effect.as_fixed() == Some("Allow"))
                && texts("Action").iter().any(|pattern| reach::may_name(pattern, action))
        };
        let statements = statements.iter().filter(allows);
        statements.filter_map(|statement| statement.member("Resource")).flat_map(Node::texts).collect()
    }

    /// The minified policy for one request.
    pub fn fill(&self, filling: &Filling<'_>) -> Result<String, Unfillable> {
        self.root.render(&|template| template.fill(filling)).map(|value| value.to_string())
    }

    /// The longest minified text that it can become.
    #[must_use]
    pub fn longest(&self, bucket: &str, dir: &str) -> String {
        let longest = self.root.render(&|template| Ok::<_, std::convert::Infallible>(template.longest(bucket, dir)));
        longest.map_or_else(|never| match never {}, |value| value.to_string())
    }

    /// The names of the claims that it is filled with.
    #[must_use]
    pub fn claims(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.each(&mut |template| names.extend(template.claims()));
        names
    }

    /// Whether the text depends on who asks, given whether the directory does.
    #[must_use]
    pub fn names_caller(&self, dir_names_caller: bool) -> bool {
        self.root.any(&|template| template.names_caller() || (dir_names_caller && template.names_dir()))
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

    fn member(&self, name: &str) -> Option<&Self> {
        let Self::Map(map) = self else { return None };
        map.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    fn texts(&self) -> Vec<&Template> {
        let mut texts = Vec::new();
        self.each(&mut |template| texts.push(template));
        texts
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
    fn a_file_is_filled_and_minified() {
        let text = r#"{ "Version": "1", "Statement": [ { "Effect": "Allow", "Action": "oss:GetObject",
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
            r#"{"Statement":[{"Action":"oss:GetObject","Effect":"Allow","Resource":"acs:oss:*:*:b/d/*"}],"Version":"1"}"#
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
