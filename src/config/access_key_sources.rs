//! Where the AccessKey comes from, when the configuration does not hold it.

use std::path::{Path, PathBuf};

use url::Url;

use super::access_key::is_clean;
use super::check::Check;
use super::environment::Environment;
use super::format;
use super::problem::Problem;
use super::settings::{AccessKeySettings, KeySource, SecondKeySettings};
use crate::access_key::{Chain, OidcRole, Source, is_safe};
use crate::keys::{AccessKey, Secret};

/// The sources beside the key that the configuration itself holds.
#[derive(Clone, Debug, Default)]
pub struct KeySources {
    /// The one to use where the configuration holds no key; none if there is no place left to search.
    pub first: Option<Source>,
    /// The one that stands in.
    pub second: Option<Source>,
    /// Whether the metadata service may be asked without a token.
    pub imds_v1: bool,
}

/// The name of the sessions of keys that are roles.
const SESSION_NAME: &str = "oss-vend";

impl Check<'_> {
    /// Checks the section and finds the sources in it and in the environment; `has_key` if it holds a key itself.
    pub(super) fn key_sources(
        &mut self,
        mut settings: AccessKeySettings,
        environment: &Environment,
        has_key: bool,
    ) -> KeySources {
        for (key, file) in [("file", &mut settings.file), ("oidc_token_file", &mut settings.oidc_token_file)] {
            if let Some(file) = file {
                self.anchor(&["access_key", key], file);
            }
        }
        self.key_texts(&settings);
        let finder = Finder { settings: &settings, environment };
        let choice = self.choice(&settings);
        if has_key && let Some(choice) = choice {
            self.notes.push(format!("access_key.id is not used: the AccessKey comes from the source {choice:?}"));
        }
        let first = match choice {
            Some(choice) => self.chosen(choice, &finder),
            None if has_key => None,
            None => finder.search(),
        };
        KeySources { first, second: self.second_key(settings.second.clone()), imds_v1: finder.imds_v1() }
    }

    fn key_texts(&mut self, settings: &AccessKeySettings) {
        self.role(&["access_key", "oidc_role_arn"], settings.oidc_role_arn.as_deref());
        let is_provider = |arn: &str| arn.starts_with("acs:ram::") && arn.contains(":oidc-provider/");
        if !settings.oidc_provider_arn.as_deref().is_none_or(is_provider) {
            let expected = "a provider such as \"acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0ffee\"";
            self.blame(&["access_key", "oidc_provider_arn"], &Problem::expected(expected));
        }
        if !settings.ecs_role.as_deref().is_none_or(format::is_role_name) {
            self.blame(&["access_key", "ecs_role"], &Problem::expected("a role\'s name: 1 to 64 of [A-Za-z0-9._-]"));
        }
        if settings.uri.as_deref().is_some_and(|uri| address(uri).is_none()) {
            let expected = "an address: \"https://…\", or \"http://…\" on this machine";
            self.blame(&["access_key", "uri"], &Problem::expected(expected));
        }
        if settings.command.first().is_some_and(String::is_empty) {
            self.blame(&["access_key", "command"], &Problem::expected("a program and its arguments"));
        }
    }

    /// The source that is asked for by name, or by being the only one that is described.
    fn choice(&mut self, settings: &AccessKeySettings) -> Option<KeySource> {
        let described = [
            (settings.file.is_some(), KeySource::File),
            (settings.uri.is_some(), KeySource::Uri),
            (!settings.command.is_empty(), KeySource::Command),
        ];
        let mut described = described.into_iter().filter_map(|(is, source)| is.then_some(source));
        match (settings.source, described.next(), described.next()) {
            (None, Some(_), Some(_)) => {
                let advice = "say which of file, uri and command is meant";
                self.missing(&["access_key", "source"], advice);
                None
            }
            (None, one, _) => one,
            (source, ..) => source,
        }
    }

    fn chosen(&mut self, choice: KeySource, finder: &Finder<'_>) -> Option<Source> {
        let (source, key) = match choice {
            KeySource::File => (finder.settings.file.clone().map(Source::File), "file"),
            KeySource::Uri => (finder.uri().map(Source::Uri), "uri"),
            KeySource::Command => {
                let command = finder.settings.command.clone();
                ((!command.is_empty()).then_some(Source::Command(command)), "command")
            }
            KeySource::Ecs => return Some(finder.ecs()),
            KeySource::Oidc => (finder.oidc(), finder.first_missing_of_oidc()),
            KeySource::Profile | KeySource::Cli => {
                let source = if choice == KeySource::Cli { finder.cli(true) } else { finder.profile() };
                if source.is_none() {
                    let text =
                        "needs HOME, or ALIBABA_CLOUD_CONFIG_FILE or ALIBABA_CLOUD_CREDENTIALS_FILE, to find its file";
                    self.blame(&["access_key", "source"], &Problem::Other(text.to_owned()));
                }
                return source;
            }
        };
        if source.is_none() {
            self.missing(&["access_key", key], "the source that is asked for needs it");
        }
        source
    }

    fn second_key(&mut self, settings: SecondKeySettings) -> Option<Source> {
        let path = |key| ["access_key", "second", key];
        let SecondKeySettings { id, secret, file } = settings;
        if let Some(mut file) = file {
            if id.is_some() || secret.is_some() {
                self.notes.push("access_key.second.id is not used: access_key.second.file holds the key".to_owned());
            }
            self.anchor(&path("file"), &mut file);
            return Some(Source::File(file));
        }
        if id.is_none() && secret.is_none() {
            return None;
        }
        let texts = [("id", id.as_deref()), ("secret", secret.as_ref().map(Secret::expose))];
        for (key, text) in texts {
            match text {
                None => self.missing(&path(key), "id and secret come together"),
                Some(text) if !is_clean(text) => {
                    self.blame(&path(key), &Problem::expected("printable ASCII without white space"));
                }
                Some(_) => {}
            }
        }
        Some(Source::Given(AccessKey { id: id?, secret: secret?, token: None }))
    }
}

