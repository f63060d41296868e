//! A server for one request, a client for it, and what they speak about.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::sts::{AssumeRole, Assumed, Client, ClientOptions, SignatureScheme, StsError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use crate::log;

/// Longer than any answer here takes; a test that waits for a limit sets its own.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

pub(crate) const SECRET: &str = "accessKeySecret0123456789abcde";
pub(crate) const TOKEN: &str = "CAISbase+token/0123456789abcdefghij==";
pub(crate) const SESSION_SECRET: &str = "sessionSecret0123456789abcdefgh";
pub(crate) const SESSION_TOKEN: &str = "CAISsession+token/0123456789abcdef==";

pub(crate) const REQUEST: AssumeRole<'static> = AssumeRole {
    role_arn: "acs:ram::1234567890123456:role/oss-upload",
    role_session_name: "u42@example.com",
    duration_seconds: 3600,
    policy: Some(
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:PutObject","Resource":"acs:oss:*:*:b/上 传/*"}]}"#,
    ),
    external_id: Some("a+b=c/d"),
    source_identity: Some("alice"),
};

/// One request as it came over the wire.
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    /// The value of a header that must occur exactly once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.iter().filter(|(other, _)| other == name).collect();
        assert_eq!(values.len(), 1, "{name} in {:?}", self.headers);
        &values[0].1
    }

    pub(crate) fn query(&self) -> &str {
        let target = self.line.split(' ').nth(1).unwrap();
        target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// Takes one connection and one request, answers with `answer` as it is, and hangs up.
pub(crate) async fn answering(answer: String) -> (Url, JoinHandle<Received>) {
    let (endpoint, listener) = listen().await;
    let server = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        let received = receive(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        received
    });
    (endpoint, server)
}

/// Where almost every test begins, so the log begins here too.
pub(crate) async fn listen() -> (Url, TcpListener) {
    log::record();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (Url::parse(&endpoint).unwrap(), listener)
}

pub(crate) async fn receive(stream: &mut TcpStream) -> Received {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(text).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into()));
    let mut received = Received { line, headers: headers.collect(), body: String::new() };
    let mut body = vec![0; received.header("content-length").parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    received.body = String::from_utf8(body).unwrap();
    received
}

pub(crate) fn http(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

pub(crate) fn granted() -> String {
    let body = format!(
        r#"{{"RequestId":"R-1","Credentials":{{"AccessKeyId":"STS.id","AccessKeySecret":"{SESSION_SECRET}","SecurityToken":"{SESSION_TOKEN}","Expiration":"2026-01-01T01:00:00Z"}}}}"#
    );
    http("200 OK", &["content-type: application/json;charset=utf-8", "date: Thu, 01 Jan 2026 00:00:05 GMT"], &body)
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn access_key(token: Option<&str>) -> AccessKey {
    AccessKey { id: "LTAIexample".into(), secret: Secret::new(SECRET), token: token.map(Secret::new) }
}

pub(crate) fn client(endpoint: &Url, scheme: SignatureScheme) -> Client {
    let endpoint = endpoint.clone();
    Client::new(ClientOptions { endpoint, scheme, connect_timeout: AMPLE, timeout: AMPLE }).unwrap()
}

/// One call with a temporary AccessKey.
pub(crate) async fn call(client: &Client) -> Result<Assumed, StsError> {
    client.assume_role(&REQUEST, &access_key(Some(TOKEN)), now()).await
}
