//! The STS service.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;

use super::State;

/// The nonces seen.
#[derive(Default)]
pub(crate) struct Nonces {}

/// Every route of STS.
pub(super) fn router(_state: Arc<State>) -> Router {
    Router::new().fallback(|| async { StatusCode::NOT_IMPLEMENTED })
}
