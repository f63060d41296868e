//! Checks the grants, and completes what follows from elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use super::build::{self, Beside};
use super::check::{Check, SESSION_SECONDS};
use super::check_serving;
use super::format;
use super::problem::{Problem, step};
use super::settings::{GrantSettings, PolicySource, Settings, StsSettings};
use super::tree::{self, Origin};
use crate::policy::{self, Grant, Grants, InvalidGrant, Overlap, confine_reads};

/// Why `policy = "role"` and anonymous callers do not go together.
pub(super) const ROLE_FOR_ALL: &str = "cannot be \"role\" while callers that prove nothing are served: everyone would \
    have all rights of the role. Take \"generated\", name the grant's callers, or leave auth.anonymous out";

/// What OSS allows for `x-oss-expires`: up to seven days.
const URL_SECONDS: RangeInclusive<u64> = 1..=604_800;

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

    /// A role's full rights for whoever comes by is never what was meant.
    pub(super) fn anonymous_roles(&mut self, settings: &Settings) {
        let bare = |grant: &GrantSettings| grant.policy == PolicySource::Role && grant.audience().is_open();
        let bare = settings.grants.iter().filter(|(_, grant)| settings.auth.serves_anonymous() && bare(grant));
        for (name, _) in bare {
            self.blame(&["grants", name, "policy"], &Problem::Other(ROLE_FOR_ALL.to_owned()));
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

    /// Has each grant built as the server will build it, and tells what cannot be.
    pub(super) fn rules(&mut self, settings: &Settings, policy_texts: &BTreeMap<String, String>) {
        let mut built = Grants::new();
        for (name, grant) in &settings.grants {
            let text = policy_texts.get(name).cloned();
            let beside = Beside { sts: &settings.sts, auth: &settings.auth };
            let spec = build::spec(name.clone(), grant.clone(), text, beside);
            let problems = match Grant::build(spec) {
                Ok(grant) => {
                    for (key, problem) in check_serving::misuses(&grant, &settings.auth, &settings.classic) {
                        self.blame(&["grants", name, key], &Problem::Other(problem));
                    }
                    built.insert(name.clone(), grant);
                    continue;
                }
                Err(problems) => problems,
            };
            for InvalidGrant { key, problem } in problems {
                // What was taken over from [sts] was told there.
                let inherited = matches!(key.as_str(), "role_arn" if grant.role_arn.is_none())
                    || matches!(key.as_str(), "duration" if grant.duration.is_none());
                if !inherited {
                    let steps = key.split('.').map(|part| part.parse().map_or_else(|_| part.to_owned(), step));
                    let path: Vec<_> = ["grants".to_owned(), name.clone()].into_iter().chain(steps).collect();
                    self.faults.add(&path, &Problem::Other(problem), self.table);
                }
            }
        }
        for (name, InvalidGrant { key, problem }) in confine_reads(&mut built) {
            self.blame(&["grants", &name, &key], &Problem::Other(problem));
        }
        self.overlaps(settings, &built);
    }

    /// Directories of one bucket that meet, unless the grant whose callers reach too far says that it is meant.
    fn overlaps(&mut self, settings: &Settings, grants: &Grants) {
        let meant = |overlap: &Overlap| settings.grants.get(&overlap.grant).is_some_and(|grant| grant.overlaps);
        for overlap in policy::overlaps(grants.values()).into_iter().filter(|overlap| !meant(overlap)) {
            let Overlap { grant, other, reason } = &overlap;
            let dir = |name: &String| settings.grants.get(name).map(|grant| grant.dir.as_str()).unwrap_or_default();
            let text = format!(
                "{:?} overlaps {:?} of grants.{other} in the same bucket: {reason}, so callers of {grant:?} reach objects of \
                 others. Use directories that do not contain each other, or write overlaps = true in [grants.{grant}] if it \
                 is meant",
                dir(grant),
                dir(other)
            );
            self.blame(&["grants", grant, "dir"], &Problem::Other(text));
        }
    }

    fn grant(&mut self, name: &str, grant: &mut GrantSettings, sts: &StsSettings) {
        self.text(
            &["grants", name],
            name,
            format::is_grant_name,
            "named with 1 to 32 characters of [a-z0-9_-], the first a letter or digit",
        );
        self.bucket(name, grant, sts);
        self.address(&["grants", name, "public_host"], &mut grant.public_host);
        self.lives(name, grant);
        self.audience(name, grant);
        if grant.role_arn.is_none() && sts.role_arn.is_none() {
            self.missing(&["grants", name, "role_arn"], "set it here, or sts.role_arn, or the variable RAM_ROLE_ARN");
        }
        if let PolicySource::File(file) = &mut grant.policy {
            self.anchor(&["grants", name, "policy"], file);
        }
    }

    fn bucket(&mut self, name: &str, grant: &mut GrantSettings, sts: &StsSettings) {
        if grant.bucket.is_empty() {
            self.missing(&["grants", name, "bucket"], "name the bucket that it vends for");
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

    /// Whole seconds, since everything below counts in them.
    fn lives(&mut self, name: &str, grant: &GrantSettings) {
        self.seconds(&["grants", name, "expires"], grant.expires, &URL_SECONDS);
        self.seconds(&["grants", name, "max_expires"], grant.max_expires, &URL_SECONDS);
        if let Some(duration) = grant.duration {
            self.seconds(&["grants", name, "duration"], duration, &SESSION_SECONDS);
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
