//! What can be wrong with a grant. All of it is reported, not only the first thing.

use super::super::boundaries::Boundaries;
use super::super::document;
use super::super::object_key::ObjectKey;
use super::super::object_settings::ObjectAcl;
use super::super::policy_file::PolicyTemplate;
use super::super::process::Processing;
use super::super::template::Template;
use super::{DURATIONS, Grant, GrantSpec, InvalidGrant, MAX_EXPIRES, MAX_UPLOAD, Parts, Policy, PolicySource};

/// What was found wrong so far.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<InvalidGrant>);

impl Problems {
    fn add(&mut self, key: impl Into<String>, problem: impl Into<String>) {
        self.0.push(InvalidGrant { key: key.into(), problem: problem.into() });
    }

    fn must(&mut self, holds: bool, key: &str, expected: &str) {
        if !holds {
            self.add(key, format!("must be {expected}"));
        }
    }

    pub(super) fn take<T, E: ToString>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(key, format!("cannot be used: {}", error.to_string()))).ok()
    }

    pub(super) fn names(&mut self, spec: &GrantSpec) {
        let bucket = "a bucket: 3 to 63 characters of [a-z0-9-], no \"-\" at the ends";
        self.must(is_bucket(&spec.bucket), "bucket", bucket);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let region = !spec.region.is_empty() && spec.region.bytes().all(plain);
        self.must(region, "region", "a region such as \"cn-hangzhou\"");
        let role = "a role such as \"acs:ram::1234567890123456:role/oss-upload\"";
        self.must(is_role_arn(&spec.role_arn), "role_arn", role);
        let methods =
            "a list with at least one of \"post\", \"put\", \"get\", \"get-version\", \"head\", \"delete\", \"list\"";
        self.must(!spec.methods.on_data().is_empty(), "methods", methods);
    }

    pub(super) fn limits(&mut self, spec: &GrantSpec) {
        let max = spec.max_size.unwrap_or(MAX_UPLOAD);
        self.must(max <= MAX_UPLOAD, "max_size", "at most 5 GiB, all that OSS takes in one request");
        self.must(spec.min_size <= max, "min_size", "at most max_size");
        self.must((1..=MAX_EXPIRES).contains(&spec.expires), "expires", "whole seconds, 1 to 604800");
        self.must((1..=MAX_EXPIRES).contains(&spec.max_expires), "max_expires", "whole seconds, 1 to 604800");
        self.must(spec.expires <= spec.max_expires, "expires", "at most max_expires");
        let duration = "whole seconds, 900 to 43200, and at most the role's own maximum";
        self.must(DURATIONS.contains(&spec.duration), "duration", duration);
        for (key, problem) in spec.object.problems() {
            self.add(key, problem);
        }
        let content_type = "a whole content type such as \"image/png\"";
        for (index, listed) in spec.content_types.iter().enumerate() {
            self.must(is_content_type(listed), &format!("content_types.{index}"), content_type);
        }
        if let Some(default) = &spec.default_content_type {
            self.must(is_content_type(default), "default_content_type", content_type);
            let listed = spec.content_types.is_empty() || spec.content_types.contains(default);
            self.must(listed, "default_content_type", "one of content_types");
        }
    }

    pub(super) fn policy(&mut self, source: &PolicySource) -> Option<Policy> {
        match source {
            PolicySource::Generated => Some(Policy::Generated),
            PolicySource::Role => Some(Policy::Role),
            PolicySource::Text(text) => self.take("policy", PolicyTemplate::parse(text)).map(Policy::Template),
        }
    }

    pub(super) fn processing(&mut self, allow: &[String]) -> Option<Processing> {
        Processing::new(allow)
            .map_err(|(index, error)| self.add(format!("process.allow.{index}"), error.to_string()))
            .ok()
    }

    /// The directory is `/`-bounded, and a name below it is a key, whoever asks.
    pub(super) fn directory(&mut self, spec: &GrantSpec, dir: &Template, key: &Template) {
        let longest = dir.longest(&spec.bucket, "");
        if !longest.is_empty() && !longest.ends_with('/') {
            self.add("dir", "must end with a slash, else \"user/1\" would open \"user/10\" too");
        } else if longest.contains(['*', '?']) {
            self.add("dir", "cannot be used: it has a \"*\" or a \"?\", which a RAM policy would take for a wildcard");
        } else if let Err(error) = ObjectKey::parse(format!("{longest}x")) {
            self.add("dir", format!("cannot be used: {error}"));
        } else if let Err(error) = ObjectKey::parse(format!("{longest}{}", key.longest(&spec.bucket, &longest))) {
            self.add("key", format!("cannot be used: at its longest, below the directory, {error}"));
        }
    }

    pub(super) fn boundaries(&mut self, spec: &GrantSpec, parts: &Parts) {
        let Parts { dir, key, session_name, policy, .. } = parts;
        let policy = match policy {
            Policy::Template(own) => Some(own),
            Policy::Generated | Policy::Role => None,
        };
        let (methods, source, keys) = (spec.methods, &spec.policy, spec.keys_or_default(dir));
        let boundaries = Boundaries { methods, dir, key, keys, session_name, source, policy };
        for (key, problem) in boundaries.breaches() {
            self.add(key, problem);
        }
    }

    /// STS counts the policy's bytes; better to learn that at start than from the caller with the longest name.
    pub(super) fn policy_size(&mut self, grant: &Grant, acl: Option<ObjectAcl>) {
        let dir = grant.dir.longest(&grant.bucket, "");
        let longest = match &grant.policy {
            Policy::Generated => document::written_for(grant.methods, &grant.bucket, &dir, acl),
            Policy::Role => return,
            Policy::Template(template) => template.longest(&grant.bucket, &dir),
        };
        if longest.len() > document::MAX_BYTES {
            let (has, takes) = (longest.len(), document::MAX_BYTES);
            let completed = matches!(&grant.policy, Policy::Template(template) if template.is_completed());
            let with = if completed { ", with the added statement that denies public ACLs" } else { "" };
            let problem = format!("is too long: for the longest identity it has {has} bytes{with}; STS takes {takes}");
            self.add("policy", problem);
        }
    }
}

fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_role_arn(arn: &str) -> bool {
    let Some((account, name)) = arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/")) else {
        return false;
    };
    (1..=20).contains(&account.len())
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// `type/subtype` with optional parameters, in characters that a header takes.
pub(in crate::policy) fn is_content_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    text.len() <= 255
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}
