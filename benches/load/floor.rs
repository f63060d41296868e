//! The floor: hyper and nothing else, with answers that are ready.
//!
//! A second one hashes, too, what the signature of a URL has to hash, and a third one also puts a ready line for each request
//! into a file, by a thread of its own: what stands between them and the first can be saved by nobody who signs and keeps a
//! trail.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::mem;
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::thread;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// An answer of ours, as it is to be returned for its path.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Ready {
    headers: Vec<(String, String)>,
    body: String,
}

/// Answers by their paths with the query.
pub(crate) type Answers = BTreeMap<String, Ready>;

impl Ready {
    /// What `answer` is but for the headers that hyper writes by itself.
    pub(crate) fn of(answer: &[u8]) -> Self {
        let text = String::from_utf8(answer.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let own = ["date", "content-length", "connection"];
        let headers = headers.filter(|(name, _)| !own.contains(name));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { headers, body: body.to_owned() }
    }

    fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.body.clone()));
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            response.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        response
    }
}

/// What a floor does for each request beside answering.
#[derive(Clone, Default)]
pub(crate) struct Chores {
    /// Whether it hashes.
    pub(crate) hashes: bool,
    /// The line, and the file that it is written to.
    pub(crate) notes: Option<(String, String)>,
}

/// Lines that wait for their thread.
#[derive(Default)]
struct Notes {
    gathered: Mutex<Vec<u8>>,
    are_enough: Condvar,
    line: String,
}

impl Notes {
    /// As many bytes as our trail writes at a time.
    const ENOUGH: usize = 128 * 1024;

    fn start(line: &str, file: &str) -> Arc<Self> {
        let notes = Arc::new(Self { line: format!("{line}\n"), ..Self::default() });
        let (theirs, mut file) = (Arc::clone(&notes), File::create(file).unwrap());
        thread::spawn(move || {
            let mut lines = Vec::new();
            loop {
                let too_few = |gathered: &mut Vec<u8>| gathered.len() < Self::ENOUGH;
                let mut gathered = theirs.are_enough.wait_while(theirs.gathered.lock().unwrap(), too_few).unwrap();
                mem::swap(&mut lines, &mut *gathered);
                drop(gathered);
                file.write_all(&lines).unwrap();
                lines.clear();
            }
        });
        notes
    }

    fn add(&self) {
        let mut gathered = self.gathered.lock().unwrap();
        let before = gathered.len();
        gathered.extend_from_slice(self.line.as_bytes());
        let enough = before < Self::ENOUGH && gathered.len() >= Self::ENOUGH;
        drop(gathered);
        if enough {
            self.are_enough.notify_one();
        }
    }
}

/// An answer that goes out, and what of it is hashed first.
struct Standing {
    path: String,
    answer: Response<Bytes>,
    /// The URL in it, which is about as long as what its signature takes in; nothing where nothing is hashed.
    hashed: Option<Bytes>,
}

impl Standing {
    fn new(path: &str, ready: &Ready, hashes: bool) -> Self {
        let answer = ready.response();
        let longest = ready.body.split('"').max_by_key(|part| part.len()).filter(|_| hashes);
        Self { path: path.to_owned(), hashed: longest.map(|url| Bytes::from(url.to_owned())), answer }
    }
}

/// Serves the answers in `file`, on a port that it prints, with a runtime like the server's own.
pub(crate) fn serve(file: &str, chores: &Chores) {
    let answers: Answers = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let standing: Vec<_> = answers.iter().map(|(path, ready)| Standing::new(path, ready, chores.hashes)).collect();
    let standing: &'static [Standing] = standing.leak();
    let notes: Option<&'static Notes> =
        chores.notes.as_ref().map(|(line, file)| &**Box::leak(Box::new(Notes::start(line, file))));
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service =
                service_fn(move |request| async move { Ok::<_, Infallible>(answer(standing, notes, &request)) });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

fn answer(standing: &[Standing], notes: Option<&Notes>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path_and_query().unwrap().as_str();
    let Standing { answer, hashed, .. } = standing.iter().find(|standing| standing.path == path).unwrap();
    if let Some(url) = hashed {
        hash(url);
    }
    if let Some(notes) = notes {
        notes.add();
    }
    let mut response = Response::new(Full::new(answer.body().clone()));
    *response.headers_mut() = answer.headers().clone();
    response
}

/// The SHA-256 of `url` for that of a canonical request, and the HMAC of as much as a string to sign has, with its state at
/// hand.
fn hash(url: &[u8]) {
    const STRING_TO_SIGN: usize = 142;
    static KEPT: LazyLock<Hmac<Sha256>> = LazyLock::new(|| Hmac::new_from_slice(&[7; 32]).unwrap());
    let mut mac = KEPT.clone();
    let digest = Sha256::digest(url);
    mac.update(&digest);
    mac.update(&url[..STRING_TO_SIGN - digest.len()]);
    black_box(mac.finalize());
}
