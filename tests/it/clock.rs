//! Two times: the machine's judges proofs and rates, the cloud's dates what is vended. STS moves the second alone.

use chrono::{DateTime, TimeDelta, Utc};
use oss_vend::dev::CONFIG;
use oss_vend::emulator::Failure;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::callers::keys::Key;
use crate::support::{Answer, TestServer, time};

const SECRET: &str = "ssssssssssssssssssssssssssssssssssssssssssssssss";

/// A server that believes the tokens of [`token`], and whose STS is so far ahead, as the first call has found.
async fn corrected_by(offset: TimeDelta) -> TestServer {
    let issuer = format!(
        "[[auth.jwt]]\nissuer = \"i\"\nid_prefix = \"i.\"\naudiences = [\"uploads\"]\nsecret = {SECRET:?}\nleeway = 0\n"
    );
    let server = TestServer::with(&format!("{CONFIG}\n{issuer}")).await;
    server.knobs().clock_offset(offset);
    server.get_while_time_passes("/sts").await;
    server
}

/// A token that is valid from and until so many seconds from the machine time on.
fn token(server: &TestServer, from: i64, until: i64) -> String {
    let now = server.now().timestamp();
    let says = json!({ "iss": "i", "aud": "uploads", "sub": "u42", "nbf": now + from, "exp": now + until });
    Key::secret("HS256", SECRET.as_bytes()).token(&says)
}

