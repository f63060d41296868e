//! What the grant must not do: each attempt is made with the very key that is handed out, and has to be denied.

use super::Probes;
use super::send::BODY;
use crate::check::cloud::{NoAnswer, Reply};
use crate::check::report::Outcome;
use crate::keys::AccessKey;
use crate::policy::Method;

/// How an attempt ended.
pub(super) enum Tried {
    /// It worked.
    Done,
    /// OSS denied it.
    Denied,
    /// Neither: an answer that tells nothing of rights.
    Unclear(Outcome),
}

impl Probes<'_> {
    /// Writing, reading and listing where the grant does not reach.
    pub(super) async fn beyond(&self, outside: &str, key: &AccessKey) -> Outcome {
        let attempts = [Method::Put, Method::Get, Method::List];
        match self.done(&attempts, outside, "", key).await {
            Ok(done) => self.judged_places(&done),
            Err(unclear) => unclear,
        }
    }

    /// The methods that the grant has not, within the directory.
    pub(super) async fn not_granted(&self, key: &AccessKey) -> Outcome {
        let subject = self.subject;
        let attempts = [
            (Method::Put, subject.uploads()),
            (Method::Get, subject.reads()),
            (Method::List, subject.has(Method::List)),
            (Method::Delete, subject.has(Method::Delete)),
        ];
        let attempts: Vec<_> = attempts.into_iter().filter(|(_, granted)| !granted).map(|(method, _)| method).collect();
        match self.done(&attempts, &subject.key("none"), &subject.inspection.dir, key).await {
            Ok(done) => self.judged_methods(&attempts, &done),
            Err(unclear) => unclear,
        }
    }

    /// Those of `attempts` that work, at the object `name` or for the listing of `prefix`.
    async fn done(
        &self,
        attempts: &[Method],
        name: &str,
        prefix: &str,
        key: &AccessKey,
    ) -> Result<Vec<&'static str>, Outcome> {
        let mut done = Vec::new();
        for method in attempts {
            let outcome = match method {
                Method::Put => self.try_writing(name, key).await,
                Method::List => self.listing(prefix, key).await.map(|reply| told(&reply, method.name())),
                Method::Delete => self.try_deleting(name, key).await,
                _ => self.with_headers("GET", name, b"", key).await.map(|reply| told(&reply, method.name())),
            };
            match outcome {
                Ok(Tried::Done) => done.push(method.name()),
                Ok(Tried::Denied) => {}
                Ok(Tried::Unclear(outcome)) => return Err(outcome),
                Err(no_answer) => return Err(no_answer.outcome("an attempt that had to be denied")),
            }
        }
        Ok(done)
    }

    async fn try_writing(&self, name: &str, key: &AccessKey) -> Result<Tried, NoAnswer> {
        self.objects.may_exist(name);
        let reply = self.with_headers("PUT", name, BODY, key).await?;
        let tried = told(&reply, "put");
        match tried {
            Tried::Done => self.objects.exists(name, reply.header("x-oss-version-id")),
            Tried::Denied | Tried::Unclear(_) => self.objects.does_not_exist(name),
        }
        Ok(tried)
    }

    /// Only ever a key of this check is deleted.
    async fn try_deleting(&self, name: &str, key: &AccessKey) -> Result<Tried, NoAnswer> {
        let reply = self.with_headers("DELETE", name, b"", key).await?;
        let tried = told(&reply, "delete");
        if matches!(tried, Tried::Done) {
            self.marked(name, &reply);
        }
        Ok(tried)
    }

    fn judged_places(&self, done: &[&str]) -> Outcome {
        if done.is_empty() {
            return Outcome::ok("writing, reading and listing outside the directory are refused");
        }
        let narrow = if self.subject.grant.has_role_rights() {
            "set `grants.*.policy` to \"generated\": \"role\" hands out all that the role may"
        } else {
            "narrow the Resource (and oss:Prefix) in the file of `grants.*.policy`, or set it to \"generated\""
        };
        self.too_wide(&format!("can {} anywhere in the bucket", done.join(", "))).hint(narrow)
    }

    fn judged_methods(&self, attempts: &[Method], done: &[&str]) -> Outcome {
        let names: Vec<_> = attempts.iter().map(|method| method.name()).collect();
        match (names.as_slice(), done) {
            ([], _) => Outcome::skipped("the grant has every method"),
            (names, []) => Outcome::ok(format!("what is not granted is refused: {}", names.join(", "))),
            (_, done) => self.too_wide(&format!("can do what is not granted: {}", done.join(", "))).hint(
                "add it to `grants.*.methods` if it is meant; else set `grants.*.policy` to \"generated\", or narrow the \
                 Action in its file",
            ),
        }
    }

    /// Credentials that are handed out are a hole; a session that only signs is one only if its key is stolen.
    fn too_wide(&self, can: &str) -> Outcome {
        if self.subject.has(Method::Sts) {
            return Outcome::failed(format!("the credentials {can}"));
        }
        Outcome::warning(format!("the session that signs {can}; forms and URLs are held by their signature"))
    }
}

/// What an answer says of the right to ask. That there is no such object is told only to those who may look.
pub(super) fn told(reply: &Reply, what: &str) -> Tried {
    if reply.status.is_success() || reply.is_no_such_key() {
        Tried::Done
    } else if reply.is_denied() {
        Tried::Denied
    } else {
        Tried::Unclear(reply.refused(&format!("{what}, which had to be denied,")))
    }
}
