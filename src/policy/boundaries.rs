//! Grants that would promise each caller a place of its own and not keep the promise. They are refused at start.

use super::grant::PolicySource;
use super::method::{Method, Methods};
use super::named_by::NamedBy;
use super::policy_file::PolicyTemplate;
use super::template::Template;

/// The parts of a grant that say who may touch what.
pub(super) struct Boundaries<'a> {
    pub(super) methods: Methods,
    pub(super) dir: &'a Template,
    pub(super) key: &'a Template,
    pub(super) keys: NamedBy,
    pub(super) session_name: &'a Template,
    pub(super) source: &'a PolicySource,
    /// The operator's own policy, where `source` is one.
    pub(super) policy: Option<&'a PolicyTemplate>,
}

impl Boundaries<'_> {
    /// What is wrong: the key of the configuration, and the predicate.
    pub(super) fn breaches(&self) -> Vec<(&'static str, &'static str)> {
        let breaches = [
            (self.dir.joins_identities(), ("dir", JOINED)),
            (self.key_promises_too_much(), ("key", UNKEPT)),
            (self.is_shared_bucket(), ("dir", EMPTY)),
            (self.credentials_leave_the_directory(), ("policy", WIDER)),
            (self.keys == NamedBy::Server && self.methods.contains(Method::Sts), ("keys", STS_NAMES)),
            (self.names_repeat(), ("key", REPEATED)),
        ];
        breaches.into_iter().filter_map(|(broken, told)| broken.then_some(told)).collect()
    }

    fn policy_names_caller(&self) -> bool {
        self.policy.is_some_and(|policy| policy.names_caller(self.dir.names_caller()))
    }

    /// Where only the key names the caller, a caller that sends a key of its own writes where it likes.
    fn key_promises_too_much(&self) -> bool {
        self.key.names_caller() && !self.dir.names_caller() && !self.policy_names_caller()
    }

    /// The sessions tell callers apart, and each of them has the whole bucket.
    fn is_shared_bucket(&self) -> bool {
        self.dir.as_fixed() == Some("") && self.session_name.names_caller() && !self.policy_names_caller()
    }

    /// The server names objects, and a second one could get the name of the first.
    fn names_repeat(&self) -> bool {
        self.keys == NamedBy::Server && self.methods.upload() && !self.key.is_unique()
    }

    /// Nothing but the policy holds credentials to the directory.
    fn credentials_leave_the_directory(&self) -> bool {
        let written = *self.source == PolicySource::Generated || self.policy_names_caller();
        self.methods.contains(Method::Sts) && self.dir.names_caller() && !written
    }
}

const JOINED: &str = "has two slots of the caller between two slashes, where two callers could come to the same \
                      directory (\"a-b\" and \"c\", \"a\" and \"b-c\"): put a slash between them";
const UNKEPT: &str = "names the caller and dir does not, so a caller that sends a key of its own reaches what is \
                      another's: move ${caller.id} into dir";
const EMPTY: &str = "is empty while session_name names the caller, so each caller could touch the whole bucket: put a \
                     directory there, such as \"${caller.id}/\"";
const STS_NAMES: &str = "cannot be \"server\" while methods has \"sts\", since who holds credentials names objects \
                         itself: take \"sts\" out of methods, or use keys = \"caller\"";
const REPEATED: &str = "has no ${uuid}, so two uploads could get the same name, and callers cannot name objects in this \
                        grant: add ${uuid}, or set keys = \"caller\". Without keys, the server names objects where \
                        callers without proof share a directory";
const WIDER: &str = "does not name the caller and dir does, so the credentials of \"sts\" would reach the directories of \
                     all: use \"generated\", put ${dir} into the file, or take \"sts\" out of methods";
