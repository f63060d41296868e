//! HTTP: what every request passes and every route on one screen (`ingress`), then a file for each kind of answer.
//!
//! A vending handler is read from top to bottom: who asks, what they ask for, may they, the session key, the answer.
//! Whatever goes wrong on the way is a [`Problem`], and becomes a problem document in one place.

mod allowed_hosts;
mod answer;
mod body;
mod classic;
mod client_address;
mod cors;
mod credentials_uri;
mod exit;
mod form_answer;
mod gate;
mod grants;
mod health;
mod ingress;
mod json_value;
mod offers;
pub mod openapi;
mod parameters;
mod peer;
mod post_signature;
mod presigned_url;
mod problem;
mod query;
mod refusals;
mod room;
mod signer;
mod sts;
mod url_answer;
mod visit;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::routing::get;

pub use self::allowed_hosts::{AllowedHosts, Host};
pub use self::body::BodyLimit;
pub use self::cors::Cors;
pub use self::form_answer::form_conditions;
pub use self::gate::{Front, Gate};
pub use self::ingress::{Entrance, Outgoing, not_found};
pub use self::offers::Offers;
pub use self::peer::{Client, Peer};
pub use self::problem::{Problem, Upstream};
pub use self::refusals::unauthenticated;
use crate::audit::Trail;
use crate::caller::Authenticator;
use crate::clock::CorrectedClock;
use crate::metrics::Metrics;
use crate::trace::Spans;
use crate::vault::Vault;

/// What the handlers work with.
#[derive(Debug)]
pub struct App {
    /// Says who asks.
    pub authenticator: Arc<Authenticator>,
    /// The trail of who got what, if one is kept.
    pub audit: Option<Arc<Trail>>,
    /// What may be had.
    pub grants: Offers,
    /// Holds the session keys.
    pub vault: Arc<Vault>,
    /// What is counted; it outlives this app.
    pub metrics: Arc<Metrics>,
    /// Where spans go.
    pub spans: Spans,
    /// Tells the time, once a request: the machine's, and the cloud's.
    pub clock: Arc<CorrectedClock>,
    /// The grant behind the published samples' paths, where they are served.
    pub classic: Option<String>,
    /// Which values of `Host` are answered.
    pub hosts: AllowedHosts,
    /// Which pages may ask.
    pub cors: Cors,
    /// Who is let in.
    pub gate: Gate,
    /// How much of a body is read, and for how long.
    pub body_limit: BodyLimit,
    /// The longest that a request may take.
    pub request_timeout: Duration,
    /// What `Strict-Transport-Security` says over https, if anything.
    pub hsts: Option<HeaderValue>,
    /// Whether the server is about to end.
    pub stopping: Arc<AtomicBool>,
}

/// The routes that tell of our health with all details, for a listener of the operator's own.
pub fn health(app: Arc<App>) -> Router {
    let ready = async |State(app): State<Arc<App>>| health::report(&app).await.whole().map(Body::from);
    let alive = async || health::alive().whole().map(Body::from);
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(app)
}
