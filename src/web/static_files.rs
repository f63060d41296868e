//! A folder of pages, without what was not meant to be served: hidden files, and whatever a link leads to elsewhere.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::MethodRouter;
use percent_encoding::percent_decode_str;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// The one folder with a hidden name that is meant for everyone (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    files: ServeDir<MethodRouter<(), Infallible>>,
    not_found: MethodRouter<(), Infallible>,
}

/// Serves the files of `folder`; every path that leads to none of them is answered by `not_found`.
///
/// A path with a segment that begins with a dot leads to none, except `/.well-known/`, and neither does a path that links
/// lead out of the folder. Links within the folder are followed: mounted volumes are made of them.
pub fn static_files(folder: PathBuf, not_found: MethodRouter<(), Infallible>) -> Router {
    let files = ServeDir::new(&folder).fallback(not_found.clone());
    Router::new().fallback(serve).with_state(Arc::new(Folder { path: folder, files, not_found }))
}

async fn serve(State(folder): State<Arc<Folder>>, request: Request) -> Response {
    let is_served = match visible_path(request.uri().path()) {
        Some(path) => is_within(folder.path.clone(), path).await.unwrap_or(false),
        None => false,
    };
    let Ok(response) = if is_served {
        folder.files.clone().oneshot(request).await.map(|response| response.map(axum::body::Body::new))
    } else {
        folder.not_found.clone().oneshot(request).await
    };
    response
}

/// The path of a file as a URL's path means it, if nothing on the way is hidden. It is decoded once, as [`ServeDir`] does.
fn visible_path(url_path: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(url_path.trim_start_matches('/')).decode_utf8().ok()?;
    let is_visible = |(place, segment): (usize, &str)| {
        !segment.starts_with('.') && !segment.contains(['\\', '\0']) || (place, segment) == (0, WELL_KNOWN)
    };
    decoded.split('/').enumerate().all(is_visible).then(|| PathBuf::from(&*decoded))
}

/// Whether `path` in `folder` is there, and still in the folder once all links are followed. In the place of a folder its
/// index page is served.
async fn is_within(folder: PathBuf, path: PathBuf) -> io::Result<bool> {
    let look = move || {
        let (folder, file) = (folder.canonicalize()?, folder.join(path).canonicalize()?);
        if !file.is_dir() || !file.starts_with(&folder) {
            return Ok(file.starts_with(&folder));
        }
        // Without an index page there is nothing to serve, and no link to follow.
        Ok(file.join("index.html").canonicalize().map_or(true, |index| index.starts_with(&folder)))
    };
    tokio::task::spawn_blocking(look).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_segment_makes_a_path_invisible_however_it_is_written() {
        for path in ["/a.html", "/", "/a/b.c/", "//a", "/a%20b", "/.well-known/acme-challenge/x", "/a..b", "/a."] {
            assert!(visible_path(path).is_some(), "{path}");
        }
        for path in [
            "/.env",
            "/%2eenv",
            "/%2Eenv",
            "/a/.git/config",
            "/a/%2egit%2fconfig",
            "/a%2f.git",
            "//.env",
            "/..",
            "/../x",
            "/a/%2e%2e/b",
            "/./a",
            "/a/..%2f.env",
            "/a/.well-known/x",
            "/.well-known/.env",
            "/.well-known-not",
            "/a%5c..%5c.env",
            "/a\\b",
            "/a%00",
            "/%ff",
        ] {
            assert_eq!(visible_path(path), None, "{path}");
        }
    }
}
