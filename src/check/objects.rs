//! The objects that a check writes, and their removal.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cloud::{Ask, Cloud};
use super::report::Outcome;
use super::subject::{Keys, Subject};
use crate::keys::AccessKey;
use crate::policy::Method;

/// What was written and not yet removed.
#[derive(Default)]
pub(super) struct Objects(Mutex<Vec<Object>>);

#[derive(Clone)]
struct Object {
    key: String,
    /// In a bucket with versions, which one it is.
    version: Option<String>,
    /// Whether OSS said that it was written; else nobody knows.
    certain: bool,
}

impl Objects {
    /// A write begins, whose end may never be heard of.
    pub(super) fn may_exist(&self, key: &str) {
        self.all().push(Object { key: key.to_owned(), version: None, certain: false });
    }

    /// The write was done.
    pub(super) fn exists(&self, key: &str, version: Option<&str>) {
        for object in self.all().iter_mut().filter(|object| object.key == key) {
            object.certain = true;
            object.version = version.map(str::to_owned);
        }
    }

    /// The write was refused.
    pub(super) fn does_not_exist(&self, key: &str) {
        self.all().retain(|object| object.key != key);
    }

    /// One that was written.
    pub(super) fn one(&self) -> Option<String> {
        self.all().iter().find(|object| object.certain).map(|object| object.key.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Removes them all, by whoever can; what is left is named.
    pub(super) async fn remove(
        &self,
        cloud: &Cloud,
        subject: &Subject<'_>,
        keys: &Keys,
        access_key: &AccessKey,
    ) -> Outcome {
        let signing = keys.signing.as_ref().filter(|_| subject.has(Method::Delete));
        let sessions = [signing, keys.keeper.as_ref()].into_iter().flatten().map(|key| &key.access_key);
        let hands: Vec<_> = sessions.chain([access_key]).collect();
        let objects = self.all().clone();
        let mut left = Vec::new();
        for object in &objects {
            if !object.removed(cloud, subject, &hands).await {
                left.push(object.key.as_str());
            }
        }
        if left.is_empty() {
            return Outcome::ok(format!("{} objects removed", objects.len()));
        }
        Outcome::warning(format!("the objects of this check could not be removed: {}", left.join(", "))).hint(
            "remove them in the OSS console; with oss:DeleteObject for the role or for the AccessKey a check cleans up itself",
        )
    }

    fn all(&self) -> MutexGuard<'_, Vec<Object>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object {
    async fn removed(&self, cloud: &Cloud, subject: &Subject<'_>, hands: &[&AccessKey]) -> bool {
        let version = self.version.as_deref().map(|version| ("versionId", version));
        for hand in hands {
            let query: Vec<_> = version.into_iter().collect();
            let ask = Ask { method: "DELETE", key: Some(&self.key), query: &query, ..Ask::default() };
            if cloud.signed(&subject.place, ask, hand).await.is_ok_and(|reply| reply.status.is_success()) {
                return true;
            }
        }
        false
    }
}
