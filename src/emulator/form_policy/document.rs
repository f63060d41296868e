use std::fmt::{self, Display, Formatter};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::super::error::OssError;
use super::super::wire::iso8601;

/// A form policy in its grammar.
pub(super) struct Document {
    pub(super) expiration: DateTime<Utc>,
    /// Never empty.
    pub(super) conditions: Vec<Condition>,
}

pub(super) enum Condition {
    /// The size of the file in bytes, both ends included.
    Size { least: u64, most: u64 },
    /// A form field, its name in lower case, or `bucket`.
    Field { name: String, operator: Operator },
}

pub(super) enum Operator {
    Equals(String),
    StartsWith(String),
    In(Vec<String>),
    NotIn(Vec<String>),
}

/// Compared by `eq` alone.
const EXACT: [&str; 5] =
    ["bucket", "x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-security-token"];

impl Document {
    pub(super) fn parse(policy_base64: &str) -> Result<Self, OssError> {
        let text = STANDARD.decode(policy_base64).map_err(|_| invalid("Invalid Base64."))?;
        let value: Value = serde_json::from_slice(&text).map_err(|error| invalid(&format!("Invalid JSON: {error}")))?;
        let expiration = value.get("expiration").and_then(Value::as_str).and_then(iso8601);
        let conditions = value.get("conditions").and_then(Value::as_array).filter(|list| !list.is_empty());
        Ok(Self {
            expiration: expiration
                .ok_or_else(|| invalid("Policy missing expiration, or it is not ISO 8601 in GMT."))?,
            conditions: conditions
                .ok_or_else(|| invalid("Policy missing conditions.").ec("0006-00000207"))?
                .iter()
                .map(read_condition)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether a condition demands one value of the field.
    pub(super) fn binds(&self, field: &str) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Field { name, operator: Operator::Equals(_) } => name == field,
            _ => false,
        })
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { least, most } => write!(f, r#"["content-length-range", {least}, {most}]"#),
            Self::Field { name, operator } => {
                let (word, value) = match operator {
                    Operator::Equals(value) => ("eq", Value::from(value.as_str())),
                    Operator::StartsWith(value) => ("starts-with", Value::from(value.as_str())),
                    Operator::In(list) => ("in", Value::from(list.clone())),
                    Operator::NotIn(list) => ("not-in", Value::from(list.clone())),
                };
                write!(f, r#"["{word}", "${name}", {value}]"#)
            }
        }
    }
}

fn read_condition(value: &Value) -> Result<Condition, OssError> {
    match value {
        Value::Object(pairs) => read_simple(pairs),
        Value::Array(items) => read_list(items),
        _ => Err(invalid("Invalid Condition: a condition is an object or a list.")),
    }
}

/// `{"field": "value"}`.
fn read_simple(pairs: &Map<String, Value>) -> Result<Condition, OssError> {
    let message = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
    let mut pairs = pairs.iter();
    let (Some((name, value)), None) = (pairs.next(), pairs.next()) else {
        return Err(invalid(message));
    };
    Ok(Condition::Field { name: name.to_ascii_lowercase(), operator: Operator::Equals(text(value)?) })
}

/// `["eq", "$field", "value"]` and its kin.
fn read_list(items: &[Value]) -> Result<Condition, OssError> {
    let [word, first, second] = items else {
        return Err(invalid("Invalid Condition: a list has three items."));
    };
    let word = word.as_str().unwrap_or_default();
    if word == "content-length-range" {
        return read_size(first, second);
    }
    let name = first.as_str().and_then(|name| name.strip_prefix('$')).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("Invalid Condition: a field is named as $field."))?.to_ascii_lowercase();
    let operator = match word {
        "eq" => Operator::Equals(text(second)?),
        _ if EXACT.contains(&name.as_str()) => {
            return Err(invalid(&format!("Invalid Condition: ${name} can be compared by eq alone.")));
        }
        "starts-with" => Operator::StartsWith(text(second)?),
        "in" => Operator::In(texts(second)?),
        "not-in" => Operator::NotIn(texts(second)?),
        _ => return Err(invalid("Invalid Condition: unknown operator.")),
    };
    Ok(Condition::Field { name, operator })
}

fn read_size(least: &Value, most: &Value) -> Result<Condition, OssError> {
    match (least.as_u64(), most.as_u64()) {
        (Some(least), Some(most)) if least <= most => Ok(Condition::Size { least, most }),
        _ => Err(wrong_type("Invalid content-length-range.")),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, OssError> {
    let list = value.as_array().filter(|list| !list.is_empty());
    list.ok_or_else(|| wrong_type("Invalid Condition: a list of texts is wanted."))?.iter().map(text).collect()
}

/// The value with `\$` read as a dollar sign.
fn text(value: &Value) -> Result<String, OssError> {
    let text = value.as_str().ok_or_else(|| wrong_type("Invalid Condition: a text is wanted."))?;
    Ok(text.replace("\\$", "$"))
}

fn wrong_type(message: &str) -> OssError {
    invalid(message).ec("0006-00000224")
}

fn invalid(message: &str) -> OssError {
    OssError::bad_request("InvalidPolicyDocument", format!("Invalid Policy: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(policy: &str) -> Result<Document, OssError> {
        Document::parse(&STANDARD.encode(policy))
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        let good = r#"{"key":"a"}"#;
        let wrong = [
            "[]".to_owned(),
            r#"["eq","$key"]"#.to_owned(),
            r#"["eq","key","a"]"#.to_owned(),
            r#"["eq","$key",5]"#.to_owned(),
            r#"["in","$key","a"]"#.to_owned(),
            r#"["in","$key",[]]"#.to_owned(),
            r#"["matches","$key","a"]"#.to_owned(),
            r#"["starts-with","$bucket","a"]"#.to_owned(),
            r#"["content-length-range","1",2]"#.to_owned(),
            r#"["content-length-range",2,1]"#.to_owned(),
            r#"{"key":"a","bucket":"b"}"#.to_owned(),
            "5".to_owned(),
        ];
        let policy = |condition: &str| format!(r#"{{"expiration":"2025-02-14T09:00:00Z","conditions":[{condition}]}}"#);
        assert!(read(&policy(good)).is_ok());
        for condition in wrong {
            let error = read(&policy(&condition)).err().expect(&condition);
            assert_eq!((error.status.as_u16(), error.code), (400, "InvalidPolicyDocument"), "{condition}");
        }
    }

    #[test]
    fn the_expiration_and_a_condition_must_be_there() {
        for policy in [
            r#"{"conditions":[{"key":"a"}]}"#,
            r#"{"expiration":"2025/02/14","conditions":[{"key":"a"}]}"#,
            r#"{"expiration":"2025-02-14T09:00:00Z"}"#,
            r#"{"expiration":"2025-02-14T09:00:00Z","conditions":[]}"#,
            "no json",
        ] {
            assert_eq!(read(policy).err().expect(policy).code, "InvalidPolicyDocument");
        }
        assert!(Document::parse("%%%").is_err());
    }

    #[test]
    fn an_escaped_dollar_sign_is_a_dollar_sign() {
        let policy = r#"{"expiration":"2025-02-14T09:00:00Z","conditions":[["eq","$key","u/\\${filename}"]]}"#;
        let Condition::Field { operator: Operator::Equals(value), .. } = &read(policy).unwrap().conditions[0] else {
            panic!("an eq condition was written");
        };
        assert_eq!(value, "u/${filename}");
    }
}
