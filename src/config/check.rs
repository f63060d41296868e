//! Checks the settings one by one, and puts those that may be written in several ways into one form.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fault::Faults;
use super::format;
use super::problem::{Problem, nearest};
use super::settings::{AuditTarget, Settings, StsSettings};
use super::tree::{self, Origin, Table};

/// What STS allows for `DurationSeconds`; the role may allow less.
pub(super) const SESSION_SECONDS: RangeInclusive<u64> = 900..=43_200;

/// One load's checks and what they come upon.
pub(super) struct Check<'l> {
    pub(super) table: &'l Table,
    pub(super) faults: &'l mut Faults,
    pub(super) notes: Vec<String>,
    /// Where relative paths of the file start.
    pub(super) folder: &'l Path,
}

impl Check<'_> {
    pub(super) fn settings(&mut self, settings: &mut Settings) {
        let is_listener = |text: &str| format::is_socket(text) || format::is_listen_address(text);
        self.text(&["listen"], &settings.listen, is_listener, "\"address:port\", \"host:port\" or \"unix:/path\"");
        self.hosts(&settings.hosts);
        self.address(&["otel", "endpoint"], &mut settings.otel.endpoint);
        if let Some(listen) = &settings.admin.listen {
            self.text(&["admin", "listen"], listen, format::is_listen_address, "\"address:port\" or \"host:port\"");
        }
        if let Some(folder) = &mut settings.static_dir {
            self.anchor(&["static_dir"], folder);
        }
        if let AuditTarget::File(file) = &mut settings.audit.to {
            self.anchor(&["audit", "to"], file);
        }
        if let Some(tls) = &mut settings.tls {
            self.tls_paths(tls);
        }
        self.sts(&mut settings.sts);
        match &mut settings.vault.redis {
            Some(redis) => self.redis(redis),
            None if settings.limits.shared => {
                let text = "needs [vault.redis], through which it is shared";
                self.blame(&["limits", "shared"], &Problem::Other(text.to_owned()));
            }
            None => {}
        }
        self.auth(&mut settings.auth);
        self.cors(&settings.cors);
        self.proxies(&settings.proxy, settings.tls.is_some());
        self.limits(&settings.limits);
        self.grants(settings);
        self.classic(settings);
    }

    fn sts(&mut self, sts: &mut StsSettings) {
        if let Some(region) = &mut sts.region {
            self.region(&["sts", "region"], region);
        }
        self.address(&["sts", "endpoint"], &mut sts.endpoint);
        self.address(&["sts", "second_endpoint"], &mut sts.second_endpoint);
        if sts.vpc && sts.region.is_none() && sts.endpoint.is_none() {
            self.blame(
                &["sts", "vpc"],
                &Problem::Other("needs sts.region: the address inside a VPC is a regional one".to_owned()),
            );
        }
        self.role(&["sts", "role_arn"], sts.role_arn.as_deref());
        if let Some(id) = &sts.external_id {
            self.text(
                &["sts", "external_id"],
                id,
                format::is_external_id,
                "2 to 1224 characters of [A-Za-z0-9_+=,.@:/-]",
            );
        }
        if let Some(identity) = &sts.source_identity {
            let expected = "2 to 64 characters of [A-Za-z0-9_+=,.@-]";
            self.text(&["sts", "source_identity"], identity, format::is_source_identity, expected);
        }
        self.seconds(&["sts", "duration"], sts.duration, &SESSION_SECONDS);
        self.positive(&["sts", "connect_timeout"], sts.connect_timeout);
        self.positive(&["sts", "timeout"], sts.timeout);
        if sts.calls_per_second == 0 {
            self.blame(&["sts", "calls_per_second"], &Problem::expected("at least 1"));
        }
    }

    fn classic(&mut self, settings: &Settings) {
        let wanted = &settings.classic.grant;
        if settings.classic.enabled && !settings.grants.contains_key(wanted) {
            let names: Vec<_> = settings.grants.keys().map(String::as_str).collect();
            let expected = match nearest(wanted, &names) {
                Some(near) => format!("the name of a grant, perhaps {near:?}"),
                None => "the name of a grant".to_owned(),
            };
            self.blame(&["classic", "grant"], &Problem::misfit(expected, format!("{wanted:?}")));
        }
    }

    pub(super) fn blame(&mut self, path: &[&str], problem: &Problem) {
        let path: Vec<_> = path.iter().map(|step| (*step).to_owned()).collect();
        self.faults.add(&path, problem, self.table);
    }

    pub(super) fn missing(&mut self, path: &[&str], advice: &str) {
        self.blame(path, &Problem::Missing(advice.to_owned()));
    }

    pub(super) fn text(&mut self, path: &[&str], text: &str, holds: impl Fn(&str) -> bool, expected: &str) {
        if !holds(text) {
            self.blame(path, &Problem::misfit(expected, format!("{text:?}")));
        }
    }

    pub(super) fn role(&mut self, path: &[&str], role: Option<&str>) {
        if let Some(role) = role {
            self.text(path, role, format::is_role_arn, "a role such as \"acs:ram::1234567890123456:role/oss-upload\"");
        }
    }

    pub(super) fn seconds(&mut self, path: &[&str], length: Duration, range: &RangeInclusive<u64>) {
        if length.subsec_nanos() != 0 || !range.contains(&length.as_secs()) {
            let expected = format!("whole seconds, {} to {}", range.start(), range.end());
            self.blame(path, &Problem::misfit(expected, format!("{length:?}")));
        }
    }

    pub(super) fn positive(&mut self, path: &[&str], length: Duration) {
        if length.is_zero() {
            self.blame(path, &Problem::misfit("longer than nothing", "0"));
        }
    }

    /// Puts an address into its full form.
    pub(super) fn address(&mut self, path: &[&str], address: &mut Option<String>) {
        let Some(written) = address else { return };
        match format::web_address(written) {
            Some(full) => *written = full,
            // What was found stays unsaid: such a text may hold a password.
            None => self.blame(
                path,
                &Problem::expected("\"https://host\" and nothing after it; \"http\" only for this machine"),
            ),
        }
    }

    /// Takes the prefix off that OSS's own pages put before a region.
    pub(super) fn region(&mut self, path: &[&str], region: &mut String) {
        if let Some(bare) = region.strip_prefix("oss-") {
            self.notes.push(format!("{} is read as {bare:?}, from {region:?}", path.join(".")));
            *region = bare.to_owned();
        }
        self.text(path, region, format::is_region, "a region such as \"cn-hangzhou\"");
    }

    /// Sees a relative path of the file from the file's folder.
    pub(super) fn anchor(&self, path: &[&str], file: &mut PathBuf) {
        if let Some(Origin::File { .. }) = tree::origin(self.table, path) {
            *file = self.folder.join(&*file);
        }
    }
}
