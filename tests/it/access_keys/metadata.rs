//! The role of an ECS instance.

use axum::body::Body;
use axum::http::Response;
use chrono::TimeDelta;
use oss_vend::access_key::{Metadata, Options, Source};
use reqwest::Url;

use super::{Bench, StandIn, answer, given, redirect, silent, sts, temporary, with, without};

const TOKEN: &str = "PUT /latest/api/token";
const ROLES: &str = "GET /latest/meta-data/ram/security-credentials/";
const ROLE: &str = "GET /latest/meta-data/ram/security-credentials/web";

fn bench(address: &str, role: Option<&str>, v1: bool) -> Bench {
    let metadata = Metadata { base: Url::parse(address).unwrap(), v1 };
    let first = Source::Ecs { role: role.map(str::to_owned) };
    Bench::of(Options { first, second: None, sts: sts("http://127.0.0.1:1"), metadata })
}

/// A service that knows `IMDSv2` and answers `key` for its one role.
fn service(line: &str, key: impl ToString) -> Response<Body> {
    match line {
        TOKEN => answer(200, "imds-token\n"),
        ROLES => answer(200, "web\n"),
        ROLE => answer(200, key),
        _ => answer(404, "not found"),
    }
}

async fn imds() -> StandIn {
    StandIn::start("x-aliyun-ecs-metadata-token", |line| service(line, temporary("a", 360))).await
}

#[tokio::test]
async fn the_attached_role_is_found_and_asked_for_with_a_token() {
    let imds = imds().await;
    let bench = bench(&imds.address, None, true);
    assert_eq!(bench.id().await.unwrap(), "STS.a");
    assert_eq!(bench.id().await.unwrap(), "STS.a");
    let token = Some("imds-token".to_owned());
    assert_eq!(imds.asked(), [(TOKEN.into(), None), (ROLES.into(), token.clone()), (ROLE.into(), token)]);
    let status = bench.keys.status(&bench.clock);
    assert_eq!((bench.keys.source(), status.age), ("ecs", Some(TimeDelta::zero())));
    assert_eq!(status.expires_in, Some(TimeDelta::hours(6)));
}

#[tokio::test]
async fn a_named_role_is_not_sought() {
    let imds = imds().await;
    assert_eq!(bench(&imds.address, Some("web"), true).id().await.unwrap(), "STS.a");
    assert_eq!(imds.count(), 2);
    let error = bench(&imds.address, Some("other"), true).error().await;
    assert!(error.contains("no RAM role is attached"), "{error}");
}

