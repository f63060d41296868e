//! The ids of one source of callers, kept apart from those of every other source.
//!
//! Several sources of callers (issuers of JWTs, the application, a proxy, API keys) share one space of ids, in which
//! directories, limits and lists of callers are. Each source therefore has a prefix of its own, none of which begins with
//! another. One source may have none; its ids then must not begin with the prefix of another source.

use thiserror::Error;

/// The ids of one source.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IdNamespace {
    /// What every id begins with.
    pub prefix: String,
    /// The prefixes of the other sources, if this one has no prefix.
    pub reserved: Vec<String>,
}

/// An id that a source without a prefix gave, and that could be one of another source.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the caller's id begins with the id_prefix of another source of callers")]
pub struct ReservedId;

impl IdNamespace {
    /// The id of the caller that the source calls `name`.
    pub(super) fn id(&self, name: &str) -> Result<String, ReservedId> {
        let reserved = self.reserved.iter().any(|prefix| name.starts_with(prefix.as_str()));
        if reserved { Err(ReservedId) } else { Ok(format!("{}{name}", self.prefix)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_source_without_a_prefix_gives_no_id_of_another_source() {
        let namespace = IdNamespace { prefix: String::new(), reserved: vec!["kc-".to_owned(), "acme.".to_owned()] };
        for (name, expected) in [
            ("alice", Ok("alice".to_owned())),
            ("kc-alice", Err(ReservedId)),
            ("kc-", Err(ReservedId)),
            ("acme.kc-alice", Err(ReservedId)),
            ("kc", Ok("kc".to_owned())),
            ("KC-alice", Ok("KC-alice".to_owned())),
        ] {
            assert_eq!(namespace.id(name), expected, "{name}");
        }
        let prefixed = IdNamespace { prefix: "kc-".to_owned(), reserved: Vec::new() };
        assert_eq!(prefixed.id("kc-alice"), Ok("kc-kc-alice".to_owned()));
    }

    proptest! {
        /// With prefixes none of which begins with another, no two sources give one id, whatever they call their callers.
        #[test]
        fn no_two_sources_give_one_id(one in "[ab.]{0,4}", other in "[ab.]{0,4}", (prefix, second) in ("[ab]{1,2}", "[ab]{1,2}")) {
            prop_assume!(!prefix.starts_with(&second) && !second.starts_with(&prefix));
            let of = |prefix: &str, reserved: &[&String]| IdNamespace {
                prefix: prefix.to_owned(),
                reserved: reserved.iter().map(|prefix| (*prefix).clone()).collect(),
            };
            let sources = [of("", &[&prefix, &second]), of(&prefix, &[]), of(&second, &[])];
            for (index, source) in sources.iter().enumerate() {
                for another in &sources[index + 1..] {
                    if let (Ok(id), Ok(another)) = (source.id(&one), another.id(&other)) {
                        prop_assert_ne!(id, another);
                    }
                }
            }
        }
    }
}
