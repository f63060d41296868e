//! For whom a grant is: listed ids, rules on claims, or both. A caller has to meet all of them.
//!
//! A grant that says nothing of its callers is for everyone, anonymous callers too. One that does is for known callers
//! only. Whoever does not meet it learns that and no more: the answer is the same for a claim that is missing, has
//! another type, or another value.

use std::fmt::{self, Display, Formatter};

use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::Value;

use super::denied::Denied;
use super::template::Unfillable;
use crate::caller::Caller;

/// For whom a grant is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audience {
    /// The ids that are served; without a list, any.
    pub callers: Option<Vec<String>>,
    /// What has to be true of a caller's claims.
    pub rules: Vec<Rule>,
}

/// What has to be true of one claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The claim's name, whole: a dot in it is part of the name.
    pub claim: String,
    /// What its value has to be.
    pub test: Test,
}

/// How a claim's value is looked at. Values are compared by type and whole: `"1"`, `1` and `true` are three values.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is this one; a list never is.
    Equals(ClaimValue),
    /// It is one of these, or a list that has at least one of them.
    AnyOf(Vec<ClaimValue>),
    /// It is a list that has all of these.
    AllOf(Vec<ClaimValue>),
}

/// A value that a rule can ask for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClaimValue {
    /// A text, compared byte by byte.
    Text(String),
    /// A whole number; a number with a fraction equals none, not even `1.0`.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
}

impl Audience {
    /// Whether the grant is for everyone, anonymous callers too.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.callers.is_none() && self.rules.is_empty()
    }

    /// Decides on `caller`.
    pub(super) fn admit(&self, caller: &Caller) -> Result<(), Denied> {
        if self.is_open() {
            return Ok(());
        }
        let id = caller.id().ok_or(Unfillable::Anonymous)?;
        if self.lists(id) && self.rules.iter().all(|rule| rule.is_met(caller)) { Ok(()) } else { Err(Denied::Caller) }
    }

    /// What `caller` does not meet, for the operator who wrote it; never for the caller.
    #[must_use]
    pub fn unmet(&self, caller: &Caller) -> Option<String> {
        let unlisted = caller.id().filter(|id| !self.lists(id)).map(|_| "the caller is not one of callers".to_owned());
        let rule = || self.rules.iter().position(|rule| !rule.is_met(caller));
        unlisted.or_else(|| rule().map(|index| format!("require[{index}] is not met: {}", self.rules[index])))
    }

    fn lists(&self, id: &str) -> bool {
        self.callers.as_ref().is_none_or(|callers| callers.iter().any(|listed| listed == id))
    }
}

impl Rule {
    fn is_met(&self, caller: &Caller) -> bool {
        let Some(claim) = caller.claim(&self.claim) else { return false };
        match (&self.test, claim) {
            (Test::Equals(expected), _) => expected.is(claim),
            (Test::AnyOf(expected), Value::Array(items)) => {
                expected.iter().any(|one| items.iter().any(|item| one.is(item)))
            }
            (Test::AnyOf(expected), _) => expected.iter().any(|one| one.is(claim)),
            (Test::AllOf(expected), Value::Array(items)) => {
                expected.iter().all(|one| items.iter().any(|item| one.is(item)))
            }
            (Test::AllOf(_), _) => false,
        }
    }
}

impl ClaimValue {
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(expected), Value::String(text)) => expected == text,
            (Self::Number(expected), Value::Number(number)) => number.as_i64() == Some(*expected),
            (Self::Flag(expected), Value::Bool(flag)) => expected == flag,
            _ => false,
        }
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let listed = |values: &[ClaimValue]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match &self.test {
            Test::Equals(value) => write!(f, "the claim {:?} equals {value}", self.claim),
            Test::AnyOf(values) => write!(f, "the claim {:?} is or has any of {}", self.claim, listed(values)),
            Test::AllOf(values) => write!(f, "the claim {:?} has all of {}", self.claim, listed(values)),
        }
    }
}

