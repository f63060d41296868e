//! A credentials URI.

use axum::body::Body;
use axum::http::Response;
use chrono::TimeDelta;
use oss_vend::access_key::Source;
use reqwest::Url;

use super::{Bench, StandIn, answer, redirect, silent, temporary, with, without};
use crate::support::TestServer;

fn bench(address: &str) -> Bench {
    Bench::new(Source::Uri(Url::parse(address).unwrap()))
}

async fn one(reply: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> StandIn {
    StandIn::start("x", move |_| reply()).await
}

#[tokio::test]
async fn its_key_is_taken_with_and_without_a_code() {
    for key in [temporary("a", 60), without(temporary("a", 60), "Code"), without(temporary("a", 60), "Expiration")] {
        let uri = one(move || answer(200, &key)).await;
        let bench = bench(&uri.address);
        assert_eq!((bench.id().await.unwrap(), bench.keys.source()), ("STS.a".into(), "uri"));
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_with_the_reason() {
    for (status, body, told) in [
        (200, with(temporary("a", 60), "Code", "Failed").to_string(), "its Code is \"Failed\""),
        (200, "hush".to_owned(), "what was read is not the documented JSON"),
        (200, "9".repeat(1_000_000), "what was read is too long"),
        (200, temporary("a", -1).to_string(), "the key that it gave has expired"),
        (500, temporary("a", 60).to_string(), "its answer has the status 500"),
    ] {
        let uri = one(move || answer(status, &body)).await;
        let error = bench(&uri.address).error().await;
        assert!(error.starts_with(&format!("uri: {told}")), "{error}");
    }
    let uri = one(redirect).await;
    assert_eq!(bench(&uri.address).error().await, "uri: its answer has the status 302");
    assert_eq!(uri.count(), 1, "a redirect is not followed");
}

#[tokio::test]
async fn one_that_is_slow_gone_or_in_the_clear_is_no_source() {
    let (address, listener) = silent().await;
    let slow = bench(&address);
    assert_eq!(slow.while_time_passes(slow.error()).await, "uri: it took too long");
    drop(listener);
    assert_eq!(bench(&address).error().await, "uri: it cannot be reached");
    let error = bench("http://example.com/key").error().await;
    assert!(error.starts_with("uri: its address is not https"), "{error}");
}

#[tokio::test]
async fn a_key_that_does_not_say_when_it_ends_is_asked_for_again_in_a_while() {
    let uri = one(|| answer(200, without(temporary("a", 60), "Expiration"))).await;
    let bench = bench(&uri.address);
    bench.id().await.unwrap();
    bench.advance(TimeDelta::minutes(14));
    bench.id().await.unwrap();
    assert_eq!(uri.count(), 1);
    bench.advance(TimeDelta::minutes(2));
    bench.id().await.unwrap();
    bench.until(async || uri.count() >= 2).await;
}

#[tokio::test]
async fn one_server_takes_its_key_from_the_credentials_uri_of_another() {
    let server = TestServer::start().await;
    let bench = bench(&format!("http://{}/credentials-uri", server.addresses.server));
    let id = bench.id().await.unwrap();
    assert!(id.starts_with("STS."), "{id}");
}
