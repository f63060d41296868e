//! Where the AccessKey that calls STS comes from: one source, or two of which each stands in for the other.
//!
//! | source | what it is | file |
//! |---|---|---|
//! | `configuration` | the configuration or the environment | – |
//! | `file` | a JSON file, such as a mounted secret; watched | `file.rs` |
//! | `profile` | the credentials file of the SDKs; watched | `profile.rs` |
//! | `cli` | the configuration of the CLI; watched | `cli.rs` |
//! | `oidc` | a role, taken with an identity token: RRSA on Kubernetes | `role.rs` |
//! | `ecs` | the RAM role of the ECS instance | `ecs.rs` |
//! | `uri` | a credentials URI | `document.rs` |
//! | `command` | a program | `command.rs` |
//!
//! A key that ends is renewed before it does; see `keeper.rs`.

mod cli;
mod command;
mod document;
mod ecs;
mod error;
mod failover;
mod file;
mod keeper;
mod outbound;
mod profile;
mod role;
mod source;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

pub use self::ecs::Metadata;
pub use self::error::{AccessKeyError, Fault};
use self::failover::{Failover, Place};
use self::keeper::{Keeper, is_same};
use self::outbound::Outbound;
pub use self::outbound::is_safe;
pub use self::role::{ChainedRole, OidcRole};
use self::source::Means;
pub use self::source::{Chain, Source};
use crate::clock::CorrectedClock;
use crate::keys::AccessKey;
use crate::sts::{Client, ClientError, ClientOptions};

/// Where keys come from.
#[derive(Debug)]
pub struct Options {
    /// The source that is used.
    pub first: Source,
    /// The one that stands in while STS does not take the first one's key, or the first has none.
    pub second: Option<Source>,
    /// STS, for the sources that are roles.
    pub sts: ClientOptions,
    /// The metadata service, for the role of an ECS instance.
    pub metadata: Metadata,
}

/// Why the sources cannot be set up.
#[derive(Debug, Error)]
pub enum OpenError {
    /// STS cannot be asked.
    #[error(transparent)]
    Sts(#[from] ClientError),
    /// The TLS library or its certificates could not be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// The AccessKey to call STS with. Ask before each call: a source may renew its key. Clones share everything.
#[derive(Clone, Debug)]
pub struct AccessKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    first: Holder,
    second: Option<Holder>,
    failover: Failover,
    /// The key that was handed out last, and the one before it.
    served: ArcSwapOption<Served>,
}

#[derive(Debug)]
struct Served {
    key: Arc<AccessKey>,
    former: Option<Arc<AccessKey>>,
}

#[derive(Debug)]
enum Holder {
    /// It never changes. With it the clock's run when it was first asked for.
    Given(Arc<AccessKey>, OnceLock<Duration>),
    Kept(Arc<Keeper>),
}

/// What is known of the key in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status {
    /// How long ago it was obtained; nothing before the first.
    pub age: Option<TimeDelta>,
    /// How long it still lives, if it ends.
    pub expires_in: Option<TimeDelta>,
    /// Of two keys, whether the second one is in use; nothing if there is one.
    pub failed_over: Option<bool>,
}

impl AccessKeys {
    /// What [`Self::source`] says of places that are still to be searched.
    pub const SEARCH: &str = source::SEARCH;

    /// The one key that the configuration gave; it never changes.
    #[must_use]
    pub fn fixed(access_key: AccessKey) -> Self {
        Self::of(Holder::given(access_key), None)
    }

    /// What `options` describe; nothing is asked yet.
    pub fn new(options: Options) -> Result<Self, OpenError> {
        let Options { first, second, sts, metadata } = options;
        let holder = |source| match source {
            Source::Given(key) => Ok::<_, OpenError>(Holder::given(key)),
            source => {
                let http = Outbound::new().map_err(OpenError::Tls)?;
                let means = Means { sts: Client::new(sts.clone())?, http, metadata: metadata.clone() };
                Ok(Holder::Kept(Arc::new(Keeper::new(source, means))))
            }
        };
        Ok(Self::of(holder(first)?, second.map(holder).transpose()?))
    }

    fn of(first: Holder, second: Option<Holder>) -> Self {
        let (failover, served) = (Failover::default(), ArcSwapOption::empty());
        Self(Arc::new(Inner { first, second, failover, served }))
    }

    /// The key to call STS with now.
    pub async fn current(&self, clock: &Arc<CorrectedClock>) -> Result<Arc<AccessKey>, AccessKeyError> {
        let (place, holder) = self.in_use();
        let key = match (holder.current(clock).await, self.other(place)) {
            (Err(error), Some((other, holder))) => match holder.current(clock).await {
                Ok(key) => {
                    self.0.failover.turn_to(other, &key.id);
                    key
                }
                Err(_) => return Err(error),
            },
            (outcome, _) => outcome?,
        };
        self.serve(&key);
        Ok(key)
    }

    /// The key to call STS with now, if nothing is to be done for it: no source to be asked, and no other key before it.
    #[must_use]
    pub fn at_hand(&self, clock: &CorrectedClock) -> Option<Arc<AccessKey>> {
        if let (Holder::Given(key, since), None) = (&self.0.first, &self.0.second) {
            return since.get().map(|_| Arc::clone(key));
        }
        let key = self.in_use().1.at_hand(clock)?;
        let is_known = self.0.served.load().as_ref().is_some_and(|served| Arc::ptr_eq(&served.key, &key));
        is_known.then_some(key)
    }

