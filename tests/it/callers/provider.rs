//! A small issuer on loopback, which is also an application that knows its callers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::keys::Key;

/// It runs until it is dropped.
pub(crate) struct Provider {
    url: String,
    inner: Arc<Inner>,
    task: AbortHandle,
}

#[derive(Default)]
struct Inner {
    jwks: Mutex<Value>,
    metadata: Mutex<Value>,
    fetches: AtomicUsize,
    broken: AtomicBool,
    /// While this is set, an answer waits for `released`.
    held_back: AtomicBool,
    released: Notify,
    /// Status, headers and body that `/whoami` answers for a session that is known.
    whoami: Mutex<Option<(u16, HeaderMap, String)>>,
    asked: Mutex<Vec<HeaderMap>>,
}

impl Provider {
    pub(crate) async fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys_of))
            .route("/whoami", get(whoami))
            .with_state(Arc::clone(&inner));
        let task = tokio::spawn(axum::serve(listener, router).into_future()).abort_handle();
        let provider = Self { url, inner, task };
        provider.describe(json!({ "issuer": provider.url, "jwks_uri": format!("{}/keys", provider.url) }));
        provider.publish(keys);
        provider
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Publishes these keys and no others.
    pub(crate) fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        *self.inner.jwks.lock().unwrap() = json!({ "keys": keys });
    }

    pub(crate) fn describe(&self, metadata: Value) {
        *self.inner.metadata.lock().unwrap() = metadata;
    }

    /// How often the keys were fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.inner.fetches.load(Ordering::SeqCst)
    }

    /// Whether everything is answered with a 500.
    pub(crate) fn broken(&self, broken: bool) {
        self.inner.broken.store(broken, Ordering::SeqCst);
    }

    /// Lets the keys' answers wait.
    pub(crate) fn hold_back(&self) {
        self.inner.held_back.store(true, Ordering::SeqCst);
    }

    pub(crate) fn release(&self) {
        self.inner.held_back.store(false, Ordering::SeqCst);
        self.inner.released.notify_waiters();
    }

    /// What `/whoami` answers from now on.
    pub(crate) fn whoami(&self, status: u16, headers: &[(&'static str, &'static str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        *self.inner.whoami.lock().unwrap() = Some((status, headers, body.to_owned()));
    }

    /// The headers of the questions that `/whoami` was asked.
    pub(crate) fn asked(&self) -> Vec<HeaderMap> {
        self.inner.asked.lock().unwrap().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn metadata(State(inner): State<Arc<Inner>>) -> Response {
    if inner.broken.load(Ordering::SeqCst) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    inner.metadata.lock().unwrap().to_string().into_response()
}

async fn keys_of(State(inner): State<Arc<Inner>>) -> Response {
    inner.fetches.fetch_add(1, Ordering::SeqCst);
    let released = inner.released.notified();
    if inner.held_back.load(Ordering::SeqCst) {
        released.await;
    }
    if inner.broken.load(Ordering::SeqCst) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    inner.jwks.lock().unwrap().to_string().into_response()
}

async fn whoami(State(inner): State<Arc<Inner>>, headers: HeaderMap) -> Response {
    inner.asked.lock().unwrap().push(headers);
    match inner.whoami.lock().unwrap().clone() {
        Some((status, headers, body)) => (StatusCode::from_u16(status).unwrap(), headers, body).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
