//! What the grant promises.

use super::Probes;
use super::send::{BODY, EDGE};
use crate::check::cloud::{Ask, NoAnswer, Reply};
use crate::check::report::Outcome;
use crate::keys::{AccessKey, SessionKey};

impl Probes<'_> {
    pub(super) async fn put(&self, signing: &AccessKey, name: &'static str, by_v1: bool) -> Outcome {
        let key = self.subject.key(name);
        let content_type = self.content_type();
        let headers = [("content-type", content_type)];
        self.objects.may_exist(&key);
        let reply = self.by_url("PUT", &key, &headers, BODY, signing, by_v1).await;
        let version = if by_v1 { "V1" } else { "V4" };
        self.written(&key, &format!("an upload by a signed URL ({version})"), reply)
    }

    pub(super) async fn post(&self, signing: &AccessKey) -> Outcome {
        let key = self.subject.key("post");
        self.objects.may_exist(&key);
        let body = self.form(&key, signing);
        let content_type = format!("multipart/form-data; boundary={EDGE}");
        let headers = [("content-type", content_type.as_str())];
        let ask = Ask { method: "POST", headers: &headers, body: &body, ..Ask::default() };
        let reply = self.cloud.unsigned(&self.subject.place, ask).await;
        self.written(&key, "an upload by a signed form", reply)
    }

    /// An upload with a signature in the headers, as a page's SDK makes it from the credentials.
    pub(super) async fn by_sdk(&self, credentials: &SessionKey) -> Outcome {
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

    pub(super) async fn read(&self, method: &'static str, signing: &AccessKey) -> Outcome {
        let what = format!("reading by a signed URL ({method})");
        let written = self.objects.one();
        let key = written.clone().unwrap_or_else(|| self.subject.key("none"));
        match self.by_url(method, &key, &[], b"", signing, false).await {
            Ok(reply) if reply.is_link() => Outcome::failed(format!(
                "{what}: {key} is a symbolic link now, whose target is another object"
            ))
            .hint("find out who else may write there, with `oss:PutObject`; what is behind a link is not looked at"),
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

    pub(super) async fn list(&self, credentials: &SessionKey) -> Outcome {
        let dir = &self.subject.inspection.dir;
        match self.listing(dir, &credentials.access_key).await {
            Ok(reply) if reply.status.is_success() => Outcome::ok(format!("listing works, of {dir}")),
            Ok(reply) => reply.refused("listing the directory"),
            Err(no_answer) => no_answer.outcome("listing the directory"),
        }
    }

    pub(super) async fn delete(&self, signing: &AccessKey) -> Outcome {
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
}