/// Puts sources together of what the file and the environment say; the file wins.
struct Finder<'f> {
    settings: &'f AccessKeySettings,
    environment: &'f Environment,
}

impl Finder<'_> {
    /// The places that the official SDKs search, in their order, after the variables that hold a key.
    fn search(&self) -> Option<Source> {
        let off = |name| self.is_true(name);
        let cli = if off("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") { None } else { self.cli(false) };
        let ecs = if off("ALIBABA_CLOUD_ECS_METADATA_DISABLED") { None } else { Some(self.ecs()) };
        let uri = self.uri().map(Source::Uri);
        let sources: Vec<_> = [self.oidc(), cli, self.profile(), ecs, uri].into_iter().flatten().collect();
        (!sources.is_empty()).then(|| Source::Chain(Chain::new(sources)))
    }

    fn oidc(&self) -> Option<Source> {
        let file = self.settings.oidc_token_file.clone();
        let file = file.or_else(|| self.environment.value("ALIBABA_CLOUD_OIDC_TOKEN_FILE").map(PathBuf::from));
        Some(Source::Oidc(OidcRole {
            provider_arn: self.oidc_provider()?,
            role_arn: self.oidc_role()?,
            token_file: file?,
            session_name: self.value("ALIBABA_CLOUD_ROLE_SESSION_NAME").unwrap_or_else(|| SESSION_NAME.to_owned()),
        }))
    }

    fn first_missing_of_oidc(&self) -> &'static str {
        match (self.oidc_provider(), self.oidc_role()) {
            (None, _) => "oidc_provider_arn",
            (_, None) => "oidc_role_arn",
            _ => "oidc_token_file",
        }
    }

    fn oidc_provider(&self) -> Option<String> {
        self.settings.oidc_provider_arn.clone().or_else(|| self.value("ALIBABA_CLOUD_OIDC_PROVIDER_ARN"))
    }

    fn oidc_role(&self) -> Option<String> {
        self.settings.oidc_role_arn.clone().or_else(|| self.value("ALIBABA_CLOUD_ROLE_ARN"))
    }

    fn cli(&self, commands: bool) -> Option<Source> {
        let file = self.file("ALIBABA_CLOUD_CONFIG_FILE", ".aliyun/config.json")?;
        Some(Source::Cli { file, name: self.profile_name(), commands })
    }

    fn profile(&self) -> Option<Source> {
        let file = self.file("ALIBABA_CLOUD_CREDENTIALS_FILE", ".alibabacloud/credentials")?;
        Some(Source::Profile { file, name: self.profile_name().unwrap_or_else(|| "default".to_owned()) })
    }

    fn ecs(&self) -> Source {
        Source::Ecs { role: self.settings.ecs_role.clone().or_else(|| self.value("ALIBABA_CLOUD_ECS_METADATA")) }
    }

    fn uri(&self) -> Option<Url> {
        address(&self.settings.uri.clone().or_else(|| self.value("ALIBABA_CLOUD_CREDENTIALS_URI"))?)
    }

    fn imds_v1(&self) -> bool {
        self.settings.imds_v1 && !self.is_true("ALIBABA_CLOUD_IMDSV1_DISABLED")
    }

    fn profile_name(&self) -> Option<String> {
        self.settings.profile.clone().or_else(|| self.value("ALIBABA_CLOUD_PROFILE"))
    }

    fn file(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let home = || self.environment.value("HOME").map(|home| Path::new(home).join(below_home));
        self.environment.value(variable).map(PathBuf::from).or_else(home)
    }

    fn value(&self, name: &str) -> Option<String> {
        self.environment.value(name).map(str::to_owned)
    }

    fn is_true(&self, name: &str) -> bool {
        self.environment.value(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }
}

fn address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(is_safe)
}
