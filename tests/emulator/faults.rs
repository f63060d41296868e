use std::fs;
use std::time::Duration;

use chrono::TimeDelta;
use oss_vend::emulator::{Failure, Options};

use crate::support::{Answer as _, Cloud, options};

#[tokio::test]
async fn calls_fail_as_the_knobs_say_and_then_work_again() {
    let cloud = Cloud::start().await;
    let knobs = cloud.emulator.knobs();
    let busy = Failure::Status { status: 503, code: "ServiceUnavailable".to_owned(), message: "Slow down.".to_owned() };
    knobs.fail_next("PutObject", 1, busy);
    let html = Failure::Body { status: 502, content_type: "text/html".to_owned(), body: b"<html>".to_vec() };
    knobs.fail_next("PutObject", 1, html);
    knobs.fail_next("PutObject", 1, Failure::Close);
    let put = || cloud.anonymous("PUT", "openbucket/a").body("x").send();
    assert_eq!(put().await.expect("an answer").refusal().await, (503, "ServiceUnavailable".to_owned()));
    assert_eq!(put().await.expect("an answer").text().await.expect("a body"), "<html>");
    put().await.expect_err("the connection was dropped");
    assert_eq!(put().await.expect("an answer").status(), 200);
    let calls = knobs.calls();
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [503, 502, 0, 200]);
    assert_eq!(calls[0].code.as_deref(), Some("ServiceUnavailable"));
}

#[tokio::test]
async fn the_clock_that_judges_is_the_one_that_is_told() {
    let cloud = Cloud::start().await;
    cloud.emulator.knobs().clock_offset(TimeDelta::minutes(16));
    let answer = cloud.signed("GET", "examplebucket/a", &[]).send().await.expect("an answer");
    assert_eq!(answer.head("date"), "Fri, 14 Feb 2025 08:25:10 GMT");
    assert_eq!(answer.refusal().await, (403, "RequestTimeTooSkewed".to_owned()));
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cloud = Cloud::with(Options { data_dir: Some(folder.path().to_owned()), ..options() }).await;
    let put = "PUT /openbucket/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf";
    let post = "POST /openbucket HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n\
                Content-Length: 1000\r\n\r\n--x\r\nContent-Disposition: form-data; name=key\r\n\r\na\r\n\
                --x\r\nContent-Disposition: form-data; name=file\r\n\r\nhalf";
    for request in [put, post] {
        cloud.raw(request.as_bytes()).await;
        let emptied = async {
            while fs::read_dir(folder.path().join("blobs")).expect("the folder is there").count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), emptied).await.expect("the half upload is removed");
        let missing = cloud.anonymous("GET", "openbucket/a").send().await.expect("an answer");
        assert_eq!(missing.status(), 404);
    }
}
