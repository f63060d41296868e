//! Is the cloud side right, and can callers prove who they are? Asks it, step by step, as the server and its pages will, and says what to change.
//!
//! [`run`] goes on where it can when a step fails. It writes a few objects below each grant's directory, under keys that
//! begin with `oss-vend-check-`, and removes them; one more is tried where it must be refused. A [`Report`] holds no
//! secret and no signed URL.

mod bucket;
mod callers;
mod cloud;
mod cors;
mod lifecycle;
mod objects;
mod probes;
mod reach;
mod report;
mod sessions;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use self::cloud::{Cloud, Place};
use self::cors::Need;
use self::objects::Objects;
use self::probes::Probes;
use self::report::{Outcome, Steps};
use self::sessions::Opened;
use self::subject::{Keys, Subject};
use crate::caller::Authenticator;
use crate::clock::{Clock, CorrectedClock};
use crate::config::{ConfigError, CorsSettings, Loaded, Settings};
use crate::keys::AccessKey;
use crate::policy::Address;
use crate::sts::{Client, ClientError};

pub use self::report::{Calls, Event, Report, Step, Verdict};

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Options {
    /// The grants; all of them if none is named.
    pub grants: Vec<String>,
    /// The id of the made-up caller whose directory is probed: what a template takes as it is.
    pub caller: String,
    /// Whether objects are written, read and removed.
    pub probes: bool,
    /// The longest for one step.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            grants: Vec::new(),
            caller: "oss-vend-check".to_owned(),
            probes: true,
            patience: Duration::from_secs(20),
        }
    }
}