fn hint(answer: &Answer) -> String {
    serde_json::from_str::<Value>(&answer.text).unwrap()["hint"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_answers_as_sts_neither_revives_nor_ends_a_token() {
    for hours in [-23, -1, 1, 23] {
        let server = corrected_by(TimeDelta::hours(hours)).await;
        let offset = server.admin("/readyz").await.json()["clockOffsetSeconds"].as_i64().unwrap();
        assert!((offset - hours * 3600).abs() <= 2, "{offset}");
        let good = server.get_as(&token(&server, -60, 60), "/sts?grant=avatars").await;
        assert_eq!(good.json()["dir"], "avatars/i.u42/", "{hours}");
        for (from, until) in [(-7200, -60), (60, 7200)] {
            let refused = server.get_as(&token(&server, from, until), "/sts?grant=avatars").await;
            assert_eq!(refused.problem(), (401, "invalid_token".into()), "{hours}");
            let off = format!("differs from that of STS by {offset} seconds");
            assert!(hint(&refused).contains(&off), "{}", hint(&refused));
        }
    }
}

#[tokio::test]
async fn a_refused_token_names_no_offset_that_does_not_matter() {
    let server = corrected_by(TimeDelta::seconds(59)).await;
    let refused = server.get_as(&token(&server, -7200, -60), "/sts?grant=avatars").await;
    assert!(!hint(&refused).contains("clock"), "{}", hint(&refused));
    // A token that is refused for something else says nothing of the clock either.
    let server = corrected_by(TimeDelta::hours(1)).await;
    let other = Key::secret("HS256", &[b't'; 48]).token(&json!({ "iss": "i", "aud": "uploads", "sub": "u42" }));
    assert!(!hint(&server.get_as(&other, "/sts?grant=avatars").await).contains("clock"));
}

#[tokio::test]
async fn a_token_that_is_remembered_ends_by_the_machine_time() {
    let server = corrected_by(TimeDelta::hours(-2)).await;
    let token = token(&server, -60, 60);
    for seconds in [0, 59] {
        server.advance(seconds);
        server.get_as(&token, "/sts?grant=avatars").await.json();
    }
    server.advance(1);
    assert_eq!(server.get_as(&token, "/sts?grant=avatars").await.problem(), (401, "invalid_token".into()));
}

#[tokio::test]
async fn a_date_of_sts_gives_nobody_more_requests() {
    let config = CONFIG.replace("per_address = \"off\"", "per_address = \"2/h burst 2\"");
    let server = TestServer::with(&config).await;
    for offset in [20, -20] {
        server.knobs().clock_offset(TimeDelta::hours(offset));
        server.get_while_time_passes("/sts").await;
    }
    let refused = server.get("/sts").await;
    assert_eq!(refused.problem(), (429, "rate_limited".into()));
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=1800).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_correction_beyond_24_hours_is_refused_and_said_where_operators_look() {
    for hours in [-25, 25, 24 * 365 * 100] {
        let server = corrected_by(TimeDelta::hours(hours)).await;
        let ready: Value = serde_json::from_str(&server.admin("/readyz").await.text).unwrap();
        assert_eq!(ready["clockOffsetSeconds"], 0);
        let codes: Vec<_> = ready["reasons"].as_array().unwrap().iter().map(|reason| &reason["code"]).collect();
        assert!(codes.contains(&&json!("clock_correction_refused")), "{ready}");
        assert_eq!(time(&ready["serverTime"]).timestamp(), server.now().timestamp());
        // Once the clock is set, all is well.
        server.knobs().clock_offset(TimeDelta::zero());
        server.advance(60);
        server.get_while_time_passes("/sts").await.json();
        assert_eq!(server.admin("/readyz").await.json()["reasons"], json!([]));
    }
}

#[tokio::test]
async fn the_first_answer_of_each_route_has_the_time_of_sts_by_which_it_is_signed() {
    let batch = json!({ "items": [{ "key": "uploads/a" }, { "key": "uploads/b" }] });
    let asks: [(&str, Option<&Value>); 4] = [
        ("/sts", None),
        ("/post-signature?key=uploads/a", None),
        ("/presigned-url?key=uploads/a", None),
        ("/presigned-url", Some(&batch)),
    ];
    for (path, body) in asks {
        for minutes in [-20, 20] {
            let server = TestServer::start().await;
            server.knobs().clock_offset(TimeDelta::minutes(minutes));
            let answer = match body {
                Some(body) => server.post(path, body).await,
                None => server.get(path).await,
            };
            let right = server.now() + TimeDelta::minutes(minutes);
            assert_eq!(time(&answer.json()["serverTime"]), right, "{path} {minutes}");
        }
    }
}

#[tokio::test]
async fn a_failure_that_corrects_the_clock_says_rightly_when_to_come_again() {
    let server = TestServer::start().await;
    for hours in [20, -20] {
        server.knobs().clock_offset(TimeDelta::hours(hours));
        let failure = Failure::Status { status: 503, code: "ServiceUnavailable".into(), message: String::new() };
        server.knobs().fail_next("AssumeRole", 3, failure);
        let failed = server.get_while_time_passes("/sts").await;
        assert_eq!(failed.problem(), (503, "sts_unavailable".into()));
        let wait: i64 = failed.header("retry-after").parse().unwrap();
        assert!((1..=3).contains(&wait), "{wait}");
        server.advance(wait);
    }
    // The clock went back by 40 hours: what was remembered before is not remembered for so long.
    server.get_while_time_passes("/sts").await.json();
}

#[tokio::test]
async fn a_request_that_waits_while_sts_corrects_the_clock_gets_a_key_judged_by_the_right_time() {
    let server = TestServer::start().await;
    let before = server.get("/sts").await.json();
    server.advance(50 * 60);
    // One that has yet to send its body, while another learns that the key ends in half a minute.
    let body = r#"{"grant":"default"}"#;
    let mut slow = TcpStream::connect(server.addresses.server).await.unwrap();
    let head = format!(
        "POST /sts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let in_flight = async || server.get("/healthz").await.status == 200;
    server.until_async(in_flight).await;
    server.knobs().clock_offset(TimeDelta::seconds(570));
    server.get_as("ovk_dev_alice", "/sts?grant=avatars").await.json();
    let right = server.now() + TimeDelta::seconds(570);
    slow.write_all(body.as_bytes()).await.unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).await.unwrap();
    let answer: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(time(&answer["serverTime"]), right);
    assert!(time(&answer["Expiration"]) - right >= TimeDelta::seconds(60), "{} at {right}", answer["Expiration"]);
    assert_ne!(answer["AccessKeyId"], before["AccessKeyId"]);
}

#[tokio::test]
async fn a_date_that_jumps_between_answers_leaves_urls_that_oss_takes() {
    let server = TestServer::start().await;
    for hours in [0, 10, -10, 23, 0] {
        server.knobs().clock_offset(TimeDelta::hours(hours));
        server.advance(3600 * 30);
        let put = server.get_while_time_passes("/presigned-url?key=uploads/a&contentType=text/plain").await.json();
        let sent = server.http.put(put["url"].as_str().unwrap()).header("content-type", "text/plain").body("a");
        assert_eq!(Answer::of(sent).await.status, 200, "{hours}");
    }
}

#[tokio::test]
async fn a_machine_clock_that_jumps_revives_no_token_that_was_remembered() {
    let server = corrected_by(TimeDelta::zero()).await;
    let token = token(&server, 0, 60);
    server.get_as(&token, "/sts?grant=avatars").await.json();
    server.clock.jump(TimeDelta::hours(-1));
    // By this clock it is not valid yet.
    assert_eq!(server.get_as(&token, "/sts?grant=avatars").await.problem(), (401, "invalid_token".into()));
    server.clock.jump(TimeDelta::hours(2));
    assert_eq!(server.get_as(&token, "/sts?grant=avatars").await.problem(), (401, "invalid_token".into()));
}

/// The date of an answer that is not of STS itself is that of some proxy.
#[tokio::test]
async fn a_proxy_before_sts_moves_no_clock() {
    let server = TestServer::start().await;
    server.knobs().clock_offset(TimeDelta::minutes(10));
    let page = Failure::Body { status: 502, content_type: "text/html".into(), body: b"<html>bad gateway".to_vec() };
    server.knobs().fail_next("AssumeRole", 3, page);
    assert_eq!(server.get_while_time_passes("/sts").await.problem(), (503, "sts_unavailable".into()));
    let ready: Value = serde_json::from_str(&server.admin("/readyz").await.text).unwrap();
    assert_eq!(ready["clockOffsetSeconds"], 0);
    let server_time: DateTime<Utc> = time(&ready["serverTime"]);
    assert_eq!(server_time.timestamp(), server.now().timestamp());
    assert_eq!(Answer::of(server.request(Method::GET, "/healthz")).await.status, 200);
}
