//! What a new configuration allows that the one before did not. Pure: two configurations are compared, nothing is read.
//!
//! The comparison is conservative: what cannot be proven to be as narrow as before counts as wider. Tables of the
//! configuration are taken apart field by field without `..`, so that a new key does not compile until it is decided here
//! whether it can widen access.

mod auth;
mod grants;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Display;

use super::load::Loaded;
use super::rate::Rate;
use super::settings::{CorsSettings, LimitSettings, Settings};

/// Who may do what under one configuration.
#[derive(Clone, Debug)]
pub struct AccessRules {
    settings: Settings,
    /// The text of each policy file, by the name of its grant.
    policy_texts: BTreeMap<String, String>,
    /// Whether only requests for this machine's own names are answered.
    local_hosts_only: bool,
}

impl AccessRules {
    /// The rules of `loaded`.
    #[must_use]
    pub fn of(loaded: &Loaded) -> Self {
        Self {
            settings: loaded.settings.clone(),
            policy_texts: loaded.policy_texts.clone(),
            local_hosts_only: loaded.local_hosts_only,
        }
    }

    /// Whether callers without any proof are served.
    #[must_use]
    pub fn serves_anonymous(&self) -> bool {
        self.settings.auth.serves_anonymous()
    }

    /// What these rules allow beyond those `before`: one text for each key, such as `grants.default.methods: get added`.
    /// No text holds a secret.
    #[must_use]
    pub fn widened_since(&self, before: &Self) -> Vec<String> {
        let mut widened = Widened::default();
        widened.settings(&before.settings, &self.settings);
        if before.local_hosts_only && !self.local_hosts_only && self.settings.hosts.is_empty() {
            widened.add("hosts", "any host is answered, no longer only names of this machine");
        }
        widened.auth(&before.settings.auth, &self.settings.auth);
        widened.grants(before, self);
        widened.0
    }
}

/// What was found to be wider.
#[derive(Default)]
struct Widened(Vec<String>);

impl Widened {
    fn add(&mut self, key: impl Display, what: impl Display) {
        self.0.push(format!("{key}: {what}"));
    }

    fn settings(&mut self, before: &Settings, after: &Settings) {
        // Left out: what is compared elsewhere (auth, grants), what bounds costs and not access, and what a reload cannot
        // change (listen, admin.listen, whether there is TLS).
        let Settings {
            listen: _,
            hosts,
            shutdown_delay: _,
            shutdown_timeout: _,
            static_dir,
            sts: _,
            vault: _,
            access_key: _,
            auth: _,
            cors,
            proxy,
            tls: _,
            limits,
            audit: _,
            admin: _,
            otel: _,
            classic,
            grants: _,
        } = after;
        if static_dir.is_some() && *static_dir != before.static_dir {
            self.add("static_dir", "another folder is served");
        }
        self.loosened("hosts", &before.hosts, hosts);
        self.extended("proxy.trusted", &before.proxy.trusted, &proxy.trusted);
        self.switched("proxy.require_https", !before.proxy.require_https, !proxy.require_https);
        self.cors(&before.cors, cors);
        self.limits(&before.limits, limits);
        let is_new = classic.enabled && (!before.classic.enabled || before.classic.grant != classic.grant);
        if is_new {
            self.add("classic", format!("the classic paths vend from {:?}", classic.grant));
        }
    }

    fn cors(&mut self, before: &CorsSettings, after: &CorsSettings) {
        let CorsSettings { origins, origin_patterns, credentials, max_age: _ } = after;
        self.extended("cors.origins", &before.origins, origins);
        self.extended("cors.origin_patterns", &before.origin_patterns, origin_patterns);
        self.switched("cors.credentials", before.credentials, *credentials);
    }

    fn limits(&mut self, before: &LimitSettings, after: &LimitSettings) {
        self.rate("limits.per_caller", before.per_caller, after.per_caller);
        self.rate("limits.per_address", before.per_address, after.per_address);
        self.switched("limits.shared", !before.shared, !after.shared);
    }

    fn rate(&mut self, key: impl Display, before: Rate, after: Rate) {
        if after.is_looser_than(before) {
            self.add(key, "raised");
        }
    }

    /// What is `true` allows more than what is `false`.
    fn switched(&mut self, key: impl Display, before: bool, after: bool) {
        if after && !before {
            self.add(key, "switched");
        }
    }

    /// A list that allows what it names.
    fn extended<T: PartialEq + Display>(&mut self, key: impl Display, before: &[T], after: &[T]) {
        let added: Vec<_> = after.iter().filter(|item| !before.contains(item)).map(ToString::to_string).collect();
        if !added.is_empty() {
            self.add(key, format!("{} added", added.join(", ")));
        }
    }

    /// The same where an empty list allows everything.
    fn loosened<T: PartialEq + Display>(&mut self, key: impl Display, before: &[T], after: &[T]) {
        match (before.is_empty(), after.is_empty()) {
            (true, _) => {}
            (false, true) => self.add(key, "removed, so that any value is allowed"),
            (false, false) => self.extended(key, before, after),
        }
    }

    fn changed<T: PartialEq>(&mut self, key: impl Display, before: &T, after: &T) {
        if before != after {
            self.add(key, "changed");
        }
    }

    fn raised<T: PartialOrd>(&mut self, key: impl Display, before: &T, after: &T) {
        if after > before {
            self.add(key, "raised");
        }
    }
}
