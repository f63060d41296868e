//! HTTP: every route and layer on one screen, then a file for each kind of answer.
//!
//! A vending handler is read from top to bottom: who asks, what they ask for, may they, the session key, the answer.
//! Whatever goes wrong on the way is a [`Problem`], and becomes a problem document in one place.

mod answer;
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
mod offers;
mod parameters;
mod post_signature;
mod presigned_url;
mod problem;
mod refusals;
mod sts;
mod url_answer;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware;
use axum::routing::get;

pub use self::cors::Cors;
pub use self::form_answer::form_conditions;
pub use self::gate::{Front, Gate, Https};
pub use self::ingress::not_found;
pub use self::offers::Offers;
pub use self::parameters::BodyLimit;
pub use self::problem::{Problem, Upstream};
pub use self::refusals::unauthenticated;
use crate::audit::Trail;
use crate::caller::Authenticator;
use crate::clock::Clock;
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
    /// Tells the time, once a request.
    pub clock: Arc<dyn Clock>,
    /// The grant behind the published samples' paths, where they are served.
    pub classic: Option<String>,
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

/// The routes that tell of our health, for a listener of the operator's own.
pub fn health(app: Arc<App>) -> Router {
    Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready)).with_state(app)
}

/// The routes, with `pages` for every path that is none of ours.
pub fn router(app: Arc<App>, pages: Router) -> Router {
    let vending = Router::new()
        .route("/sts", get(sts::answer).post(sts::answer))
        .route("/credentials-uri", get(credentials_uri::answer))
        .route("/post-signature", get(post_signature::answer).post(post_signature::answer))
        .route("/presigned-url", get(presigned_url::answer).post(presigned_url::answer))
        .route("/grants", get(grants::answer))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready));
    let classic = Router::new()
        .route("/get_sts_token_for_oss_upload", get(classic::credentials).post(classic::credentials))
        .route("/get_post_signature_for_oss_upload", get(classic::form).post(classic::form))
        .route("/get_presigned_url_for_oss_upload", get(classic::url).post(classic::url));
    let routes = if app.classic.is_some() { vending.merge(classic) } else { vending };
    routes
        .with_state(Arc::clone(&app))
        .merge(pages)
        .method_not_allowed_fallback(ingress::method_not_allowed)
        .layer(middleware::from_fn_with_state(app, ingress::enter))
}
