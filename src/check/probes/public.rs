//! Whether an upload can be made readable by everyone.

use super::Probes;
use super::beyond::{Tried, told};
use super::send::BODY;
use crate::check::cloud::{Ask, NoAnswer};
use crate::check::report::Outcome;
use crate::check::subject::PUBLIC;
use crate::keys::AccessKey;
use crate::policy::Method;

const DENIAL: &str = "{\"Effect\":\"Deny\",\"Action\":[\"oss:PutObject\",\"oss:PutObjectAcl\"],\"Resource\":[\"*\"],\
                      \"Condition\":{\"StringEqualsIgnoreCase\":{\"oss:x-oss-object-acl\":[\"public-read\",\
                      \"public-read-write\"]}}}";

impl Probes<'_> {
    /// An upload with a public ACL by the session that is handed out, or that signs: it has to be denied.
    pub(super) async fn public_by_session(&self, key: &AccessKey) -> Outcome {
        let who = if self.subject.has(Method::Sts) { "the credentials" } else { "the session that signs" };
        match self.upload_public(key).await {
            Ok(Tried::Denied) => Outcome::ok(format!("{who} cannot make an object public")),
            Ok(Tried::Done) => {
                let says = format!("{who} can make an object public (x-oss-object-acl)");
                // The operator chose to hand out whatever the role may.
                let chosen = self.subject.grant.has_role_rights();
                let outcome = if chosen { Outcome::warning(says) } else { Outcome::failed(says) };
                outcome.hint(format!(
                    "set `grants.*.policy` to \"generated\", or add this statement to the policy of the role: {DENIAL}"
                ))
            }
            Ok(Tried::Unclear(outcome)) => outcome,
            Err(no_answer) => no_answer.outcome("an upload with a public ACL"),
        }
    }

    /// The same with the rights of the role: what refuses it is the role's policy or *Block Public Access*.
    pub(super) async fn public_by_role(&self, key: &AccessKey) -> Outcome {
        match self.upload_public(key).await {
            Ok(Tried::Denied) => Outcome::ok("the role or Block Public Access keeps objects private"),
            Ok(Tried::Done) => Outcome::warning("with the rights of the role an object can be made public").hint(format!(
                "turn on Block Public Access: OSS console, the bucket <bucket>, Permission Control; and add this statement \
                 to the policy of the role: {DENIAL}"
            )),
            Ok(Tried::Unclear(outcome)) => outcome,
            Err(no_answer) => no_answer.outcome("an upload with a public ACL"),
        }
    }

    async fn upload_public(&self, access_key: &AccessKey) -> Result<Tried, NoAnswer> {
        let key = self.subject.key(PUBLIC);
        let headers = [("content-type", self.content_type()), ("x-oss-object-acl", "public-read")];
        self.objects.may_exist(&key);
        let ask = Ask { method: "PUT", key: Some(&key), headers: &headers, body: BODY, ..Ask::default() };
        let reply = self.cloud.signed(&self.subject.place, ask, access_key).await?;
        let tried = told(&reply, "an upload with a public ACL");
        match tried {
            Tried::Done => self.objects.exists(&key, reply.header("x-oss-version-id")),
            Tried::Denied | Tried::Unclear(_) => self.objects.does_not_exist(&key),
        }
        Ok(tried)
    }
}
