//! Connections: whoever keeps the server waiting is cut off, and no more come in than there is room for.
//!
//! Real sockets and short limits, since these are times that no clock of ours tells.

use std::time::Duration;

use oss_vend::dev::CONFIG;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, TestServer};

/// Far longer than every limit here, and shorter than the defaults.
const PATIENCE: Duration = Duration::from_secs(8);

/// The server of `dev`, with this in `[limits]`.
async fn server(limits: &str) -> TestServer {
    TestServer::with(&CONFIG.replace("[limits]", &format!("[limits]\n{limits}"))).await
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.addresses.server).await.unwrap()
}

/// What comes on `stream` until the server closes it.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A connection that is cut off may end by a reset.
    let _end = read.expect("the server lets it be");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads up to the end of an answer whose body is `{"status":"ok"}`.
async fn healthy(stream: &mut TcpStream) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    while !text.ends_with("{\"status\":\"ok\"}") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "{text}");
        text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let server = server("header_timeout = \"300ms\"").await;
    for start in [
        "G",
        "PRI * HT",
        "GET /sts HTTP/1.1\r\n",
        "GET /sts HTTP/1.1\r\nhost: localhost\r\nx: ",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = connect(&server).await;
        stream.write_all(start.as_bytes()).await.unwrap();
        assert!(!rest(&mut stream).await.contains("200 OK"), "{start:?}");
    }
}

#[tokio::test]
async fn a_connection_without_a_first_byte_is_closed_after_header_timeout() {
    let server = server("header_timeout = \"300ms\"\nidle_timeout = \"1h\"").await;
    let mut silent = connect(&server).await;
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn http_2_frames_without_a_request_are_closed_after_header_timeout() {
    let server = server("header_timeout = \"300ms\"\nidle_timeout = \"1h\"").await;
    let mut stream = connect(&server).await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings, &ping].concat()).await.unwrap();
    rest(&mut stream).await;
}

#[tokio::test]
async fn a_byte_now_and_then_buys_no_time() {
    let server = server("header_timeout = \"300ms\"").await;
    let (mut reading, mut writing) = connect(&server).await.into_split();
    let dripping = tokio::spawn(async move {
        let head = format!("GET /healthz HTTP/1.1\r\nx: {}", "x".repeat(10_000));
        for byte in head.into_bytes() {
            if writing.write_all(&[byte]).await.is_err() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    });
    let mut bytes = Vec::new();
    let _end = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut bytes)).await.expect("it is cut off");
    assert!(dripping.await.unwrap());
}

#[tokio::test]
async fn between_requests_a_connection_may_rest_and_the_next_head_may_not() {
    let server = server("header_timeout = \"300ms\"\nidle_timeout = \"1h\"").await;
    let mut resting = connect(&server).await;
    let mut dripping = connect(&server).await;
    healthy(&mut resting).await;
    healthy(&mut dripping).await;
    dripping.write_all(b"GET /healthz HT").await.unwrap();
    rest(&mut dripping).await;
    healthy(&mut resting).await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_is_closed() {
    let server = server("idle_timeout = \"1s\"").await;
    let mut stream = connect(&server).await;
    assert_eq!(rest(&mut stream).await, "");
    let mut stream = connect(&server).await;
    healthy(&mut stream).await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn who_waits_for_an_answer_is_not_idle() {
    let server = server("idle_timeout = \"500ms\"\nheader_timeout = \"500ms\"").await;
    server.knobs().delay("AssumeRole", Duration::from_millis(1200));
    server.get("/sts").await.json();
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_no_longer_than_said() {
    let server = server("body_timeout = \"300ms\"").await;
    let mut stream = connect(&server).await;
    let head =
        "POST /sts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"gr";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"body_too_slow\""), "{answer}");
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = server("head = \"8 KiB\"").await;
    let large = server.request(reqwest::Method::GET, "/healthz").header("x-large", "x".repeat(9000));
    assert_eq!(large.send().await.unwrap().status(), 431);
    let mut many = server.request(reqwest::Method::GET, "/healthz");
    for number in 0..101 {
        many = many.header(format!("x-{number}"), "x");
    }
    assert_eq!(many.send().await.unwrap().status(), 431);
    let fits = server.request(reqwest::Method::GET, "/healthz").header("x-large", "x".repeat(7000));
    assert_eq!(Answer::of(fits).await.status, 200);
}

#[tokio::test]
async fn over_http_2_heads_are_bounded_too() {
    let server = server("head = \"8 KiB\"").await;
    let http = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let url = format!("http://{}/healthz", server.addresses.server);
    let answer = Answer::of(http.get(&url)).await;
    assert_eq!(answer.status, 200);
    let large = http.get(&url).header("x-large", "x".repeat(9000)).send().await;
    assert!(large.is_err() || large.unwrap().status() == 431);
    assert_eq!(Answer::of(http.get(&url)).await.status, 200, "and the others are served");
}

/// A request that is under way for as long as its body is not sent.
async fn under_way(server: &TestServer) -> TcpStream {
    let mut stream = connect(server).await;
    let head = "POST /sts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut continued = [0; 25];
    stream.read_exact(&mut continued).await.unwrap();
    assert_eq!(&continued, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test]
async fn more_requests_than_there_is_room_for_are_refused_and_health_is_told() {
    let server = server("in_flight = 2").await;
    let (mut first, second) = (under_way(&server).await, under_way(&server).await);
    let refused = server.get("/sts").await;
    assert_eq!(refused.problem(), (503, "overloaded".into()));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 200);
    first.write_all(b"{}").await.unwrap();
    let mut status = [0; 12];
    first.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    server.get("/sts").await.json();
    drop(second);
}

#[tokio::test]
async fn who_hangs_up_makes_room() {
    let server = server("in_flight = 1").await;
    let stream = under_way(&server).await;
    assert_eq!(server.get("/sts").await.problem(), (503, "overloaded".into()));
    drop(stream);
    server.until_async(async || server.get("/sts").await.status == 200).await;
}

#[tokio::test]
async fn more_connections_than_there_are_slots_wait_for_one() {
    let server = server("connections = 2").await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    healthy(&mut first).await;
    healthy(&mut second).await;
    let mut third = connect(&server).await;
    let early = tokio::time::timeout(Duration::from_millis(200), healthy(&mut third)).await;
    assert!(early.is_err(), "there are two slots");
    drop(first);
    let mut text = [0; 12];
    tokio::time::timeout(PATIENCE, third.read_exact(&mut text)).await.expect("a slot is free").unwrap();
    assert_eq!(&text, b"HTTP/1.1 200");
    healthy(&mut second).await;
}

/// Many connections.
async fn crowd(server: &TestServer) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..64 {
        crowd.push(connect(server).await);
    }
    crowd
}