impl Display for ClaimValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

impl<'de> Deserialize<'de> for ClaimValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOfThree;
        impl Visitor<'_> for OneOfThree {
            type Value = ClaimValue;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a whole number, true or false")
            }

            fn visit_str<E>(self, text: &str) -> Result<ClaimValue, E> {
                Ok(ClaimValue::Text(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<ClaimValue, E> {
                Ok(ClaimValue::Number(number))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<ClaimValue, E> {
                Ok(ClaimValue::Flag(flag))
            }
        }
        deserializer.deserialize_any(OneOfThree)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn caller(claims: &Value) -> Caller {
        Caller::known("alice", claims.as_object().unwrap().clone())
    }

    fn text(value: &str) -> ClaimValue {
        ClaimValue::Text(value.to_owned())
    }

    fn is_met(test: Test, claim: &Value) -> bool {
        let rules = vec![Rule { claim: "c".into(), test }];
        Audience { callers: None, rules }.admit(&caller(&json!({ "c": claim }))).is_ok()
    }

    #[test]
    fn values_are_compared_by_type_and_whole() {
        let values = [json!("1"), json!(1), json!(true), json!(1.0), json!("1 "), json!(null), json!(["1"]), json!({})];
        for (expected, only) in [(text("1"), 0), (ClaimValue::Number(1), 1), (ClaimValue::Flag(true), 2)] {
            for (index, value) in values.iter().enumerate() {
                assert_eq!(is_met(Test::Equals(expected.clone()), value), index == only, "{expected} {value}");
            }
        }
    }

    #[test]
    fn any_of_takes_a_value_or_a_list_and_all_of_a_list_alone() {
        let wanted = || vec![text("a"), text("b")];
        for (claim, any, all) in [
            (json!("a"), true, false),
            (json!("c"), false, false),
            (json!(["b", "c"]), true, false),
            (json!(["c", "b", 1, "a"]), true, true),
            (json!([["a", "b"]]), false, false),
            (json!([]), false, false),
            (json!("a b"), false, false),
        ] {
            assert_eq!(is_met(Test::AnyOf(wanted()), &claim), any, "{claim}");
            assert_eq!(is_met(Test::AllOf(wanted()), &claim), all, "{claim}");
        }
    }

    #[test]
    fn a_claim_that_is_missing_and_one_that_differs_are_refused_alike() {
        let rules = vec![Rule { claim: "tenant".into(), test: Test::Equals(text("a")) }];
        let audience = Audience { callers: None, rules };
        for claims in [json!({}), json!({ "tenant": "b" }), json!({ "tenant": ["a"] }), json!({ "Tenant": "a" })] {
            assert_eq!(audience.admit(&caller(&claims)), Err(Denied::Caller), "{claims}");
        }
        let told = audience.unmet(&caller(&json!({}))).unwrap();
        assert_eq!(told, "require[0] is not met: the claim \"tenant\" equals \"a\"");
    }

    #[test]
    fn a_list_of_callers_and_rules_have_both_to_be_met() {
        let rules = vec![Rule { claim: "c".into(), test: Test::Equals(ClaimValue::Flag(true)) }];
        let audience = |id: &str| Audience { callers: Some(vec![id.to_owned()]), rules: rules.clone() };
        assert_eq!(audience("alice").admit(&caller(&json!({ "c": true }))), Ok(()));
        assert_eq!(audience("alice").admit(&caller(&json!({ "c": "true" }))), Err(Denied::Caller));
        assert_eq!(audience("Alice").admit(&caller(&json!({ "c": true }))), Err(Denied::Caller));
        assert_eq!(audience("alice").admit(&Caller::anonymous()), Err(Denied::Template(Unfillable::Anonymous)));
        assert_eq!(Audience::default().admit(&Caller::anonymous()), Ok(()));
    }
}
