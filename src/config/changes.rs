//! What one configuration says that another did not, by the names of keys alone: values may be secrets.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};

use sha2::{Digest as _, Sha256};

use super::tree::{Node, Table, Value};

/// Everything that a configuration says, file and environment together, without the values themselves.
#[derive(Clone, Default)]
pub struct Written(BTreeMap<String, Mark>);

/// What stands for a value.
#[derive(Clone, Eq, PartialEq)]
enum Mark {
    Value([u8; 32]),
    Table(BTreeMap<String, Mark>),
}

/// The keys in which two configurations differ.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes(Vec<Change>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Change {
    key: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Value,
    NewSection,
    RemovedSection,
}

impl Written {
    pub(super) fn of(table: &Table) -> Self {
        Self(marks(table))
    }

    /// Counts `text`, which the value at `path` leads to, as a part of it.
    pub(super) fn add(&mut self, path: &[&str], text: &str) {
        let Some((last, way)) = path.split_last() else { return };
        let mut table = &mut self.0;
        for step in way {
            let Some(Mark::Table(inner)) = table.get_mut(*step) else { return };
            table = inner;
        }
        if let Some(Mark::Value(digest)) = table.get_mut(*last) {
            *digest = Sha256::new_with_prefix(*digest).chain_update(text).finalize().into();
        }
    }

    /// The keys in which this differs from what was written `before`.
    #[must_use]
    pub fn changes(&self, before: &Self) -> Changes {
        let mut changes = Vec::new();
        compare("", &before.0, &self.0, &mut changes);
        Changes(changes)
    }
}

impl Debug for Written {
    /// The sections alone.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Changes {
    /// Whether both say the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the key or section `name` differs, or anything in it.
    #[must_use]
    pub fn touch(&self, name: &str) -> bool {
        let within = |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.0.iter().any(|change| within(&change.key))
    }
}

impl Display for Changes {
    /// `cors.origins, grants.default.max_size, grants.old (removed)`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, Change { key, kind }) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let kind = match kind {
                Kind::Value => "",
                Kind::NewSection => " (new)",
                Kind::RemovedSection => " (removed)",
            };
            write!(f, "{comma}{key}{kind}")?;
        }
        Ok(())
    }
}

fn compare(path: &str, before: &BTreeMap<String, Mark>, after: &BTreeMap<String, Mark>, changes: &mut Vec<Change>) {
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let mut keys: Vec<_> = after.keys().chain(gone).collect();
    keys.sort();
    for key in keys {
        let key_path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let kind = match (before.get(key), after.get(key)) {
            (Some(Mark::Table(before)), Some(Mark::Table(after))) => {
                compare(&key_path, before, after, changes);
                continue;
            }
            (Some(before), Some(after)) if before == after => continue,
            (None, Some(Mark::Table(_))) => Kind::NewSection,
            (Some(Mark::Table(_)), None) => Kind::RemovedSection,
            _ => Kind::Value,
        };
        changes.push(Change { key: key_path, kind });
    }
}

fn marks(table: &Table) -> BTreeMap<String, Mark> {
    table.iter().map(|(key, node)| (key.clone(), mark(node))).collect()
}

fn mark(node: &Node) -> Mark {
    match &node.value {
        Value::Table(table) => Mark::Table(marks(table)),
        value => {
            let mut hash = Sha256::new();
            feed(&mut hash, value);
            Mark::Value(hash.finalize().into())
        }
    }
}

/// Every part with its kind and length before it, so that no two values are fed alike.
fn feed(hash: &mut Sha256, value: &Value) {
    let mut part = |kind: u8, bytes: &[u8]| {
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match value {
        Value::Text(text) => part(0, text.as_bytes()),
        Value::Untyped(text) => part(1, text.as_bytes()),
        Value::Integer(number) => part(2, &number.to_le_bytes()),
        Value::Boolean(truth) => part(3, &[u8::from(*truth)]),
        Value::Other(kind) => part(4, kind.as_bytes()),
        Value::List(items) => {
            part(5, &(items.len() as u64).to_le_bytes());
            for item in items {
                feed(hash, &item.value);
            }
        }
        Value::Table(table) => {
            part(6, &(table.len() as u64).to_le_bytes());
            for (key, node) in table {
                hash.update((key.len() as u64).to_le_bytes());
                hash.update(key);
                feed(hash, &node.value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::super::tree;
    use super::*;

    fn written(text: &str) -> Written {
        Written::of(&tree::of_file(DeTable::parse(text).unwrap().into_inner()))
    }

    fn changes(before: &str, after: &str) -> Changes {
        written(after).changes(&written(before))
    }

    #[test]
    fn changes_go_by_the_names_of_keys_and_show_no_value() {
        let before =
            "listen = \"a:1\"\n[access_key]\nsecret = \"hush\"\n[grants.a]\ndir = \"a/\"\n[grants.old]\ndir = \"o/\"";
        let after =
            "[access_key]\nsecret = \"louder\"\n[grants.a]\ndir = \"b/\"\nmax_size = 1\n[grants.new]\ndir = \"n/\"";
        let changes = changes(before, after);
        let expected =
            "access_key.secret, grants.a.dir, grants.a.max_size, grants.new (new), grants.old (removed), listen";
        assert_eq!(changes.to_string(), expected);
        assert!(changes.touch("grants") && changes.touch("grants.old") && changes.touch("listen"));
        assert!(!changes.touch("access") && !changes.touch("cors"));
        assert!(!format!("{:?}{changes:?}", written(before)).contains("hush"));
    }

    #[test]
    fn another_order_and_another_layout_change_nothing() {
        let before = "[cors]\norigins = [\"a\", \"b\"]\nmax_age = \"1m\"\n[sts]\nregion = \"x\"";
        let after = "# a remark\n[sts]\nregion = 'x'\n[cors]\nmax_age = \"1m\"\norigins = [\n\"a\",\n\"b\" ]";
        assert!(changes(before, after).is_empty());
    }

    #[test]
    fn what_is_written_differently_is_a_change_wherever_it_stands() {
        for (before, after) in [
            ("a = [\"b\", \"c\"]", "a = [\"c\", \"b\"]"),
            ("a = [\"bc\"]", "a = [\"b\", \"c\"]"),
            ("a = [[], [1]]", "a = [[1], []]"),
            ("a = [{ b = 1, c = 2 }]", "a = [{ b = 2, c = 1 }]"),
            ("a = 1", "a = \"1\""),
            ("a = true", "a = false"),
            ("a = 1", "a = { b = 1 }"),
        ] {
            assert_eq!(changes(before, after).to_string(), "a", "{before} to {after}");
        }
    }

    #[test]
    fn the_text_of_a_file_is_a_part_of_the_key_that_names_it() {
        let table = "[grants.a]\npolicy = \"a.json\"\n[[auth.jwt]]\njwks_file = \"k\"";
        let with = |policy: &str, keys: &str| {
            let mut written = written(table);
            written.add(&["grants", "a", "policy"], policy);
            written.add(&["auth", "jwt"], keys);
            written
        };
        assert!(with("{}", "1").changes(&with("{}", "1")).is_empty());
        assert_eq!(with("{ }", "2").changes(&with("{}", "1")).to_string(), "auth.jwt, grants.a.policy");
    }
}