#[tokio::test]
async fn in_a_crowd_everybody_is_answered_in_order() {
    let server = server("").await;
    let page = server.get("/openapi.json").await.text;
    let last = "GET /none HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let asked = ["/healthz", "/openapi.json"].map(|path| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    let mut crowd = crowd(&server).await;
    for stream in &mut crowd {
        stream.write_all((asked.concat() + last).as_bytes()).await.unwrap();
    }
    for mut stream in crowd {
        let answers = rest(&mut stream).await;
        let statuses: Vec<_> = answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
        assert_eq!(statuses, ["200", "200", "404"]);
        assert!(answers.contains(&page));
    }
}

#[tokio::test]
async fn who_takes_no_answers_is_cut_off_alone_and_in_a_crowd() {
    let server = server("idle_timeout = \"2s\"").await;
    let asks_on = async |mut stream: TcpStream| {
        let requests = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
        let asking = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(50), asking)
            .await
            .expect("it is cut off once no answer fits any more");
    };
    asks_on(connect(&server).await).await;
    let resting = crowd(&server).await;
    asks_on(connect(&server).await).await;
    drop(resting);
}

#[tokio::test]
async fn a_reload_that_lowers_the_limit_closes_no_connection_and_holds_for_the_next() {
    let config = |connections: u32| CONFIG.replace("[limits]", &format!("[limits]\nconnections = {connections}"));
    let server = TestServer::with(&config(3)).await;
    let (mut first, mut second, mut third) = (connect(&server).await, connect(&server).await, connect(&server).await);
    for stream in [&mut first, &mut second, &mut third] {
        healthy(stream).await;
    }
    server.reload(&config(1)).unwrap();
    for stream in [&mut first, &mut second, &mut third] {
        healthy(stream).await;
    }
    drop((first, second));
    let mut fourth = connect(&server).await;
    let early = tokio::time::timeout(Duration::from_millis(200), healthy(&mut fourth)).await;
    assert!(early.is_err(), "one is open, and one may be");
    drop(third);
    let mut text = [0; 12];
    tokio::time::timeout(PATIENCE, fourth.read_exact(&mut text)).await.expect("a slot is free").unwrap();
    assert_eq!(&text, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_server_that_stops_answers_what_is_under_way_and_closes_what_rests() {
    let server = server("").await;
    let mut resting = connect(&server).await;
    healthy(&mut resting).await;
    let mut asking = under_way(&server).await;
    let address = server.addresses.server;
    drop(server);
    assert_eq!(rest(&mut resting).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    asking.write_all(b"{}").await.unwrap();
    assert!(rest(&mut asking).await.starts_with("HTTP/1.1 200 "));
}
