//! The value of a parameter, by the type that it can be read as.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value as it was sent.
#[derive(Debug)]
pub(super) enum Value<'r> {
    /// From a query, where a number and a flag are text, too.
    Query(Cow<'r, str>),
    /// From JSON.
    Json(Json),
}

/// A value in JSON.
#[derive(Debug)]
pub(super) enum Json {
    /// As good as nothing, but it was said.
    Null,
    Flag(bool),
    Text(String),
    /// A whole number that is not negative, if it is one.
    Number(Option<u64>),
    /// A list as it was sent, so that its items can be read as strictly as what is outside.
    List(Box<RawValue>),
    /// An object, or text that is not Unicode, such as half of a surrogate pair.
    Unreadable,
}

impl Json {
    /// Reads `value`. Nothing that cannot be read becomes null: that could mean more than the client wanted.
    pub(super) fn of(value: Box<RawValue>) -> Self {
        let text = value.get();
        match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Flag(true),
            Some(b'f') => Self::Flag(false),
            Some(b'"') => serde_json::from_str(text).map_or(Self::Unreadable, Self::Text),
            Some(b'[') => Self::List(value),
            Some(b'{') | None => Self::Unreadable,
            Some(_) => Self::Number(text.parse().ok()),
        }
    }
}

/// How many members of an object are kept: more than any route knows, so that one of these is unknown or comes twice where
/// there are more.
const MOST_MEMBERS: usize = 64;

/// The members of a JSON object as they were sent: a map would hide that a name came twice.
pub(super) struct Object(pub(super) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while members.len() < MOST_MEMBERS
                    && let Some(member) = map.next_entry()?
                {
                    members.push(member);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
