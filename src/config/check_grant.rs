//! Checks the grants, and completes what follows from elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use super::byte_size::ByteSize;
use super::check::{Check, SESSION_SECONDS};
use super::format;
use super::problem::{Problem, step};
use super::settings::{GrantSettings, PolicySource, Settings, StsSettings};
use super::tree::{self, Origin};

/// What OSS allows for `x-oss-expires`: up to seven days.
const URL_SECONDS: RangeInclusive<u64> = 1..=604_800;

/// The most that OSS takes in one `PutObject` or `PostObject`.
const OSS_LIMIT: ByteSize = ByteSize::new(5 << 30);

impl Check<'_> {
    pub(super) fn grants(&mut self, settings: &mut Settings) {
        if settings.grants.is_empty() {
            let text = "is empty, so there is nothing to vend: add a [grants.<name>], or set BUCKET and REGION";
            self.blame(&["grants"], &Problem::Other(text.to_owned()));
        }
        for (name, grant) in &mut settings.grants {
            self.grant(name, grant, &settings.sts);
        }
    }

    /// The texts of the policy files.
    pub(super) fn policy_files(&mut self, settings: &Settings) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (name, grant) in &settings.grants {
            if let PolicySource::File(file) = &grant.policy {
                match policy_file(file) {
                    Ok(text) => drop(texts.insert(name.clone(), text)),
                    Err(problem) => self.blame(&["grants", name, "policy"], &problem),
                }
            }
        }
        texts
    }

    fn grant(&mut self, name: &str, grant: &mut GrantSettings, sts: &StsSettings) {
        self.text(
            &["grants", name],
            name,
            format::is_grant_name,
            "named with 1 to 32 characters of [a-z0-9_-], the first a letter or digit",
        );
        self.bucket(name, grant, sts);
        self.public_names(name, grant);
        self.sizes(name, grant);
        self.content_types(name, grant);
        self.lives(name, grant);
        self.role(&["grants", name, "role_arn"], grant.role_arn.as_deref());
        if grant.role_arn.is_none() && sts.role_arn.is_none() {
            self.missing(&["grants", name, "role_arn"], "set it here, or sts.role_arn, or the variable RAM_ROLE_ARN");
        }
        let expected = "2 to 64 characters of [A-Za-z0-9.@_-]";
        self.text(&["grants", name, "session_name"], &grant.session_name, format::is_session_name, expected);
        self.some(&["grants", name, "methods"], grant.methods.is_empty());
        self.some(&["grants", name, "signature_versions"], grant.signature_versions.is_empty());
        if let PolicySource::File(file) = &mut grant.policy {
            self.anchor(&["grants", name, "policy"], file);
        }
    }

    fn bucket(&mut self, name: &str, grant: &mut GrantSettings, sts: &StsSettings) {
        if grant.bucket.is_empty() {
            self.missing(&["grants", name, "bucket"], "name the bucket that it vends for");
        } else {
            let expected = "a bucket: 3 to 63 characters of [a-z0-9-], no \"-\" at the ends";
            self.text(&["grants", name, "bucket"], &grant.bucket, format::is_bucket, expected);
        }
        self.address(&["grants", name, "endpoint"], &mut grant.endpoint);
        let of_endpoint = grant.endpoint.as_deref().and_then(format::region_of);
        if grant.region.is_empty() {
            grant.region = of_endpoint.map(str::to_owned).or_else(|| sts.region.clone()).unwrap_or_default();
        }
        if grant.region.is_empty() {
            return self.region_is_missing(name);
        }
        self.region(&["grants", name, "region"], &mut grant.region);
        if let Some(other) = of_endpoint.filter(|other| *other != grant.region) {
            let problem =
                Problem::misfit(format!("{other:?}, the region of the endpoint"), format!("{:?}", grant.region));
            self.blame(&["grants", name, "region"], &problem);
        }
    }

    fn region_is_missing(&mut self, name: &str) {
        let advice = match tree::origin(self.table, &["grants", name]) {
            Some(Origin::Variable(bucket)) if bucket.ends_with("BUCKET") => {
                format!("set {}", bucket.replace("BUCKET", "REGION"))
            }
            _ => "name the bucket's region, such as \"cn-hangzhou\"".to_owned(),
        };
        self.missing(&["grants", name, "region"], &advice);
    }

    fn public_names(&mut self, name: &str, grant: &mut GrantSettings) {
        self.address(&["grants", name, "public_host"], &mut grant.public_host);
        let inside = |endpoint: &String| endpoint.ends_with("-internal.aliyuncs.com");
        if grant.public_host.is_none() && grant.endpoint.as_ref().is_some_and(inside) {
            self.notes.push(format!("grants.{name}.endpoint is one that browsers outside Alibaba Cloud cannot reach"));
        }
    }

    fn sizes(&mut self, name: &str, grant: &GrantSettings) {
        let (least, most) = (grant.min_size, grant.max_size);
        if most > OSS_LIMIT {
            let expected = format!("at most {OSS_LIMIT}, all that OSS takes in one request");
            self.blame(&["grants", name, "max_size"], &Problem::misfit(expected, most.to_string()));
        } else if least > most {
            self.blame(
                &["grants", name, "min_size"],
                &Problem::misfit(format!("at most max_size, {most}"), least.to_string()),
            );
        }
    }

    fn content_types(&mut self, name: &str, grant: &GrantSettings) {
        let expected = "a whole content type such as \"image/png\"";
        for (index, listed) in grant.content_types.iter().enumerate() {
            self.text(&["grants", name, "content_types", &step(index)], listed, format::is_content_type, expected);
        }
        let Some(default) = &grant.default_content_type else { return };
        let path = ["grants", name, "default_content_type"];
        self.text(&path, default, format::is_content_type, expected);
        if !grant.content_types.is_empty() {
            self.text(
                &path,
                default,
                |default| grant.content_types.iter().any(|listed| listed == default),
                "one of content_types",
            );
        }
    }

    fn lives(&mut self, name: &str, grant: &GrantSettings) {
        self.seconds(&["grants", name, "expires"], grant.expires, &URL_SECONDS);
        self.seconds(&["grants", name, "max_expires"], grant.max_expires, &URL_SECONDS);
        if grant.expires > grant.max_expires {
            let problem = Problem::misfit(
                format!("at most max_expires, {:?}", grant.max_expires),
                format!("{:?}", grant.expires),
            );
            self.blame(&["grants", name, "expires"], &problem);
        }
        if let Some(duration) = grant.duration {
            self.seconds(&["grants", name, "duration"], duration, &SESSION_SECONDS);
        }
    }

    fn some(&mut self, path: &[&str], empty: bool) {
        if empty {
            self.blame(path, &Problem::expected("a list with something in it"));
        }
    }
}

fn policy_file(file: &Path) -> Result<String, Problem> {
    let named = |expected: &str, error: &dyn ToString| {
        Problem::Other(format!("must be {expected}; {}: {}", file.display(), error.to_string()))
    };
    let text = fs::read_to_string(file)
        .map_err(|error| named("\"generated\", \"role\" or a file that can be read", &error))?;
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(named("a file that holds a JSON object", &error)),
    }
}
