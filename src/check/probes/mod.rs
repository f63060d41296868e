//! What the grant hands out is used: it has to work within the grant, and must not work beyond.

mod beyond;
mod public;
mod send;
mod within;

use super::cloud::{Cloud, Reply};
use super::objects::Objects;
use super::report::{Outcome, Steps};
use super::subject::{Keys, Subject};
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Method;

/// The probes of one grant.
pub(super) struct Probes<'p> {
    pub(super) cloud: &'p Cloud,
    pub(super) subject: &'p Subject<'p>,
    pub(super) keys: &'p Keys,
    pub(super) objects: &'p Objects,
}

impl Probes<'_> {
    /// All that fit the grant; whether anything was written stands in the objects.
    pub(super) async fn make(&self, steps: &mut Steps<'_>) {
        let grant = Some(self.subject.grant.name.as_str());
        let Some(signing) = &self.keys.signing else {
            return steps.add("probes", grant, Outcome::skipped("there is no session to probe with"));
        };
        let signing = &signing.access_key;
        self.uploads(steps, signing).await;
        self.reads(steps, signing).await;
        if let Some(narrow) = self.subject.narrow(self.keys) {
            self.limits(steps, narrow).await;
            self.public_acls(steps, narrow).await;
        }
    }

    async fn uploads(&self, steps: &mut Steps<'_>, signing: &AccessKey) {
        let (subject, grant) = (self.subject, Some(self.subject.grant.name.as_str()));
        if subject.has(Method::Put) {
            steps.make("put", grant, self.named(self.put(signing, "put", false))).await;
        }
        if subject.has(Method::Put) && subject.grant.signature_v1 {
            steps.make("signature-v1", grant, self.named(self.put(signing, "v1", true))).await;
        }
        if subject.has(Method::Post) {
            steps.make("post", grant, self.named(self.post(signing))).await;
        }
        if let Some(credentials) = self.keys.credentials.as_ref().filter(|_| subject.uploads()) {
            steps.make("credentials", grant, self.named(self.by_sdk(credentials))).await;
        }
    }

    async fn reads(&self, steps: &mut Steps<'_>, signing: &AccessKey) {
        let (subject, grant) = (self.subject, Some(self.subject.grant.name.as_str()));
        if let Some(reading) = &self.keys.reading {
            for (method, step, http_method) in [(Method::Get, "get", "GET"), (Method::Head, "head", "HEAD")] {
                if subject.has(method) {
                    steps.make(step, grant, self.named(self.read(http_method, &reading.access_key))).await;
                }
            }
        }
        if let Some(credentials) = self.keys.credentials.as_ref().filter(|_| subject.has(Method::List)) {
            steps.make("list", grant, self.named(self.list(credentials))).await;
        }
        if subject.has(Method::Delete) {
            steps.make("delete", grant, self.named(self.delete(signing))).await;
        }
    }

    /// What must be refused.
    async fn limits(&self, steps: &mut Steps<'_>, narrow: &SessionKey) {
        let (subject, grant) = (self.subject, Some(self.subject.grant.name.as_str()));
        let key = &narrow.access_key;
        match subject.outside() {
            Some(outside) => _ = steps.make("outside", grant, self.named(self.beyond(&outside, key))).await,
            None => steps.add("outside", grant, Outcome::skipped(no_outside(subject))),
        }
        steps.make("not-granted", grant, self.named(self.not_granted(key))).await;
    }

    /// Uploads that would be readable by everyone.
    async fn public_acls(&self, steps: &mut Steps<'_>, narrow: &SessionKey) {
        if !self.subject.uploads() {
            return;
        }
        let grant = Some(self.subject.grant.name.as_str());
        steps.make("public-acl", grant, self.named(self.public_by_session(&narrow.access_key))).await;
        match &self.keys.keeper {
            Some(keeper) => {
                steps.make("block-public-access", grant, self.named(self.public_by_role(&keeper.access_key))).await;
            }
            None => {
                steps.add("block-public-access", grant, Outcome::skipped("the role opened no session to try it with"));
            }
        }
    }

    async fn named(&self, outcome: impl Future<Output = Outcome>) -> Outcome {
        let outcome = outcome.await.of_grant(&self.subject.grant.name);
        let Subject { place, inspection, .. } = self.subject;
        let exact =
            |hint: String| hint.replace("<bucket>", &place.bucket).replace("<directory>", &inspection.signing_prefix);
        Outcome { hint: outcome.hint.map(exact), ..outcome }
    }

    /// In a bucket with versions even a deletion leaves something: a marker.
    fn marked(&self, key: &str, reply: &Reply) {
        if reply.header("x-oss-delete-marker").is_some() {
            self.objects.may_exist(key);
            self.objects.exists(key, reply.header("x-oss-version-id"));
        }
    }
}

fn no_outside(subject: &Subject<'_>) -> &'static str {
    if subject.has(Method::Sts) {
        "the grant's directory is the whole bucket"
    } else {
        "the session that signs is for every caller's directory; a form or URL is held to its own by the signature"
    }
}
