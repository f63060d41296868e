//! The places a key can come from, and the way to it.

use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use url::Url;

use super::document::{self, Code, Obtained};
use super::ecs::{self, Metadata};
use super::error::{AccessKeyError, Fault};
use super::outbound::Outbound;
use super::role::{self, ChainedRole, OidcRole};
use super::{cli, command, file, profile};
use crate::clock::CorrectedClock;
use crate::keys::AccessKey;
use crate::sts::Client;

/// Names the sessions of keys that are roles, where nothing else does.
pub(super) const SESSION_NAME: &str = "oss-vend";

/// The name of a chain of which nothing has answered yet.
pub(super) const SEARCH: &str = "search";

/// How often a file is looked at: a mounted secret takes a minute to arrive anyway, and reading it costs nothing.
const LOOK: Duration = Duration::from_secs(2);

/// When a key that does not say when it ends is asked for again.
const UNDATED: Duration = Duration::from_mins(15);

/// Where an AccessKey comes from. `Debug` shows neither a program's arguments nor the path of an address: people put
/// secrets there.
#[derive(Clone)]
pub enum Source {
    /// The configuration or the environment.
    Given(AccessKey),
    /// A JSON file.
    File(PathBuf),
    /// A profile of the SDKs' credentials file, by name.
    Profile {
        /// The file.
        file: PathBuf,
        /// The profile.
        name: String,
    },
    /// A profile of the CLI's configuration; without a name the current one.
    Cli {
        /// The file.
        file: PathBuf,
        /// The profile.
        name: Option<String>,
        /// Whether a command that the file names (mode External) may be run.
        commands: bool,
    },
    /// A role, taken with an identity token.
    Oidc(OidcRole),
    /// The role of the ECS instance; without a name the one that is attached.
    Ecs {
        /// The role.
        role: Option<String>,
    },
    /// What answers by HTTP.
    Uri(Url),
    /// A program and its arguments.
    Command(Vec<String>),
    /// The first of these that has one; the one that answered last is asked first.
    Chain(Chain),
    /// A role, taken with the key of another source.
    Chained {
        /// The other source.
        base: Box<Source>,
        /// The role.
        role: ChainedRole,
    },
    /// A program that prints a profile of the CLI, and its arguments.
    External(Vec<String>),
}

impl Debug for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(key) => f.debug_tuple("Given").field(key).finish(),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Profile { file, name } => f.debug_tuple("Profile").field(file).field(name).finish(),
            Self::Cli { file, name, .. } => f.debug_tuple("Cli").field(file).field(name).finish(),
            Self::Oidc(role) => role.fmt(f),
            Self::Ecs { role } => f.debug_tuple("Ecs").field(role).finish(),
            Self::Uri(url) => f.debug_tuple("Uri").field(&url.origin().ascii_serialization()).finish(),
            Self::Command(command) | Self::External(command) => {
                f.debug_tuple("Command").field(&command.first()).finish()
            }
            Self::Chain(chain) => chain.fmt(f),
            Self::Chained { base, role } => f.debug_tuple("Chained").field(base).field(&role.role_arn).finish(),
        }
    }
}

/// Sources to be searched in turn.
#[derive(Debug)]
pub struct Chain {
    sources: Vec<Source>,
    /// The index of the one that answered last.
    answered: AtomicUsize,
}

impl Clone for Chain {
    /// A new search of the same sources.
    fn clone(&self) -> Self {
        Self::new(self.sources.clone())
    }
}

impl Chain {
    /// A search of `sources` in this order.
    #[must_use]
    pub fn new(sources: Vec<Source>) -> Self {
        Self { sources, answered: AtomicUsize::new(usize::MAX) }
    }

    fn answered(&self) -> Option<&Source> {
        self.sources.get(self.answered.load(Ordering::Relaxed))
    }
}

/// What sources ask with.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) sts: Client,
    pub(super) http: Outbound,
    pub(super) metadata: Metadata,
}