#[tokio::test]
async fn an_old_service_is_asked_without_a_token_unless_that_is_not_allowed() {
    for status in [403, 404, 405, 500] {
        let old = StandIn::start("x-aliyun-ecs-metadata-token", move |line| match line {
            TOKEN => answer(status, "no"),
            line => service(line, temporary("a", 360)),
        });
        let old = old.await;
        assert_eq!(bench(&old.address, None, true).id().await.unwrap(), "STS.a");
        assert!(old.asked().iter().all(|(_, token)| token.is_none()));
        let before = old.count();
        let error = bench(&old.address, None, false).error().await;
        assert_eq!(error, format!("ecs: its answer has the status {status}"));
        assert_eq!(old.count(), before + 1, "only a token was asked for");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_with_the_reason() {
    let good = || temporary("a", 360);
    for (key, told) in [
        (with(good(), "Code", "Failed").to_string(), "its Code is \"Failed\", not \"Success\""),
        (without(good(), "Code").to_string(), "there is no Code"),
        (without(good(), "SecurityToken").to_string(), "there is no SecurityToken"),
        (temporary("a", 0).to_string(), "the key that it gave has expired"),
        ("<html>hush".to_owned(), "what was read is not the documented JSON"),
        ("x".repeat(100_000), "what was read is too long"),
    ] {
        let imds = StandIn::start("x", move |line| service(line, &key)).await;
        let error = bench(&imds.address, None, true).error().await;
        assert!(error.starts_with(&format!("ecs: {told}")), "{error}");
    }
}

#[tokio::test]
async fn an_instance_without_a_role_or_with_a_redirect_says_so() {
    let roleless = StandIn::start("x", |line| if line == TOKEN { answer(200, "t") } else { answer(404, "") }).await;
    let error = bench(&roleless.address, None, true).error().await;
    assert!(error.contains("no RAM role is attached"), "{error}");
    let elsewhere = StandIn::start("x", |line| if line == TOKEN { answer(200, "t") } else { redirect() }).await;
    assert_eq!(bench(&elsewhere.address, None, true).error().await, "ecs: its answer has the status 302");
    assert_eq!(elsewhere.count(), 2, "a redirect is not followed");
    let odd = StandIn::start("x", |_| answer(200, "../../hush page")).await;
    assert_eq!(bench(&odd.address, None, true).error().await, "ecs: the role's name is malformed");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up() {
    let (address, _listener) = silent().await;
    let bench = bench(&address, None, true);
    let error = bench.while_time_passes(bench.error()).await;
    assert_eq!(error, "ecs: it took too long");
}

#[tokio::test]
async fn the_key_is_renewed_behind_an_answer_before_it_ends() {
    let imds = StandIn::start("x", |line| service(line, temporary("a", 60))).await;
    let bench = bench(&imds.address, Some("web"), true);
    assert_eq!(bench.id().await.unwrap(), "STS.a");
    bench.advance(TimeDelta::minutes(40));
    assert_eq!((bench.id().await.unwrap(), imds.count()), ("STS.a".into(), 2), "it is too early");
    bench.advance(TimeDelta::minutes(6));
    assert_eq!(bench.id().await.unwrap(), "STS.a");
    bench.until(async || imds.count() >= 4).await;
}

#[tokio::test]
async fn a_key_that_cannot_be_renewed_serves_to_its_end_and_not_beyond() {
    let fails = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let failing = fails.clone();
    let imds = StandIn::start("x", move |line| {
        if failing.load(std::sync::atomic::Ordering::Relaxed) {
            return answer(500, "");
        }
        service(line, temporary("a", 60))
    })
    .await;
    let bench = bench(&imds.address, Some("web"), true);
    bench.id().await.unwrap();
    fails.store(true, std::sync::atomic::Ordering::Relaxed);
    for _minute in 1..60 {
        bench.advance(TimeDelta::minutes(1));
        assert_eq!(bench.id().await.unwrap(), "STS.a");
    }
    bench.advance(TimeDelta::minutes(2));
    assert_eq!(bench.error().await, "ecs: its answer has the status 500");
    let before = imds.count();
    for _ in 0..100 {
        bench.error().await;
    }
    assert_eq!(imds.count(), before, "the failure is remembered");
    fails.store(false, std::sync::atomic::Ordering::Relaxed);
    bench.advance(TimeDelta::minutes(2));
    let error = bench.error().await;
    assert!(error.contains("expired"), "what it gives is over: {error}");
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_attempt() {
    let imds = imds().await;
    let bench = bench(&imds.address, Some("web"), true);
    let asked = futures_util::future::join_all((0..100).map(|_| bench.id())).await;
    assert!(asked.iter().all(|id| id.as_ref().unwrap() == "STS.a"));
    assert_eq!(imds.count(), 2);
}

#[tokio::test]
async fn a_second_key_stands_in_for_a_source_that_has_none_and_leaves_when_it_has() {
    let fails = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let failing = fails.clone();
    let imds = StandIn::start("x", move |line| {
        if failing.load(std::sync::atomic::Ordering::Relaxed) {
            return answer(500, "");
        }
        service(line, temporary("a", 360))
    })
    .await;
    let metadata = Metadata { base: Url::parse(&imds.address).unwrap(), v1: true };
    let (first, second) = (Source::Ecs { role: None }, Some(given("LTAIsecond")));
    let bench = Bench::of(Options { first, second, sts: sts("http://127.0.0.1:1"), metadata });
    assert_eq!(bench.id().await.unwrap(), "LTAIsecond");
    assert_eq!(bench.keys.status(&bench.clock).failed_over, Some(true));
    fails.store(false, std::sync::atomic::Ordering::Relaxed);
    bench.advance(TimeDelta::minutes(2));
    let tried = bench.keys.to_be_tried(&bench.clock).await.unwrap();
    assert_eq!(tried.id, "STS.a");
    bench.keys.accepted(&tried);
    assert_eq!(bench.id().await.unwrap(), "STS.a");
    assert_eq!(bench.keys.status(&bench.clock).failed_over, Some(false));
}
