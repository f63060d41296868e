//! An emulator of STS and OSS that checks every signature: what `dev` runs and what the tests judge by.
//!
//! It imports nothing of the rest of the crate and shares no code with the signer. It starts from the bytes on the wire,
//! decodes them, and builds the canonical texts its own way. It knows only the keys it was given, and calls
//! out for nothing but the upload callbacks that are ordered.

mod access;
mod account;
mod control;
mod error;
mod form_policy;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod knobs;
mod loopback;
mod options;
mod oss;
mod rsa_key;
mod store;
mod sts;
mod verify;
mod wire;
mod xml;

use std::io;
use std::sync::Arc;

use axum::{Router, middleware};
use chrono::{DateTime, Utc};

use self::account::Accounts;
use self::rsa_key::RsaKey;
use self::store::Store;

pub use self::knobs::{AbsentField, Call, Failure, Knobs, Readings, Service};
pub use self::options::{
    BucketOptions, DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_ACCOUNT_ID, DEV_BUCKET, DEV_OIDC_ISSUER,
    DEV_OIDC_PROVIDER_ARN, DEV_REGION, DEV_ROLE_ARN, OidcProvider, Options, Role, User,
};
pub use self::sts::IdentityClaims;

/// The emulated cloud: one account's users, roles and buckets behind two routers. Clones share everything.
#[derive(Clone)]
pub struct Emulator {
    state: Arc<State>,
}

impl Emulator {
    /// Builds the cloud that `options` describe; `now` is its clock, which the knobs can shift.
    ///
    /// Fails with `InvalidInput` when a policy is not in RAM's grammar or a name occurs twice.
    pub fn new(options: Options, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> io::Result<Self> {
        Ok(Self { state: Arc::new(State::new(options, Box::new(now))?) })
    }

    /// The STS service: `POST /` or `GET /` with RPC or ACS3 signatures.
    pub fn sts(&self) -> Router {
        sts::router(Arc::clone(&self.state))
    }

    /// The object service, and beside it the control route under `/-/emulator`, which only this machine reaches.
    pub fn oss(&self) -> Router {
        let control = control::router(Arc::clone(&self.state));
        oss::router(Arc::clone(&self.state)).layer(middleware::from_fn_with_state(control, control::divert))
    }

    /// An identity token as a pod of a trusting cluster would hold, signed with the key that STS serves under `/oidc/jwks`.
    #[must_use]
    pub fn identity_token(&self, claims: &IdentityClaims) -> String {
        claims.token(&self.state)
    }

    /// The knobs that tests turn: faults, delays, the clock, and the list of calls received.
    #[must_use]
    pub fn knobs(&self) -> &Knobs {
        &self.state.knobs
    }
}

/// What both services share.
pub(crate) struct State {
    pub(crate) region: String,
    /// The account that owns the buckets: the first user's, else the first role's.
    pub(crate) owner: String,
    pub(crate) buckets: Vec<BucketOptions>,
    pub(crate) store: Store,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) knobs: Knobs,
    pub(crate) nonces: sts::Nonces,
    pub(crate) callbacks: oss::Callbacks,
    /// Signs callbacks and identity tokens.
    pub(crate) key: Arc<RsaKey>,
    pub(crate) oidc_providers: Vec<OidcProvider>,
    clock: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl State {
    fn new(options: Options, clock: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>) -> io::Result<Self> {
        let owner = options.owner();
        let callbacks = oss::Callbacks::new(&options);
        let accounts = Arc::new(Accounts::new(options.users, options.roles)?);
        let store = Store::open(options.data_dir.as_deref())?;
        oss::make_buckets(&store, &options.buckets, clock())?;
        Ok(Self {
            region: options.region,
            owner,
            store,
            buckets: options.buckets,
            knobs: Knobs::new(Arc::clone(&accounts)),
            accounts,
            nonces: sts::Nonces::default(),
            callbacks,
            key: Arc::default(),
            oidc_providers: options.oidc_providers,
            clock,
        })
    }

    /// The emulator's time: its clock plus the offset of the knobs.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.clock)().checked_add_signed(self.knobs.offset()).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
