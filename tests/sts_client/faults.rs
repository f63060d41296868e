//! What may come back instead of a session key.

use std::time::Duration;

use oss_vend::sts::{Blame, Client, ClientOptions, Flaw, Retry, SignatureScheme, Stage, StsError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use url::Url;

use crate::log;
use crate::loopback::{AMPLE, answering, call, client, granted, http, listen, receive};

const SOON: Duration = Duration::from_millis(50);

async fn failure(answer: String) -> StsError {
    let (endpoint, _server) = answering(answer).await;
    call(&client(&endpoint, SignatureScheme::Acs3)).await.unwrap_err()
}

fn flaw(error: &StsError) -> Flaw {
    match error {
        StsError::InvalidAnswer { flaw, .. } => *flaw,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_page_of_html_is_no_answer_of_sts() {
    let error = failure(http("200 OK", &["content-type: text/html"], "<html>Please log in</html>")).await;
    assert_eq!((flaw(&error), error.blame(), error.retry()), (Flaw::NotJson, Blame::Operator, Retry::No));
    assert!(error.hint().unwrap().contains("`sts.endpoint`"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, untouched) = answering(granted()).await;
    for status in ["302 Found", "307 Temporary Redirect"] {
        let error = failure(http(status, &[&format!("location: {elsewhere}")], "")).await;
        assert_eq!(flaw(&error), Flaw::Redirect);
    }
    assert!(!untouched.is_finished());
}

#[tokio::test]
async fn an_answer_of_a_gigabyte_is_left_unread() {
    const GIGABYTE: usize = 1 << 30;
    for length in [format!("content-length: {GIGABYTE}"), "x-no-length: until the end".into()] {
        let (endpoint, listener) = listen().await;
        let server = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            receive(&mut stream).await;
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n").as_bytes()).await.unwrap();
            let block = vec![b' '; 1 << 16];
            let mut taken = 0;
            while taken < GIGABYTE && stream.write_all(&block).await.is_ok() {
                taken += block.len();
            }
            taken
        });
        let error = call(&client(&endpoint, SignatureScheme::Acs3)).await.unwrap_err();
        assert_eq!(flaw(&error), Flaw::TooLong);
        assert!(server.await.unwrap() < GIGABYTE / 16, "the client went on reading");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_the_total_limit() {
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let (endpoint, listener) = listen().await;
        let server = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            receive(&mut stream).await;
            stream.write_all(begun.as_bytes()).await.unwrap();
            stream
        });
        let error = call(&impatient(endpoint, AMPLE, SOON)).await.unwrap_err();
        assert!(matches!(error, StsError::Timeout(Stage::Total)), "{error:?}");
        assert_eq!((error.blame(), error.retry()), (Blame::Nobody, Retry::Later));
        drop(server.await.unwrap());
    }
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_is_left_after_the_connect_limit() {
    let (mut endpoint, _listener) = listen().await;
    endpoint = Url::parse(&endpoint.as_str().replace("http:", "https:")).unwrap();
    let error = call(&impatient(endpoint, SOON, AMPLE)).await.unwrap_err();
    assert!(matches!(error, StsError::Timeout(Stage::Connect)), "{error:?}");
    assert!(error.hint().unwrap().contains("`sts.vpc`"));
}

fn impatient(endpoint: Url, connect_timeout: Duration, timeout: Duration) -> Client {
    Client::new(ClientOptions { endpoint, scheme: SignatureScheme::Acs3, connect_timeout, timeout }).unwrap()
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    log::record();
    let deaf = TcpSocket::new_v4().unwrap(); // It keeps the port from the other tests, but never listens.
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = Url::parse(&format!("http://{}", deaf.local_addr().unwrap())).unwrap();
    let error = call(&client(&endpoint, SignatureScheme::Acs3)).await.unwrap_err();
    assert!(matches!(error, StsError::Unreachable(_)), "{error:?}");
    assert_eq!((error.blame(), error.retry()), (Blame::Nobody, Retry::Later));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unreachable() {
    for broken in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let error = failure(broken.into()).await;
        assert!(matches!(error, StsError::Unreachable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_code_request_id_and_pause() {
    let body =
        r#"{"RequestId":"R-9","Code":"Throttling.User","Message":"Request was denied due to user flow control."}"#;
    let error = failure(http("400 Bad Request", &["x-acs-retry-after: 1500"], body)).await;
    assert!(matches!(error, StsError::Throttled(_)), "{error:?}");
    assert_eq!((error.code(), error.request_id(), error.status()), (Some("Throttling.User"), Some("R-9"), Some(400)));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));

    let error = failure(http("503 Service Unavailable", &["retry-after: 7"], "<html>")).await;
    assert!(matches!(error, StsError::Unavailable(_)), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}
