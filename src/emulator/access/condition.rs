use std::cmp::Ordering;
use std::net::IpAddr;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use super::pattern;

/// `"<Operator>": {"<key>": [values]}`: holds when one value matches, or for a `Not…` operator when none does.
#[derive(Debug)]
pub(super) struct Condition {
    test: Test,
    negated: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    Bool,
    Address,
    Numeric(Relation),
    Date(Relation),
}

/// How the request's value stands to the policy's.
#[derive(Clone, Copy, Debug)]
enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Reads a `Condition` block; values that the operator cannot read are refused.
    pub(super) fn read_all(block: &Value) -> Result<Vec<Self>, &'static str> {
        let mut conditions = Vec::new();
        for (name, keys) in block.as_object().ok_or("Condition must be an object")? {
            let (test, negated) = operator(name).ok_or("an operator of Condition is not known")?;
            for (key, values) in keys.as_object().ok_or("an operator of Condition must hold an object")? {
                let values = texts(values).ok_or("the values of a condition must be texts")?;
                if !values.iter().all(|value| test.can_read(value)) {
                    return Err("a value of a condition is not what its operator compares");
                }
                conditions.push(Self { test, negated, key: key.clone(), values });
            }
        }
        Ok(conditions)
    }

    /// The condition key, such as `acs:SourceIp`.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether the condition holds; a key that the request does not have satisfies `Not…` operators alone.
    pub(super) fn holds(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return self.negated };
        self.values.iter().any(|wanted| self.test.passes(value, wanted)) != self.negated
    }
}

impl Test {
    fn passes(self, value: &str, wanted: &str) -> bool {
        match self {
            Self::Equals => value == wanted,
            Self::EqualsIgnoreCase => value.to_lowercase() == wanted.to_lowercase(),
            Self::Like => pattern::matches(wanted, value),
            Self::Bool => value.eq_ignore_ascii_case(wanted),
            Self::Address => Block::read(wanted).is_some_and(|block| block.covers(value)),
            Self::Numeric(relation) => relation.joins(number(value), number(wanted)),
            Self::Date(relation) => relation.joins(date(value), date(wanted)),
        }
    }

    fn can_read(self, wanted: &str) -> bool {
        match self {
            Self::Equals | Self::EqualsIgnoreCase | Self::Like => true,
            Self::Bool => ["true", "false"].iter().any(|word| wanted.eq_ignore_ascii_case(word)),
            Self::Address => Block::read(wanted).is_some(),
            Self::Numeric(_) => number(wanted).is_some(),
            Self::Date(_) => date(wanted).is_some(),
        }
    }
}

impl Relation {
    fn joins<T: PartialOrd>(self, value: Option<T>, wanted: Option<T>) -> bool {
        let order = value.zip(wanted).and_then(|(value, wanted)| value.partial_cmp(&wanted));
        order.is_some_and(|order| match self {
            Self::Equal => order == Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        })
    }
}

/// What an operator tests, and whether it demands that no value matches.
fn operator(name: &str) -> Option<(Test, bool)> {
    if let Some(name) = name.strip_prefix("Numeric") {
        return relation(name).map(|(relation, negated)| (Test::Numeric(relation), negated));
    }
    if let Some(name) = name.strip_prefix("Date") {
        return relation(name).map(|(relation, negated)| (Test::Date(relation), negated));
    }
    Some(match name {
        "StringEquals" => (Test::Equals, false),
        "StringNotEquals" => (Test::Equals, true),
        "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
        "StringLike" => (Test::Like, false),
        "StringNotLike" => (Test::Like, true),
        "Bool" => (Test::Bool, false),
        "IpAddress" | "IpAddressIncludeBorder" => (Test::Address, false),
        "NotIpAddress" => (Test::Address, true),
        _ => return None,
    })
}

fn relation(name: &str) -> Option<(Relation, bool)> {
    Some(match name {
        "Equals" => (Relation::Equal, false),
        "NotEquals" => (Relation::Equal, true),
        "LessThan" => (Relation::Less, false),
        "LessThanEquals" => (Relation::LessOrEqual, false),
        "GreaterThan" => (Relation::Greater, false),
        "GreaterThanEquals" => (Relation::GreaterOrEqual, false),
        _ => return None,
    })
}

/// One text or several; numbers and booleans are taken as their text.
fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let list = match value {
        Value::Array(list) => list.iter().map(text).collect::<Option<Vec<_>>>()?,
        one => vec![text(one)?],
    };
    (!list.is_empty()).then_some(list)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn date(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).ok()
}

/// Addresses that begin with the same bits; a lone address is a block of one.
struct Block {
    address: IpAddr,
    bits: u32,
}

impl Block {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|bits| *bits <= width))?;
        Some(Self { address, bits })
    }

    fn covers(&self, text: &str) -> bool {
        let same = |ours: u128, theirs: u128, width: u32| {
            let low = width - self.bits;
            ours.checked_shr(low).unwrap_or(0) == theirs.checked_shr(low).unwrap_or(0)
        };
        match (self.address, text.parse()) {
            (IpAddr::V4(ours), Ok(IpAddr::V4(theirs))) => same(ours.to_bits().into(), theirs.to_bits().into(), 32),
            (IpAddr::V6(ours), Ok(IpAddr::V6(theirs))) => same(ours.to_bits(), theirs.to_bits(), 128),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators_compare_as_their_names_say() {
        for (name, wanted, value, expected) in [
            ("StringEquals", json!("a"), "a", true),
            ("StringEquals", json!(["x", "a"]), "a", true),
            ("StringEquals", json!("a"), "A", false),
            ("StringNotEquals", json!(["x", "a"]), "a", false),
            ("StringEqualsIgnoreCase", json!("aB"), "Ab", true),
            ("StringLike", json!("u/1/*"), "u/1/x/", true),
            ("StringNotLike", json!("u/1/*"), "u/2/", true),
            ("NumericLessThan", json!("10"), "9", true),
            ("NumericGreaterThanEquals", json!(10), "10", true),
            ("NumericNotEquals", json!("1"), "1.0", false),
            ("DateLessThan", json!("2025-02-14T17:00:00+08:00"), "2025-02-14T08:59:59Z", true),
            ("DateGreaterThan", json!("2025-02-14T17:00:00+08:00"), "2025-02-14T08:59:59Z", false),
            ("Bool", json!(true), "true", true),
            ("IpAddress", json!("10.0.0.0/8"), "10.9.9.9", true),
            ("IpAddress", json!("10.0.0.0/8"), "11.0.0.1", false),
            ("IpAddress", json!("0.0.0.0/0"), "11.0.0.1", true),
            ("IpAddress", json!("203.0.113.7"), "203.0.113.7", true),
            ("IpAddress", json!("2001:db8::/32"), "2001:db8:1::1", true),
            ("IpAddress", json!("::/0"), "2001:db8:1::1", true),
            ("IpAddress", json!("::/0"), "10.0.0.1", false),
            ("NotIpAddress", json!("10.0.0.0/8"), "11.0.0.1", true),
        ] {
            let mut block = serde_json::Map::new();
            block.insert(name.to_owned(), json!({"k": wanted}));
            let read = Condition::read_all(&block.into()).unwrap();
            assert_eq!(read[0].holds(Some(value)), expected, "{name} {wanted} {value}");
        }
    }

    #[test]
    fn a_missing_key_satisfies_negated_operators_alone() {
        let read = |name: &str| Condition::read_all(&json!({name: {"k": "v"}})).unwrap().remove(0);
        assert!(!read("StringEquals").holds(None));
        assert!(read("StringNotEquals").holds(None));
    }
}
