//! The assets as routes.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Asset, asset};

/// The page runs no script but its own, and speaks to wherever OSS is.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; connect-src *; img-src * blob: data:; form-action *; frame-ancestors 'none'; base-uri 'none'",
);

/// `/oss-vend.js`, for every page that wants no SDK.
pub fn module() -> Router {
    routes(&["/oss-vend.js"])
}

/// The demo page; it needs [`module`] beside it.
pub fn demo() -> Router {
    routes(&["/", "/index.html", "/demo.css", "/demo.js"])
}

fn routes(paths: &[&'static str]) -> Router {
    paths.iter().fold(Router::new(), |router, path| {
        let asset = asset(path).expect("every path that is routed here is embedded");
        router.route(path, get(move |headers: HeaderMap| async move { serve(asset, &headers) }))
    })
}

/// The file, or nothing where the browser has it already. It is asked for each time: the next build may differ.
fn serve(asset: Asset, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == asset.etag);
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::ETAG, HeaderValue::from_static(asset.etag)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if known { (StatusCode::NOT_MODIFIED, about).into_response() } else { (about, asset.body).into_response() }
}
