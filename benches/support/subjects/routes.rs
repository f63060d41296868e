//! Whole answers, without a socket: what stands between hyper and a page.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{Request, Response};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Empty, Full};
use oss_vend::api::{Client, Peer};
use oss_vend::clock::SystemClock;
use oss_vend::config::{Environment, Settings};
use oss_vend::server::Server;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::cloud::{Arms, ROUTES, Sts, bearer};
use crate::support::harness::{Group, Subject};

/// Requests that are made in one go, before the clock runs.
const STOCK: u32 = 500;

/// Names and the most allocations: those of the answer itself, for hyper's come before and after.
const NAMES: [(&str, u64); 3] = [("/sts", 8), ("/post-signature", 13), ("/presigned-url", 11)];

pub(super) fn each(wanted: &dyn Fn(&str) -> bool, visit: &mut dyn FnMut(Group<'_>)) {
    if !NAMES.iter().any(|(name, _)| wanted(name)) {
        return;
    }
    let (runtime, sts, folder) = (Runtime::new().unwrap(), Sts::start(), TempDir::new().unwrap());
    let _entered = runtime.enter();
    let bearer = bearer("u42");
    let [bare, full] = [Arms::Bare, Arms::Full].map(|arms| Site::new(arms, sts.address, &folder, &bearer));
    for ((name, allocations), path) in NAMES.into_iter().zip(ROUTES) {
        if wanted(name) {
            let (_, ready) = runtime.block_on(async { (bare.ready(path).await, full.ready(path).await) });
            let (head, body) = (ready.headers().clone(), ready.into_body());
            visit(Group {
                name,
                floor: Subject::new("a copy of the answer", || {
                    let mut response = Response::new(Full::new(body.clone()));
                    *response.headers_mut() = head.clone();
                    response
                }),
                subjects: vec![
                    bare.asked("anonymous, nothing else", path).allocating_at_most(allocations),
                    full.asked("fully armed", path).allocating_at_most(allocations),
                ],
            });
        }
    }
}

/// A server, and what pages send it.
struct Site {
    server: Server,
    headers: Vec<(&'static str, String)>,
    stock: RefCell<Vec<Request<Empty<Bytes>>>>,
    client: Arc<Client>,
}

impl Site {
    fn new(arms: Arms, sts: SocketAddr, folder: &TempDir, bearer: &str) -> Self {
        let audit = folder.path().join("audit.jsonl");
        let text = arms.configuration(sts, audit.to_str().unwrap());
        let loaded = Settings::of_text("bench.toml", &text, &Environment::default()).unwrap();
        let server = Server::new(loaded, Arc::new(SystemClock::new())).unwrap();
        Self { server, headers: arms.headers(bearer), stock: RefCell::default(), client: client() }
    }

    fn request(&self, path: &str) -> Request<Empty<Bytes>> {
        let request = Request::get(path).header("host", "127.0.0.1:8000").header("accept", "*/*");
        let headers = self.headers.iter();
        headers.fold(request, |request, (name, value)| request.header(*name, value)).body(Empty::new()).unwrap()
    }

    /// The first answer, for which STS is asked.
    async fn ready(&self, path: &str) -> Response<Bytes> {
        let response = self.server.answer(self.request(path), Arc::clone(&self.client)).await;
        assert_eq!(response.status(), 200);
        let (head, body) = response.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    fn asked<'a>(&'a self, name: &'static str, path: &'static str) -> Subject<'a> {
        let run = move || {
            let request = self.stock.borrow_mut().pop().unwrap_or_else(|| self.request(path));
            let answered = self.server.answer(request, Arc::clone(&self.client)).now_or_never();
            answered.expect("an open session is answered at once")
        };
        let restock = move || *self.stock.borrow_mut() = (0..STOCK).map(|_| self.request(path)).collect();
        Subject::new(name, run).settled(STOCK, restock)
    }
}

fn client() -> Arc<Client> {
    Arc::new(Client::new(Peer::Tcp("127.0.0.1:50000".parse().unwrap())))
}
