//! The policy that is written for a grant's methods, prepared at start: only the prefix is missing.

use super::document;
use super::method::Methods;
use super::object_settings::ObjectAcl;
use crate::json;

/// Stands for the prefix; no bucket's name has such characters.
const MARK: &str = "${dir}";

/// The document between the places of its prefix.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Written(Vec<String>);

impl Written {
    /// What [`document::written_for`] writes for these.
    pub(super) fn new(methods: Methods, bucket: &str, acl: Option<ObjectAcl>) -> Self {
        Self::split(&document::written_for(methods, bucket, MARK, acl))
    }

    /// What [`document::written_for_reads_of_role`] writes for these.
    pub(super) fn of_role_reads(methods: Methods, bucket: &str) -> Self {
        Self::split(&document::written_for_reads_of_role(methods, bucket, MARK))
    }

    fn split(document: &str) -> Self {
        Self(document.split(MARK).map(str::to_owned).collect())
    }

    /// The document for the keys that begin with `prefix`.
    pub(super) fn with(&self, prefix: &str) -> String {
        if json::is_plain(prefix) {
            return self.0.join(prefix);
        }
        let mut quoted = String::new();
        json::push_text(&mut quoted, prefix);
        self.0.join(&quoted[1..quoted.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Method;

    proptest! {
        #[test]
        fn nothing_differs_from_what_is_written_whole(set in any::<u8>(), prefix in "[^\\x00]{0,40}") {
            let methods: Methods = Method::ALL.into_iter().filter(|method| set & *method as u8 != 0).collect();
            for acl in [None, Some(ObjectAcl::Private)] {
                let prepared = Written::new(methods, "examplebucket", acl).with(&prefix);
                prop_assert_eq!(prepared, document::written_for(methods, "examplebucket", &prefix, acl));
            }
        }
    }
}
