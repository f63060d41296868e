//! Spans reach a collector: a small one that takes what is posted to it, over a real socket.

#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

#[path = "../it/support.rs"]
#[expect(dead_code, reason = "the same support as that of the other tests, which need more of it")]
mod support;

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use oss_vend::dev::CONFIG;
use oss_vend::emulator::Failure;
use reqwest::Method;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{Answer, TestServer};

/// Where it listens, and what is posted to it.
async fn collector() -> (String, mpsc::UnboundedReceiver<(String, Bytes)>) {
    let (sender, posted) = mpsc::unbounded_channel();
    let take = move |uri: Uri, body: Bytes| {
        let _nobody_listens_any_more = sender.send((uri.path().to_owned(), body));
        async {}
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(take)).into_future());
    (address, posted)
}

fn holds(body: &[u8], wanted: &[u8]) -> bool {
    body.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_failures_and_what_callers_record_are_told_to_the_collector() {
    let (address, mut posted) = collector().await;
    let server = TestServer::with(&format!("{CONFIG}\n[otel]\nendpoint = \"{address}\"\n")).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let ask = |path, sampled| {
        let request = server.request(Method::GET, path);
        Answer::of(request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-0{sampled}")))
    };
    ask("/sts", 1).await.json();
    ask("/grants", 0).await.json();
    server.knobs().fail_next(
        "AssumeRole",
        1,
        Failure::Status { status: 403, code: "NoPermission".into(), message: "hush".into() },
    );
    assert_eq!(
        Answer::of(server.request(Method::GET, "/sts?grant=avatars").bearer_auth("ovk_dev_alice")).await.status,
        502
    );
    let mut told = Vec::new();
    let wanted: [&[u8]; 6] = [
        b"AssumeRole",
        b"GET /sts",
        b"oss-vend",
        b"sts_refused",
        b"oss_vend.request_id",
        &const_hex::decode(trace).unwrap(),
    ];
    while !wanted.iter().all(|wanted| holds(&told, wanted)) {
        let next = tokio::time::timeout(Duration::from_mins(1), posted.recv()).await;
        let (path, body) = next.unwrap_or_else(|_| panic!("only {:?}", String::from_utf8_lossy(&told))).unwrap();
        assert_eq!(path, "/v1/traces");
        told.extend_from_slice(&body);
    }
    for absent in [&b"GET /grants"[..], b"hush", b"alice", b"ovk_", b"STS."] {
        assert!(!holds(&told, absent), "{:?} is told", String::from_utf8_lossy(absent));
    }
}
