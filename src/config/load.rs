//! The way from a file and an environment to checked settings.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::access_key;
use super::access_key_sources::KeySources;
use super::changes::Written;
use super::check::Check;
use super::environment::Environment;
use super::fault::{ConfigError, Faults, Source};
use super::files::Files;
use super::overlay;
use super::read;
use super::settings::{PolicySource, Settings};
use super::tls::Tls;
use super::tree::{self, Table};
use crate::keys::AccessKey;

/// What one start is configured with.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings, checked. `access_key` in them has its defaults.
    pub settings: Settings,
    /// The long-lived key, if file or environment hold one and it is to be used.
    pub access_key: Option<AccessKey>,
    /// Where it comes from otherwise, and the one that stands in.
    pub key_sources: KeySources,
    /// The text of each policy file, by the name of its grant; every one is a JSON object.
    pub policy_texts: BTreeMap<String, String>,
    /// What an operator may want to know, such as where the `AccessKey` came from; never a secret.
    pub notes: Vec<String>,
    /// What TLS is spoken with, if it is.
    pub tls: Option<Tls>,
    /// The files that all this was read from.
    pub files: Files,
    /// What was written, to be compared with what is written later.
    pub written: Written,
    /// Whether, without `hosts`, only requests for hosts that no other site can have are answered. Nothing that is read
    /// sets it: it depends on the listener.
    pub local_hosts_only: bool,
}

impl Settings {
    /// Reads `file`, if there is one, and lays `environment` over it.
    /// The error holds everything that is wrong, but of a list with several misfits the first, and of a file that is not
    /// TOML the first place where it is not.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Loaded, ConfigError> {
        let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
        let mut loaded = Self::of_source(Source::read(file)?, folder, environment)?;
        loaded.files = file.map(Path::to_owned).into_iter().chain(loaded.settings.files()).collect();
        Ok(loaded)
    }

    /// The same for a text that goes by `name`; its relative paths start at the working directory.
    pub fn of_text(name: &str, text: &str, environment: &Environment) -> Result<Loaded, ConfigError> {
        let source = Source { name: name.to_owned(), text: text.to_owned() };
        Self::of_source(source, Path::new(""), environment)
    }

    fn of_source(source: Source, folder: &Path, environment: &Environment) -> Result<Loaded, ConfigError> {
        let mut table = match DeTable::parse(&source.text) {
            Ok(table) => tree::of_file(table.into_inner()),
            Err(error) => return Err(source.syntax_error(&error)),
        };
        let mut faults = Faults::new(source);
        overlay::lay(environment, &mut table, &mut faults);
        let mut settings = read_whole(&mut table, &mut faults);
        let mut section = std::mem::take(&mut settings.access_key);
        let is_chosen = section.source.is_some();
        let (access_key, note) = access_key::take(&mut section, &table, &mut faults).unzip();
        let (has_key, note) = (access_key.is_some(), note.filter(|_| !is_chosen));
        let mut check = Check { table: &table, faults: &mut faults, notes: Vec::from_iter(note), folder };
        let key_sources = check.key_sources(section, environment, has_key);
        check.settings(&mut settings);
        let policy_texts = check.policy_files(&settings);
        let tls = check.tls(&settings);
        check.rules(&settings, &policy_texts);
        check.anonymous_roles(&settings);
        let notes = check.notes;
        faults.into_result()?;
        let mut written = Written::of(&table);
        for (name, text) in &policy_texts {
            written.add(&["grants", name, "policy"], text);
        }
        for text in settings.auth.jwt.iter().filter_map(|jwt| jwt.jwks.as_deref()) {
            written.add(&["auth", "jwt"], text);
        }
        if let Some(text) = settings.vault.redis.as_ref().and_then(|redis| redis.authorities.as_deref()) {
            written.add(&["vault", "redis", "ca_file"], text);
        }
        if let Some(tls) = &tls {
            written.add(&["tls", "certificate"], &tls.mark);
        }
        let files = settings.files().collect();
        let access_key = access_key.filter(|_| !is_chosen);
        Ok(Loaded {
            settings,
            access_key,
            key_sources,
            policy_texts,
            notes,
            tls,
            files,
            written,
            local_hosts_only: false,
        })
    }

    /// The files that the settings name and the configuration is made of.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let policies = self.grants.values().filter_map(|grant| match &grant.policy {
            PolicySource::File(file) => Some(file.clone()),
            PolicySource::Generated | PolicySource::Role => None,
        });
        let tls = self.tls.iter().flat_map(|tls| [tls.certificate.clone(), tls.key.clone()]);
        let authorities = self.vault.redis.iter().filter_map(|redis| redis.ca_file.clone());
        policies.chain(tls).chain(authorities).chain(self.auth.jwt.iter().filter_map(|jwt| jwt.jwks_file.clone()))
    }
}

impl Source {
    fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(file) = file else { return Ok(Self { name: String::new(), text: String::new() }) };
        let name = file.display().to_string();
        match fs::read_to_string(file) {
            Ok(text) => Ok(Self { name, text }),
            Err(error) => Err(ConfigError::of(format!("{name}: cannot be read: {error}"))),
        }
    }
}

/// Reads the settings; what does not fit is told, taken out, and the rest is read, until all of it fits.
fn read_whole(table: &mut Table, faults: &mut Faults) -> Settings {
    loop {
        let (mut path, problem) = match read::read(table) {
            Ok(settings) => return settings,
            Err(misfit) => misfit,
        };
        faults.add(&path, &problem, table);
        // The elements of a variable's list are not in the tree; then the variable goes.
        while !tree::remove(table, &path) {
            if path.pop().is_none() {
                return Settings::default();
            }
        }
    }
}
