//! Reads the tree into the settings: a serde deserializer whose errors name the place and know what was expected.

use std::fmt::Display;

use std::collections::btree_map;
use std::fmt::{Formatter, Result as Written};
use std::iter::Enumerate;
use std::slice;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::problem::{Path, Problem, step};
use super::tree::{self, Node, Table, Value};

/// What did not fit, and where.
#[derive(Debug)]
pub(super) struct Misfit {
    /// From the innermost step outwards, as the error travels.
    reversed_path: Path,
    problem: Problem,
}

/// Reads `table`, or tells the first thing in it that does not fit.
pub(super) fn read<T: DeserializeOwned>(table: &Table) -> Result<T, (Path, Problem)> {
    T::deserialize(MapAccessDeserializer::new(Entries::of(table))).map_err(|misfit| {
        let path = misfit.reversed_path.into_iter().rev().collect();
        (path, misfit.problem)
    })
}

impl Misfit {
    fn new(problem: Problem) -> Self {
        Self { reversed_path: Path::new(), problem }
    }

    fn expected(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Problem::misfit(what, found))
    }

    fn below(mut self, step: impl Into<String>) -> Self {
        self.reversed_path.push(step.into());
        self
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("a value does not fit")
    }
}

impl std::error::Error for Misfit {}

impl Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(in_our_words(&expected.to_string()), shown(&found))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::expected(one_of(expected), format!("{found:?}"))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownKey { known: expected })
    }
}

/// serde's words for the kinds of values, put as an operator knows them.
fn in_our_words(expected: &str) -> String {
    match expected {
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        other => other.to_owned(),
    }
}

fn one_of(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("one of {}", names.join(", "))
}

fn shown(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Bool(truth) => truth.to_string(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// The keys of a table, one after the other.
struct Entries<'t> {
    rest: btree_map::Iter<'t, String, Node>,
    next: Option<(&'t String, &'t Node)>,
}

impl<'t> Entries<'t> {
    fn of(table: &'t Table) -> Self {
        Self { rest: table.iter(), next: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.next = self.rest.next();
        let Some((key, _)) = self.next else { return Ok(None) };
        let reader: StrDeserializer<'_, Misfit> = key.as_str().into_deserializer();
        seed.deserialize(reader).map(Some).map_err(|misfit| misfit.below(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let (key, node) = self.next.take().expect("serde asks for a value only after its key");
        seed.deserialize(node).map_err(|misfit| misfit.below(key))
    }
}

/// The elements of a list, one after the other.
struct Elements<'t>(Enumerate<slice::Iter<'t, Node>>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some((index, node)) = self.0.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|misfit| misfit.below(step(index)))
    }
}

impl<'de> Deserializer<'de> for &Node {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Text(text) | Value::Untyped(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Boolean(truth) => visitor.visit_bool(*truth),
            Value::Other(kind) => Err(Misfit::expected(in_our_words(&(&visitor as &dyn Expected).to_string()), *kind)),
            Value::List(items) => visitor.visit_seq(Elements(items.iter().enumerate())),
            Value::Table(table) => visitor.visit_map(Entries::of(table)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Untyped(text) = &self.value else { return self.deserialize_any(visitor) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            _ => Err(Misfit::expected("true or false", format!("{text:?}"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Untyped(text) = &self.value else { return self.deserialize_any(visitor) };
        let items = tree::list_of(text, &self.origin)
            .ok_or_else(|| Misfit::new(Problem::expected("a JSON list, or names with commas between")))?;
        visitor.visit_seq(Elements(items.iter().enumerate()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Text(text) | Value::Untyped(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(Misfit::new(Problem::expected(one_of(variants)))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map struct identifier ignored_any
    }
}
