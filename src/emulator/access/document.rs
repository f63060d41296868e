use serde_json::{Map, Value};

use super::condition::Condition;
use super::pattern;

/// A RAM policy that passed the grammar check.
#[derive(Debug)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Debug)]
pub(super) struct Statement {
    allow: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

impl Policy {
    /// Reads the text of an inline policy.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        Self::from_value(&serde_json::from_str(text).map_err(|_| "the policy is not JSON")?)
    }

    /// Reads a policy; `NotAction`, `NotResource` and `Principal` are not in the grammar of identity policies.
    pub(crate) fn from_value(value: &Value) -> Result<Self, &'static str> {
        let document = members(value, &["Version", "Statement"])?;
        if document.get("Version").and_then(Value::as_str) != Some("1") {
            return Err("Version must be \"1\"");
        }
        let statements = document.get("Statement").and_then(Value::as_array).filter(|list| !list.is_empty());
        let statements = statements.ok_or("Statement must be a list of one or more")?;
        Ok(Self { statements: statements.iter().map(Statement::read).collect::<Result<_, _>>()? })
    }

    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    fn read(value: &Value) -> Result<Self, &'static str> {
        let statement = members(value, &["Effect", "Action", "Resource", "Condition"])?;
        let allow = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Effect must be Allow or Deny"),
        };
        let actions = texts(statement.get("Action"), "Action must be a text or a list of texts")?;
        let resources = texts(statement.get("Resource"), "Resource must be a text or a list of texts")?;
        if !actions.iter().all(|action| action == "*" || action.split(':').count() == 2) {
            return Err("an Action is * or <service>:<name>");
        }
        if !resources.iter().all(|resource| resource == "*" || resource.splitn(5, ':').count() == 5) {
            return Err("a Resource is * or acs:<service>:<region>:<account>:<id>");
        }
        let conditions = statement.get("Condition").map(Condition::read_all).transpose()?.unwrap_or_default();
        Ok(Self { allow, actions, resources, conditions })
    }

    /// `Some(true)` when the statement allows, `Some(false)` when it denies, `None` when it does not speak of the request.
    pub(super) fn answer<'a>(
        &self,
        action: &str,
        resource: &str,
        value: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<bool> {
        let action = action.to_ascii_lowercase();
        let named = self.actions.iter().any(|wanted| pattern::matches(&wanted.to_ascii_lowercase(), &action));
        let covered = named && self.resources.iter().any(|wanted| pattern::matches(wanted, resource));
        let bites = covered && self.conditions.iter().all(|condition| condition.holds(value(condition.key())));
        bites.then_some(self.allow)
    }
}

/// The members of an object that has no others than `known`.
fn members<'a>(value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>, &'static str> {
    let object = value.as_object().ok_or("an object is wanted")?;
    let strange = object.keys().any(|name| !known.contains(&name.as_str()));
    if strange { Err("an element is not in the grammar") } else { Ok(object) }
}

/// A text may stand for a list of one.
fn texts(value: Option<&Value>, wanted: &'static str) -> Result<Vec<String>, &'static str> {
    let texts: Option<Vec<String>> = match value {
        Some(Value::String(text)) => Some(vec![text.clone()]),
        Some(Value::Array(list)) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    texts.filter(|list| !list.is_empty()).ok_or(wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        let statement = |inside: &str| format!(r#"{{"Version":"1","Statement":[{{{inside}}}]}}"#);
        let good = r#""Effect":"Allow","Action":"oss:*","Resource":"*""#;
        assert!(Policy::parse(&statement(good)).is_ok());
        let wrong = [
            String::new(),
            "{}".to_owned(),
            r#"{"Version":"1","Statement":[]}"#.to_owned(),
            statement(good).replace("\"1\"", "1"),
            statement(good).replace("Version", "version"),
            statement(&good.replace("Allow", "allow")),
            statement(&good.replace("\"oss:*\"", "[]")),
            statement(&good.replace("oss:*", "PutObject")),
            statement(&good.replace("\"*\"", "\"bucket/key\"")),
            statement(&good.replace("Action", "NotAction")),
            statement(&format!(r#"{good},"Principal":{{"RAM":["*"]}}"#)),
            statement(&format!(r#"{good},"Condition":{{"Matches":{{"a":"b"}}}}"#)),
            statement(&format!(r#"{good},"Condition":{{"IpAddress":{{"acs:SourceIp":"10.0.0.0/99"}}}}"#)),
            statement(&format!(r#"{good},"Condition":{{"Bool":{{"acs:SecureTransport":"yes"}}}}"#)),
        ];
        for policy in wrong {
            assert!(Policy::parse(&policy).is_err(), "{policy}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = Policy::parse(&text);
        }
    }
}