impl Source {
    /// In one word, for `/readyz` and the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Given(_) => "configuration",
            Self::File(_) => "file",
            Self::Profile { .. } => "profile",
            Self::Cli { .. } => "cli",
            Self::Oidc(_) => "oidc",
            Self::Ecs { .. } => "ecs",
            Self::Uri(_) => "uri",
            Self::Command(_) | Self::External(_) => "command",
            Self::Chain(chain) => chain.answered().map_or(SEARCH, Self::name),
            Self::Chained { base, .. } => base.name(),
        }
    }

    /// The file whose content is looked at for changes.
    pub(super) fn watched(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) | Self::Profile { file, .. } | Self::Cli { file, .. } => Some(file),
            Self::Chain(chain) => chain.answered().and_then(Self::watched),
            _ => None,
        }
    }

    /// How long to let a key be that says nothing of its end.
    pub(super) fn pause(&self) -> Duration {
        if self.watched().is_some() { LOOK } else { UNDATED }
    }

    /// The key as it is now.
    pub(super) async fn obtain(&self, means: &Means, clock: &CorrectedClock) -> Result<Obtained, AccessKeyError> {
        self.fetch(means, clock).await.map_err(|fault| AccessKeyError { place: self.name(), fault })
    }

    fn fetch<'s>(&'s self, means: &'s Means, clock: &'s CorrectedClock) -> BoxFuture<'s, Result<Obtained, Fault>> {
        async move {
            match self {
                Self::Given(key) => Ok(Obtained { key: key.clone(), expiration: None, fingerprint: None }),
                Self::File(file) => file::obtain(file).await,
                Self::Profile { file, name } => {
                    let text = file::read(file).await?;
                    let readable = std::str::from_utf8(&text).map_err(|_| Fault::Shape("UTF-8"))?;
                    described(&text, profile::source(readable, name)?, means, clock).await
                }
                Self::Cli { file, name, commands } => {
                    let text = file::read(file).await?;
                    let source = cli::source(&text, name.as_deref())?;
                    if !commands && source.runs_a_command() {
                        return Err(Fault::Unsupported(
                            "its command is run only where access_key.source = \"cli\" asks for it".to_owned(),
                        ));
                    }
                    described(&text, source, means, clock).await
                }
                Self::Oidc(role) => role::with_token(&means.sts, role, clock).await,
                Self::Ecs { role } => ecs::obtain(&means.http, &means.metadata, role.as_deref()).await,
                Self::Uri(url) => {
                    let reply = means.http.ask(Method::GET, url.clone(), HeaderMap::new()).await?;
                    document::read(&reply.good()?, Code::Optional)
                }
                Self::Command(command) => document::read(&command::output(command).await?, Code::Optional),
                Self::External(command) => cli::printed(&command::output(command).await?),
                Self::Chained { base, role } => {
                    let key = base.fetch(means, clock).await?.key;
                    role::with_key(&means.sts, role, &key, clock).await
                }
                Self::Chain(chain) => chain.search(means, clock).await,
            }
        }
        .boxed()
    }

    fn runs_a_command(&self) -> bool {
        match self {
            Self::Command(_) | Self::External(_) => true,
            Self::Chained { base, .. } => base.runs_a_command(),
            _ => false,
        }
    }
}

/// The key of a `source` that a file describes with `text`.
async fn described(text: &[u8], source: Source, means: &Means, clock: &CorrectedClock) -> Result<Obtained, Fault> {
    let fingerprint = Some(file::fingerprint(text));
    let obtained = source.fetch(means, clock).await?;
    Ok(Obtained { fingerprint, ..obtained })
}

impl Chain {
    async fn search(&self, means: &Means, clock: &CorrectedClock) -> Result<Obtained, Fault> {
        let answered = self.answered.load(Ordering::Relaxed);
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        order.sort_by_key(|index| *index != answered);
        let mut faults = Vec::new();
        for index in order {
            match self.sources[index].obtain(means, clock).await {
                Ok(obtained) => {
                    self.answered.store(index, Ordering::Relaxed);
                    return Ok(obtained);
                }
                Err(error) => faults.push(error.to_string()),
            }
        }
        Err(Fault::Nowhere(faults.join("; ")))
    }
}
