//! The operator's own listener: `/metrics`, `/healthz` and `/readyz`, with none of the limits that callers have.

mod page;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::reload::Reload;
use crate::api::{self, App};
use crate::metrics::Page;

/// Answers on `listener` of what runs at the time, until what is returned is aborted: it tells of the server also while
/// that stops.
pub(super) fn serve(listener: TcpListener, reload: Arc<Reload>) -> JoinHandle<io::Result<()>> {
    let router = Router::new().fallback(move |request: Request| {
        let app = Arc::clone(&reload.running().app);
        async move {
            let nosniff = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            router(app).oneshot(request).await.map(|answer| ([nosniff], answer))
        }
    });
    tokio::spawn(axum::serve(listener, router).into_future())
}

/// Made for each request: few come here, and each is to find the app that runs.
fn router(app: Arc<App>) -> Router {
    let metrics = Router::new().route("/metrics", get(metrics)).with_state(Arc::clone(&app));
    metrics.merge(api::health(app))
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let headers = [(header::CONTENT_TYPE, Page::CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    (headers, page::of(&app).await.render()).into_response()
}