    /// The key that was given out last.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<AccessKey>> {
        self.0.served.load().as_ref().map(|served| Arc::clone(&served.key))
    }

    /// The key that was in use before the present one: what it opened is still good.
    #[must_use]
    pub fn former(&self) -> Option<Arc<AccessKey>> {
        self.0.served.load().as_ref()?.former.clone()
    }

    /// STS does not take `refused`: the key to call it with instead, if there is one. A source that renews its key is asked
    /// once more; else it is the other AccessKey, which takes over once STS has taken it.
    pub async fn instead_of(&self, refused: &AccessKey, clock: &Arc<CorrectedClock>) -> Option<Arc<AccessKey>> {
        let place = self.place_of(refused);
        let Some(place) = place else {
            // It was replaced meanwhile.
            return self.current(clock).await.ok().filter(|key| !is_same(key, refused));
        };
        if let Some(key) = self.holder(place)?.instead_of(refused, clock).await {
            self.serve(&key);
            return Some(key);
        }
        let (other, holder) = self.other(place)?;
        self.0.failover.refuse(place, clock.elapsed());
        if !self.0.failover.may_try(other, clock.elapsed()) {
            return None;
        }
        holder.current(clock).await.ok()
    }

    /// The AccessKey that STS refused, when it is time for one call to try it again. Whoever gets it has to.
    pub async fn to_be_tried(&self, clock: &Arc<CorrectedClock>) -> Option<Arc<AccessKey>> {
        let (other, holder) = self.other(self.in_use().0)?;
        if !self.0.failover.take_trial(other, clock.elapsed()) {
            return None;
        }
        holder.current(clock).await.ok()
    }

    /// STS took `key`.
    pub fn accepted(&self, key: &AccessKey) {
        if self.0.second.is_some()
            && self.0.failover.is_troubled()
            && let Some(place) = self.place_of(key)
        {
            self.0.failover.accept(place, &key.id);
        }
    }

    /// What kind of source the key in use comes from, for `/readyz`, metrics and the log.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.in_use().1.source()
    }

    /// What is known of the key in use.
    #[must_use]
    pub fn status(&self, clock: &CorrectedClock) -> Status {
        let (place, holder) = self.in_use();
        let (age, expires_in) = holder.life(clock);
        Status { age, expires_in, failed_over: self.0.second.as_ref().map(|_| place == Place::Second) }
    }

    fn in_use(&self) -> (Place, &Holder) {
        match (self.0.failover.in_use(), &self.0.second) {
            (Place::Second, Some(second)) => (Place::Second, second),
            _ => (Place::First, &self.0.first),
        }
    }

    fn holder(&self, place: Place) -> Option<&Holder> {
        if place == Place::First { Some(&self.0.first) } else { self.0.second.as_ref() }
    }

    fn other(&self, place: Place) -> Option<(Place, &Holder)> {
        self.0.second.as_ref()?;
        Some((place.other(), self.holder(place.other())?))
    }

    fn place_of(&self, key: &AccessKey) -> Option<Place> {
        [Place::First, Place::Second]
            .into_iter()
            .find(|place| self.holder(*place).is_some_and(|holder| holder.has(key)))
    }

    fn serve(&self, key: &Arc<AccessKey>) {
        let served = self.0.served.load();
        if served.as_ref().is_some_and(|served| Arc::ptr_eq(&served.key, key)) {
            return;
        }
        let former = served.as_ref().map(|served| Arc::clone(&served.key));
        self.0.served.store(Some(Arc::new(Served { key: Arc::clone(key), former })));
    }
}

impl Holder {
    fn given(key: AccessKey) -> Self {
        Self::Given(Arc::new(key), OnceLock::new())
    }

    async fn current(&self, clock: &Arc<CorrectedClock>) -> Result<Arc<AccessKey>, AccessKeyError> {
        match self {
            Self::Given(key, since) => {
                since.get_or_init(|| clock.elapsed());
                Ok(Arc::clone(key))
            }
            Self::Kept(keeper) => keeper.current(clock).await,
        }
    }

    fn at_hand(&self, clock: &CorrectedClock) -> Option<Arc<AccessKey>> {
        match self {
            Self::Given(key, _) => Some(Arc::clone(key)),
            Self::Kept(keeper) => keeper.at_hand(clock),
        }
    }

    async fn instead_of(&self, refused: &AccessKey, clock: &Arc<CorrectedClock>) -> Option<Arc<AccessKey>> {
        match self {
            Self::Given(..) => None,
            Self::Kept(keeper) => keeper.instead_of(refused, clock).await,
        }
    }

    fn has(&self, key: &AccessKey) -> bool {
        match self {
            Self::Given(own, _) => is_same(own, key),
            Self::Kept(keeper) => keeper.held().is_some_and(|held| is_same(&held.key, key)),
        }
    }

    fn source(&self) -> &'static str {
        match self {
            Self::Given(..) => "configuration",
            Self::Kept(keeper) => keeper.source().name(),
        }
    }

    /// Age and time left.
    fn life(&self, clock: &CorrectedClock) -> (Option<TimeDelta>, Option<TimeDelta>) {
        match self {
            Self::Given(_, since) => {
                let age = since.get().map(|since| clock.elapsed().saturating_sub(*since));
                (age.and_then(|age| TimeDelta::from_std(age).ok()), None)
            }
            Self::Kept(keeper) => {
                let (held, now) = (keeper.held(), clock.cloud_time());
                let left = |end: DateTime<Utc>| end - now;
                (held.as_ref().map(|held| now - held.since), held.and_then(|held| held.expiration).map(left))
            }
        }
    }
}
