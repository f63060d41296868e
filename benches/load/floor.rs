//! The floor: hyper and nothing else, with answers that are ready.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io::Write;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
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

/// Serves the answers in `file`, on a port that it prints, with a runtime like the server's own.
pub(crate) fn serve(file: &str) {
    let answers: Answers = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let ready: Vec<_> = answers.iter().map(|(path, answer)| (path.clone(), answer.response())).collect();
    let ready: &'static [(String, Response<Bytes>)] = ready.leak();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = service_fn(move |request| async move { Ok::<_, Infallible>(answer(ready, &request)) });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

fn answer(ready: &[(String, Response<Bytes>)], request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path_and_query().unwrap().as_str();
    let (_, ready) = ready.iter().find(|(known, _)| known == path).unwrap();
    let mut response = Response::new(Full::new(ready.body().clone()));
    *response.headers_mut() = ready.headers().clone();
    response
}
