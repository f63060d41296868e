//! The answers have the members that `docs/api.md` shows, and of the same types.

use serde_json::{Map, Value};

use super::pages::blocks;
use super::support::RunningDev;

#[tokio::test]
async fn the_answers_are_as_they_are_shown() {
    let dev = RunningDev::start().await;
    for shown in blocks("answer") {
        let given = dev.json(&shown.argument).await;
        let expected: Value = serde_json::from_str(&shown.text).unwrap();
        assert_eq!(shape(&given), shape(&expected), "{}", shown.argument);
    }
}

/// `value` with the name of its type in place of each text, number and the like; lists are told by their first item.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), shape(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.first().map(shape).into_iter().collect()),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "bool".into(),
        Value::Null => Value::Null,
    }
}
