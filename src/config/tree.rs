//! File and environment merged into one tree, in which every value knows where it was written.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::index;

/// A value and where it was written.
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// Where a value was written.
#[derive(Clone)]
pub(super) enum Origin {
    /// In the file; both are ranges of bytes. An element of a list has no key and repeats its value here.
    File { key: Range<usize>, value: Range<usize> },
    /// In this environment variable.
    Variable(String),
}

/// What was written.
pub(super) enum Value {
    /// A string of the file.
    Text(String),
    /// The text of a variable; the field that reads it decides whether it is a number, a list or a string.
    Untyped(String),
    Integer(i64),
    Boolean(bool),
    /// A kind of TOML value that no key takes, by its name.
    Other(&'static str),
    List(Vec<Node>),
    Table(Table),
}

/// The keys of a table.
pub(super) type Table = BTreeMap<String, Node>;

/// There is a value where a table would have to be.
pub(super) struct Obstructed;

/// The tree of a parsed file.
pub(super) fn of_file(table: DeTable<'_>) -> Table {
    let node = |(key, value): (Spanned<_>, Spanned<DeValue<'_>>)| {
        let origin = Origin::File { key: key.span(), value: value.span() };
        (String::from(key.into_inner()), Node { origin, value: value_of(value.into_inner()) })
    };
    table.into_iter().map(node).collect()
}

fn value_of(value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("so large a number"), Value::Integer),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Boolean(truth) => Value::Boolean(truth),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(items) => Value::List(items.into_iter().map(element_of).collect()),
        DeValue::Table(table) => Value::Table(of_file(table)),
    }
}

fn element_of(item: Spanned<DeValue<'_>>) -> Node {
    let origin = Origin::File { key: item.span(), value: item.span() };
    Node { origin, value: value_of(item.into_inner()) }
}

impl Node {
    /// The text of `variable`.
    pub(super) fn of_variable(variable: &str, text: &str) -> Self {
        Self { origin: Origin::Variable(variable.to_owned()), value: Value::Untyped(text.to_owned()) }
    }

    fn children(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// Puts `node` at `path`, in place of what may be there, and makes the tables on the way.
pub(super) fn put<S: AsRef<str>>(table: &mut Table, path: &[S], node: Node) -> Result<(), Obstructed> {
    let Some((last, way)) = path.split_last() else { return Err(Obstructed) };
    let mut table = table;
    for step in way {
        let origin = node.origin.clone();
        let next =
            table.entry(step.as_ref().to_owned()).or_insert_with(|| Node { origin, value: Value::Table(Table::new()) });
        let Value::Table(inner) = &mut next.value else { return Err(Obstructed) };
        table = inner;
    }
    table.insert(last.as_ref().to_owned(), node);
    Ok(())
}

/// The node at `path`. In a list, a step is an index.
pub(super) fn find<'t, S: AsRef<str>>(table: &'t Table, path: &[S]) -> Option<&'t Node> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(first.as_ref())?, |node, step| match &node.value {
        Value::List(items) => items.get(index(step.as_ref())?),
        _ => node.children()?.get(step.as_ref()),
    })
}

/// Where the value at `path` was written, or else the table or list it would stand in.
pub(super) fn origin<'t, S: AsRef<str>>(table: &'t Table, path: &[S]) -> Option<&'t Origin> {
    (1..=path.len()).rev().find_map(|length| find(table, &path[..length])).map(|node| &node.origin)
}

/// Takes out the node at `path`, or the whole list that it is an element of; tells whether there was one.
pub(super) fn remove(table: &mut Table, path: &[String]) -> bool {
    match path {
        [] => false,
        [last] => table.remove(last).is_some(),
        [list, element] if index(element).is_some() => table.remove(list).is_some(),
        [first, rest @ ..] => table.get_mut(first).is_some_and(|node| remove_below(node, rest)),
    }
}

fn remove_below(node: &mut Node, path: &[String]) -> bool {
    match (&mut node.value, path) {
        (Value::Table(table), _) => remove(table, path),
        (Value::List(items), [element, rest @ ..]) => {
            let item = index(element).and_then(|index| items.get_mut(index));
            item.is_some_and(|item| remove_below(item, rest))
        }
        _ => false,
    }
}

/// The list that the text of a variable stands for: JSON, or names with commas between.
pub(super) fn list_of(text: &str, variable: &Origin) -> Option<Vec<Node>> {
    if text.trim_start().starts_with('[') {
        let items: Vec<Json> = serde_json::from_str(text).ok()?;
        return Some(items.into_iter().map(|item| node_of(item, variable)).collect());
    }
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    Some(names.map(|name| node_of(Json::String(name.to_owned()), variable)).collect())
}

/// The node that a JSON value stands for.
fn node_of(json: Json, variable: &Origin) -> Node {
    let value = match json {
        Json::String(text) => Value::Text(text),
        Json::Bool(truth) => Value::Boolean(truth),
        Json::Number(number) => {
            number.as_i64().map_or(Value::Other("so large a number, or one with a fraction"), Value::Integer)
        }
        Json::Array(items) => Value::List(items.into_iter().map(|item| node_of(item, variable)).collect()),
        Json::Object(fields) => {
            Value::Table(fields.into_iter().map(|(key, field)| (key, node_of(field, variable))).collect())
        }
        Json::Null => Value::Other("null"),
    };
    Node { origin: variable.clone(), value }
}
