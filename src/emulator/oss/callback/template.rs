//! The body of a callback: a template with `${name}` slots.

use super::super::super::wire::encode;
use super::order::Kind;

/// The value of a variable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
}

/// Fills the slots: percent-encoded in a form, as JSON values in JSON. What is not known is empty.
pub(super) fn fill(template: &str, kind: Kind, value: impl Fn(&str) -> Option<Value>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, slot)) = rest.split_once("${") {
        let Some((name, after)) = slot.split_once('}') else {
            break;
        };
        filled.push_str(before);
        filled.push_str(&written(value(name).unwrap_or_else(|| Value::Text(String::new())), kind));
        rest = after;
    }
    filled + rest
}

fn written(value: Value, kind: Kind) -> String {
    match (value, kind) {
        (Value::Number(number), _) => number.to_string(),
        (Value::Text(text), Kind::Form) => encode(&text),
        (Value::Text(text), Kind::Json) => serde_json::Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(name: &str) -> Option<Value> {
        match name {
            "object" => Some(Value::Text("a/b \"c\"".to_owned())),
            "size" => Some(Value::Number(5)),
            _ => None,
        }
    }

    #[test]
    fn slots_are_filled_in_the_way_of_the_body() {
        for (template, form, json) in [
            ("o=${object}&s=${size}", "o=a%2Fb%20%22c%22&s=5", "o=\"a/b \\\"c\\\"\"&s=5"),
            ("${none}", "", "\"\""),
            ("a$b${", "a$b${", "a$b${"),
            ("${object", "${object", "${object"),
            ("{\"s\":${size}}", "{\"s\":5}", "{\"s\":5}"),
        ] {
            assert_eq!(fill(template, Kind::Form, value), form, "{template}");
            assert_eq!(fill(template, Kind::Json, value), json, "{template}");
        }
    }

    proptest! {
        #[test]
        fn no_template_makes_the_filler_panic(template in "[$${}a-cé]{0,20}") {
            let _ = fill(&template, Kind::Form, value);
        }
    }
}
