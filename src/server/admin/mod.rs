//! The operator's own listener: `/metrics`, `/healthz` and `/readyz`, with none of the limits that callers have.

mod page;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::api::{self, App};
use crate::metrics::Page;

/// What is answered there.
pub(super) fn router(app: Arc<App>) -> Router {
    let metrics = Router::new().route("/metrics", get(metrics)).with_state(Arc::clone(&app));
    metrics.merge(api::health(app))
}

/// Answers on `listener` until what is returned is aborted: it tells of the server also while that stops.
pub(super) fn serve(listener: TcpListener, router: Router) -> JoinHandle<io::Result<()>> {
    tokio::spawn(axum::serve(listener, router).into_future())
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let headers = [(header::CONTENT_TYPE, Page::CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    (headers, page::of(&app).await.render()).into_response()
}
