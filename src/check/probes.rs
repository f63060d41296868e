//! What the grant hands out is used: it has to work within the grant, and must not work beyond.

use chrono::TimeDelta;

use super::cloud::{Ask, Cloud, NoAnswer, Reply};
use super::objects::Objects;
use super::report::{Outcome, Steps};
use super::subject::{Keys, Subject};
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Method;
use crate::signing::post::{self, Conditions};
use crate::signing::presign::{self, Presign};
use crate::signing::v4::{PRODUCT, Signer};
use crate::signing::Request;

/// What the probes write.
const BODY: &[u8] = b"written by oss-vend check; it may be removed\n";

/// The life of a probe's signature, in seconds.
const LIFE: u32 = 300;

/// The edge between the fields of a form.
const EDGE: &str = "oss-vend-check-edge";

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
        if subject.has(Method::Get) {
            steps.make("get", grant, self.named(self.read("GET", signing))).await;
        }
        if subject.has(Method::Head) {
            steps.make("head", grant, self.named(self.read("HEAD", signing))).await;
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

    async fn named(&self, outcome: impl Future<Output = Outcome>) -> Outcome {
        let outcome = outcome.await.of_grant(&self.subject.grant.name);
        let Subject { place, inspection, .. } = self.subject;
        let exact = |hint: String| hint.replace("<bucket>", &place.bucket).replace("<directory>", &inspection.signing_prefix);
        Outcome { hint: outcome.hint.map(exact), ..outcome }
    }

    async fn put(&self, signing: &AccessKey, name: &'static str, by_v1: bool) -> Outcome {
        let key = self.subject.key(name);
        let content_type = self.content_type();
        let headers = [("content-type", content_type)];
        self.objects.may_exist(&key);
        let reply = self.by_url("PUT", &key, &headers, BODY, signing, by_v1).await;
        let version = if by_v1 { "V1" } else { "V4" };
        self.written(&key, &format!("an upload by a signed URL ({version})"), reply)
    }

    async fn post(&self, signing: &AccessKey) -> Outcome {
        let key = self.subject.key("post");
        self.objects.may_exist(&key);
        let body = self.form(&key, signing);
        let content_type = format!("multipart/form-data; boundary={EDGE}");
        let headers = [("content-type", content_type.as_str())];
        let ask = Ask { method: "POST", headers: &headers, body: &body, ..Ask::default() };
        let reply = self.cloud.unsigned(&self.subject.place, ask).await;
        self.written(&key, "an upload by a signed form", reply)
    }

    fn form(&self, key: &str, signing: &AccessKey) -> Vec<u8> {
        let now = self.cloud.now();
        let place = &self.subject.place;
        let conditions = Conditions::new()
            .exact("bucket", &place.bucket)
            .exact("key", key)
            .content_length(0..=BODY.len() as u64)
            .exact("success_action_status", "200");
        let signer = Signer::new(signing, &place.region, PRODUCT, now.date_naive());
        let form = post::sign_v4(conditions, now + TimeDelta::seconds(LIFE.into()), &signer, now);
        let fields = [("key", key), ("success_action_status", "200")].into_iter().chain(form.fields());
        let mut body = String::new();
        for (name, value) in fields {
            let lines = ["--", EDGE, "\r\ncontent-disposition: form-data; name=\"", name, "\"\r\n\r\n", value, "\r\n"];
            body.extend(lines);
        }
        body.extend(["--", EDGE, "\r\ncontent-disposition: form-data; name=\"file\"; filename=\"probe\"\r\n\r\n"]);
        [body.as_bytes(), BODY, b"\r\n--", EDGE.as_bytes(), b"--\r\n"].concat()
    }

    /// An upload with a signature in the headers, as a page's SDK makes it from the credentials.
    async fn by_sdk(&self, credentials: &SessionKey) -> Outcome {
        let key = self.subject.key("sdk");
        self.objects.may_exist(&key);
        let headers = [("content-type", self.content_type())];
        let ask = Ask { method: "PUT", key: Some(&key), headers: &headers, body: BODY, ..Ask::default() };
        let reply = self.cloud.signed(&self.subject.place, ask, &credentials.access_key).await;
        self.written(&key, "an upload with the credentials", reply)
    }

    fn written(&self, key: &str, what: &str, reply: Result<Reply, NoAnswer>) -> Outcome {
        match reply {
            Ok(reply) if reply.status.is_success() => {
                self.objects.exists(key, reply.header("x-oss-version-id"));
                Outcome::ok(format!("{what} works, to {}", self.subject.inspection.dir))
            }
            Ok(reply) => {
                self.objects.does_not_exist(key);
                reply.refused(what)
            }
            Err(no_answer) => no_answer.outcome(what),
        }
    }

    async fn read(&self, method: &'static str, signing: &AccessKey) -> Outcome {
        let what = format!("reading by a signed URL ({method})");
        let written = self.objects.one();
        let key = written.clone().unwrap_or_else(|| self.subject.key("none"));
        match self.by_url(method, &key, &[], b"", signing, false).await {
            Ok(reply) if reply.status.is_success() && (method == "HEAD" || reply.body == BODY) => {
                Outcome::ok(format!("{what} works"))
            }
            Ok(reply) if reply.status.is_success() => {
                Outcome::failed(format!("{what} gives other bytes than were written"))
                    .hint("look for a proxy or a CDN in between that changes what it passes on")
            }
            Ok(reply) if written.is_none() && reply.is_no_such_key() => {
                Outcome::ok(format!("{what} is allowed; there was no object to read"))
            }
            Ok(reply) if written.is_none() && reply.is_denied() => {
                let refused = reply.refused(&what);
                Outcome::warning(format!("{}; it was for an object that does not exist", refused.detail))
                    .code(refused.code.as_deref())
                    .hint(refused.hint.unwrap_or_default())
            }
            Ok(reply) => reply.refused(&what),
            Err(no_answer) => no_answer.outcome(&what),
        }
    }

    async fn list(&self, credentials: &SessionKey) -> Outcome {
        let dir = &self.subject.inspection.dir;
        match self.listing(dir, &credentials.access_key).await {
            Ok(reply) if reply.status.is_success() => Outcome::ok(format!("listing works, of {dir}")),
            Ok(reply) => reply.refused("listing the directory"),
            Err(no_answer) => no_answer.outcome("listing the directory"),
        }
    }

    async fn listing(&self, prefix: &str, key: &AccessKey) -> Result<Reply, NoAnswer> {
        let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", prefix)];
        let query = if prefix.is_empty() { &query[..2] } else { &query[..] };
        self.cloud.signed(&self.subject.place, Ask { method: "GET", query, ..Ask::default() }, key).await
    }

    async fn delete(&self, signing: &AccessKey) -> Outcome {
        // A key of its own: the objects that were written are still needed.
        let key = self.subject.key("none");
        match self.by_url("DELETE", &key, &[], b"", signing, false).await {
            Ok(reply) if reply.status.is_success() => {
                self.marked(&key, &reply);
                Outcome::ok("deleting by a signed URL works")
            }
            Ok(reply) => reply.refused("deleting by a signed URL"),
            Err(no_answer) => no_answer.outcome("deleting by a signed URL"),
        }
    }

    /// In a bucket with versions even a deletion leaves something: a marker.
    fn marked(&self, key: &str, reply: &Reply) {
        if reply.header("x-oss-delete-marker").is_some() {
            self.objects.may_exist(key);
            self.objects.exists(key, reply.header("x-oss-version-id"));
        }
    }

    /// Writing, reading and listing where the grant does not reach.
    async fn beyond(&self, outside: &str, key: &AccessKey) -> Outcome {
        let mut done = Vec::new();
        self.objects.may_exist(outside);
        match self.with_headers("PUT", outside, BODY, key).await {
            Ok(reply) if reply.status.is_success() => {
                self.objects.exists(outside, reply.header("x-oss-version-id"));
                done.push("write");
            }
            Ok(reply) if reply.is_denied() => self.objects.does_not_exist(outside),
            Ok(reply) => {
                self.objects.does_not_exist(outside);
                return reply.refused("writing outside the directory, which had to be denied,");
            }
            Err(no_answer) => return no_answer.outcome("writing outside the directory"),
        }
        match self.with_headers("GET", outside, b"", key).await {
            Ok(reply) if reply.status.is_success() || reply.is_no_such_key() => done.push("read"),
            Ok(_) => {}
            Err(no_answer) => return no_answer.outcome("reading outside the directory"),
        }
        match self.listing("", key).await {
            Ok(reply) if reply.status.is_success() => done.push("list"),
            Ok(_) => {}
            Err(no_answer) => return no_answer.outcome("listing the whole bucket"),
        }
        self.judged(&done)
    }

    fn judged(&self, done: &[&str]) -> Outcome {
        if done.is_empty() {
            return Outcome::ok("writing, reading and listing outside the directory are refused");
        }
        let can = done.join(" and ");
        let narrow = if self.subject.grant.has_role_rights() {
            "set `grants.*.policy` to \"generated\": \"role\" hands out all that the role may"
        } else {
            "narrow the Resource (and oss:Prefix) in the file of `grants.*.policy`, or set it to \"generated\""
        };
        if self.subject.has(Method::Sts) {
            return Outcome::failed(format!("the credentials can {can} anywhere in the bucket")).hint(narrow);
        }
        let says = format!("the session that signs can {can} outside the directory; forms and URLs are held by their signature");
        Outcome::warning(says).hint(narrow)
    }

    /// The methods that the grant has not, within the directory.
    async fn not_granted(&self, key: &AccessKey) -> Outcome {
        let subject = self.subject;
        let inside = self.objects.one().unwrap_or_else(|| subject.key("none"));
        let mut done = Vec::new();
        let mut asked = Vec::new();
        if !subject.uploads() {
            asked.push("put");
            let key_of_probe = subject.key("put");
            self.objects.may_exist(&key_of_probe);
            match self.with_headers("PUT", &key_of_probe, BODY, key).await {
                Ok(reply) if reply.status.is_success() => {
                    self.objects.exists(&key_of_probe, reply.header("x-oss-version-id"));
                    done.push("put");
                }
                Ok(_) => self.objects.does_not_exist(&key_of_probe),
                Err(no_answer) => return no_answer.outcome("writing"),
            }
        }
        if !subject.reads() {
            asked.push("get");
            match self.with_headers("GET", &inside, b"", key).await {
                Ok(reply) if reply.status.is_success() || reply.is_no_such_key() => done.push("get"),
                Ok(_) => {}
                Err(no_answer) => return no_answer.outcome("reading"),
            }
        }
        if !subject.has(Method::List) {
            asked.push("list");
            match self.listing(&subject.inspection.dir, key).await {
                Ok(reply) if reply.status.is_success() => done.push("list"),
                Ok(_) => {}
                Err(no_answer) => return no_answer.outcome("listing"),
            }
        }
        if !subject.has(Method::Delete) {
            asked.push("delete");
            // Only ever a key of this check.
            let none = subject.key("none");
            match self.with_headers("DELETE", &none, b"", key).await {
                Ok(reply) if reply.status.is_success() => {
                    self.marked(&none, &reply);
                    done.push("delete");
                }
                Ok(_) => {}
                Err(no_answer) => return no_answer.outcome("deleting"),
            }
        }
        self.judged_methods(&asked, &done)
    }

    fn judged_methods(&self, asked: &[&str], done: &[&str]) -> Outcome {
        if asked.is_empty() {
            return Outcome::skipped("the grant has every method");
        }
        if done.is_empty() {
            return Outcome::ok(format!("what is not granted is refused: {}", asked.join(", ")));
        }
        let can = done.join(", ");
        let hint = "add it to `grants.*.methods` if it is meant; else set `grants.*.policy` to \"generated\", or narrow the \
                    Action in its file";
        if self.subject.has(Method::Sts) {
            return Outcome::failed(format!("the credentials can do what is not granted: {can}")).hint(hint);
        }
        let says = format!("the session that signs can do what is not granted: {can}; forms and URLs are held by their signature");
        Outcome::warning(says).hint(hint)
    }

    async fn with_headers(
        &self,
        method: &'static str,
        key: &str,
        body: &[u8],
        access_key: &AccessKey,
    ) -> Result<Reply, NoAnswer> {
        let ask = Ask { method, key: Some(key), body, ..Ask::default() };
        self.cloud.signed(&self.subject.place, ask, access_key).await
    }

    async fn by_url(
        &self,
        method: &'static str,
        key: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        signing: &AccessKey,
        by_v1: bool,
    ) -> Result<Reply, NoAnswer> {
        let (place, now) = (&self.subject.place, self.cloud.now());
        let request =
            Request { method, bucket: Some(&place.bucket), key: Some(key), query: &[], headers, additional_headers: &[] };
        let presign = Presign { request, base: &place.base, expires_in: LIFE };
        let url = if by_v1 {
            presign::v1(&presign, signing, now)
        } else {
            presign::v4(&presign, &Signer::new(signing, &place.region, PRODUCT, now.date_naive()), now)
        };
        self.cloud.send(&url, Ask { method, headers, body, ..Ask::default() }).await
    }

    fn content_type(&self) -> &str {
        self.subject.grant.content_types.first().map_or("text/plain", String::as_str)
    }
}

fn no_outside(subject: &Subject<'_>) -> &'static str {
    if subject.has(Method::Sts) {
        "the grant's directory is the whole bucket"
    } else {
        "the session that signs is for every caller's directory; a form or URL is held to its own by the signature"
    }
}