/// Why nothing can be looked at.
#[derive(Debug, Error)]
pub enum Unusable {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// STS cannot be asked.
    #[error("sts.endpoint: {0}")]
    Sts(#[from] ClientError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] reqwest::Error),
    /// There is no such grant.
    #[error("there is no grant {wanted:?}; there are {known}")]
    NoGrant {
        /// The name that was given.
        wanted: String,
        /// Those that there are.
        known: String,
    },
}

/// Looks at everything that `loaded` needs of the cloud, and tells each step as it is made.
pub async fn run(
    loaded: Loaded,
    clock: Arc<dyn Clock>,
    options: &Options,
    tell: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Report, Unusable> {
    // On the heap: with all its steps it is large.
    Box::pin(looked(loaded, clock, options, tell)).await
}

async fn looked(
    loaded: Loaded,
    clock: Arc<dyn Clock>,
    options: &Options,
    tell: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Report, Unusable> {
    let settings = loaded.settings.clone();
    let configured = loaded.build()?;
    let names: Vec<_> = match options.grants.as_slice() {
        [] => configured.grants.keys().collect(),
        named => named.iter().collect(),
    };
    let known = || configured.grants.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = names.iter().find(|name| !configured.grants.contains_key(**name)) {
        return Err(Unusable::NoGrant { wanted: (*wanted).clone(), known: known() });
    }
    let endpoint = configured.sts.endpoint.clone();
    let corrected = Arc::new(CorrectedClock::new(Arc::clone(&clock)));
    let cloud = Cloud::new(Client::new(configured.sts)?, clock)?;
    let mut check = Check { cloud: &cloud, steps: Steps::new(options.patience, tell), options, settings: &settings };
    check.steps.add("configuration", None, Outcome::ok(format!("{} grants: {}", configured.grants.len(), known())));
    check.callers(&configured.authenticator).await;
    let key = check
        .steps
        .with("access-key", None, sessions::access_key(configured.access_keys.as_ref(), &corrected))
        .await
        .flatten();
    check.sts(&endpoint).await;
    let mut subjects = Vec::new();
    for name in names {
        match Subject::new(&configured.grants[name], &options.caller, cloud.now()) {
            Ok(subject) => subjects.push(subject),
            Err(error) => check.steps.add(
                "directory",
                Some(name),
                Outcome::failed(format!("no directory for the caller {:?}: {error}", options.caller))
                    .hint("give `--caller` an id that the templates take"),
            ),
        }
    }
    check.grants(&subjects, key.as_deref()).await;
    let steps = check.steps;
    Ok(steps.into_report(cloud.calls()))
}

/// One check under way.
struct Check<'c> {
    cloud: &'c Cloud,
    steps: Steps<'c>,
    options: &'c Options,
    settings: &'c Settings,
}

impl Check<'_> {
    /// Those who say who a caller is.
    async fn callers(&mut self, authenticator: &Authenticator) {
        for issuer in &authenticator.issuers {
            self.steps.make("issuer", None, callers::issuer(issuer, self.cloud.machine_time())).await;
        }
        if let Some(forward) = &authenticator.forward {
            self.steps.make("forward-auth", None, callers::forward(forward)).await;
        }
    }

    async fn sts(&mut self, endpoint: &url::Url) {
        let date = self.steps.with("sts", None, reach::sts(self.cloud, endpoint)).await.flatten();
        let (outcome, offset) = reach::clock("STS", self.cloud.machine_time(), date);
        self.cloud.correct(offset);
        self.steps.add("clock", None, outcome);
    }

    async fn grants(&mut self, subjects: &[Subject<'_>], access_key: Option<&AccessKey>) {
        let mut opened = Opened::default();
        let mut looked_at = BTreeMap::new();
        for subject in subjects {
            let grant = subject.grant.name.as_str();
            let keys = match access_key {
                Some(key) => sessions::open(&mut self.steps, self.cloud, &mut opened, subject, key).await,
                None => Keys::default(),
            };
            let address = (subject.place.base.clone(), subject.place.bucket.clone(), subject.place.region.clone());
            let there = match looked_at.get(&address) {
                Some(there) => *there,
                None => self.bucket(subject, &keys, access_key).await,
            };
            let first = looked_at.insert(address, there).is_none();
            let Some(access_key) = access_key.filter(|_| there) else {
                let why = "the bucket cannot be reached, or there is no AccessKey: see above";
                self.steps.add("probes", Some(grant), Outcome::skipped(why));
                continue;
            };
            if self.options.probes {
                self.probes(subject, &keys, access_key).await;
            }
            if first {
                let same = |other: &&Subject<'_>| other.place.base == subject.place.base;
                let sharing: Vec<_> = subjects.iter().filter(same).collect();
                self.pages(subject, &sharing, keeper(&keys, access_key)).await;
            }
        }
    }

    /// Whether the bucket and its addresses are right.
    async fn bucket(&mut self, subject: &Subject<'_>, keys: &Keys, access_key: Option<&AccessKey>) -> bool {
        let (grant, place) = (Some(subject.grant.name.as_str()), &subject.place);
        let reached = async {
            let (outcome, date) = reach::oss(self.cloud, place).await;
            (outcome.of_grant(&subject.grant.name), date)
        };
        let Some(date) = self.steps.with("oss", grant, reached).await.flatten() else { return false };
        let ahead = reach::clock("OSS", self.cloud.machine_time(), Some(date));
        self.cloud.correct(ahead.1);
        self.steps.add("clock-oss", grant, ahead.0);
        let Some(access_key) = access_key else { return false };
        let key = keeper(keys, access_key);
        let own = self.own_place(subject);
        let there =
            async { bucket::there(self.cloud, own.as_ref().unwrap_or(place), key).await.of_grant(&subject.grant.name) };
        let there = self.steps.make("bucket", grant, there).await;
        if own.is_none() {
            return there;
        }
        let bound = async { bucket::custom_domain(self.cloud, place, key).await.of_grant(&subject.grant.name) };
        self.steps.make("custom-domain", grant, bound).await && there
    }

    /// Where the bucket is without its custom domain.
    fn own_place(&self, subject: &Subject<'_>) -> Option<Place> {
        let settings = self.settings.grants.get(&subject.grant.name)?;
        settings.public_host.as_ref()?;
        let address = Address::new(&settings.bucket, &settings.region, settings.endpoint.as_deref(), None).ok()?;
        Some(Place { base: address.base, ..subject.place.clone() })
    }

    async fn probes(&mut self, subject: &Subject<'_>, keys: &Keys, access_key: &AccessKey) {
        let objects = Objects::default();
        Probes { cloud: self.cloud, subject, keys, objects: &objects }.make(&mut self.steps).await;
        if !objects.is_empty() {
            let removal = objects.remove(self.cloud, subject, keys, access_key);
            self.steps.make("clean-up", Some(&subject.grant.name), removal).await;
        }
    }

    /// What browsers need of the bucket, for all grants that share it.
    async fn pages(&mut self, subject: &Subject<'_>, sharing: &[&Subject<'_>], key: &AccessKey) {
        let (grant, place) = (Some(subject.grant.name.as_str()), &subject.place);
        let origins = origins(&self.settings.cors);
        let need = Need::of(sharing, &origins);
        self.steps.make("cors", grant, cors::rules(self.cloud, place, key, &need)).await;
        for origin in &origins {
            self.steps.make("preflight", grant, cors::preflight(self.cloud, place, origin, &need)).await;
        }
        if origins.is_empty() {
            let why = "`cors.origins` names no page, so no page can be asked for";
            self.steps.add("preflight", grant, Outcome::skipped(why));
        }
        let prefixes: BTreeSet<_> = sharing
            .iter()
            .filter(|subject| subject.uploads_in_parts())
            .map(|subject| subject.inspection.signing_prefix.as_str())
            .collect();
        for prefix in prefixes {
            let ended = lifecycle::ends_uploads(self.cloud, place, key, prefix);
            self.steps.make("lifecycle", grant, ended).await;
        }
    }
}

/// Who looks at the bucket: the role where it may, else the AccessKey itself.
fn keeper<'k>(keys: &'k Keys, access_key: &'k AccessKey) -> &'k AccessKey {
    keys.keeper.as_ref().map_or(access_key, |keeper| &keeper.access_key)
}

fn origins(cors: &CorsSettings) -> Vec<String> {
    cors.origins.iter().chain(&cors.origin_patterns).cloned().collect()
}
