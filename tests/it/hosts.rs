//! DNS rebinding: a page of any site can have its own name resolve to this machine, and is then of the same origin as the
//! server. Only the host that its requests are sent to gives it away.

use std::net::SocketAddr;

use oss_vend::dev::CONFIG;
use reqwest::{Client, Method, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, TestServer};

/// Everything that is answered with something to read, but for the health routes.
const PATHS: [&str; 13] = [
    "/sts",
    "/sts?grant=avatars",
    "/grants",
    "/credentials-uri",
    "/post-signature",
    "/presigned-url?filename=a.png",
    "/get_sts_token_for_oss_upload",
    "/get_post_signature_for_oss_upload",
    "/get_presigned_url_for_oss_upload",
    "/",
    "/dev.json",
    "/oss-vend.js",
    "/openapi.json",
];

/// A browser in which `name` resolves to the server.
fn browser(name: &str, server: SocketAddr, http2: bool) -> Client {
    let client = Client::builder().no_proxy().resolve(name, server);
    let client = if http2 { client.http2_prior_knowledge() } else { client.http1_only() };
    client.build().unwrap()
}

/// The status and the rest of the answer to a request that is written by hand.
async fn raw(server: &TestServer, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.addresses.server).await.unwrap();
    stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
}

#[tokio::test]
async fn a_page_whose_name_resolves_to_this_machine_gets_nothing() {
    let server = TestServer::start().await;
    let port = server.addresses.server.port();
    for (http2, version) in [(false, Version::HTTP_11), (true, Version::HTTP_2)] {
        for name in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"] {
            let page = browser(name, server.addresses.server, http2);
            for path in PATHS {
                let url = format!("http://{name}:{port}{path}");
                assert_eq!(page.get(&url).send().await.unwrap().version(), version);
                for key in [None, Some("ovk_dev_alice")] {
                    let request = page.get(&url).header("origin", format!("http://{name}:{port}"));
                    let answer = Answer::of(key.iter().fold(request, reqwest::RequestBuilder::bearer_auth)).await;
                    assert_eq!(answer.problem(), (421, "host_not_allowed".into()), "{version:?} {url}");
                }
            }
            let batch = page.post(format!("http://{name}:{port}/presigned-url"));
            let batch = batch.header("content-type", "application/json").body(r#"{"items":[{"filename":"a.png"}]}"#);
            assert_eq!(Answer::of(batch).await.problem(), (421, "host_not_allowed".into()));
            let health = page.get(format!("http://{name}:{port}/healthz"));
            assert_eq!(Answer::of(health).await.json()["status"], "ok");
        }
    }
}

#[tokio::test]
async fn names_and_addresses_of_this_machine_are_answered() {
    let server = TestServer::start().await;
    let port = server.addresses.server.port();
    for http2 in [false, true] {
        for name in ["localhost", "app.localhost", "LOCALHOST"] {
            let page = browser(&name.to_lowercase(), server.addresses.server, http2);
            Answer::of(page.get(format!("http://{name}:{port}/sts"))).await.json();
        }
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:8000", "192.0.2.7", "Localhost.:80"] {
        let (status, text) = raw(&server, &format!("GET /sts HTTP/1.1\r\nhost: {host}\r\n")).await;
        assert_eq!(status, 200, "{host}: {text}");
    }
}

#[tokio::test]
async fn what_names_no_single_host_is_refused_and_no_other_header_is_believed() {
    let server = TestServer::start().await;
    for head in [
        "GET /sts HTTP/1.1\r\n",
        "GET /sts HTTP/1.0\r\n",
        "GET /sts HTTP/1.1\r\nhost:\r\n",
        "GET /sts HTTP/1.1\r\nhost: :8000\r\n",
        "GET /sts HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n",
        "GET /sts HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n",
        "GET /sts HTTP/1.1\r\nhost: evil.example\r\nHOST: localhost\r\n",
        "GET http://localhost/sts HTTP/1.1\r\nhost: evil.example\r\n",
        "GET http://evil.example/sts HTTP/1.1\r\nhost: localhost\r\n",
        "GET http://user@localhost/sts HTTP/1.1\r\nhost: localhost\r\n",
        "GET http://evil.example/sts HTTP/1.1\r\n",
        "GET /sts HTTP/1.1\r\nhost: user@localhost\r\n",
        "GET /sts HTTP/1.1\r\nhost: 0x7f.1\r\n",
        "GET /sts HTTP/1.1\r\nhost: [fe80::1%25lo]:8000\r\n",
        "GET /sts HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: localhost\r\n",
        "GET /sts HTTP/1.1\r\nhost: evil.example\r\nforwarded: host=localhost\r\nx-original-host: localhost\r\n",
        "GET /sts HTTP/1.1\r\nhost: localhost, evil.example\r\n",
        "GET /sts HTTP/1.1\r\nhost : localhost\r\n",
        "GET /sts HTTP/1.1\r\nhost: evil.example\r\n host: localhost\r\n",
    ] {
        let (status, text) = raw(&server, head).await;
        // Some of these are no HTTP at all.
        assert!(status == 421 || status == 400, "{head:?}: {text}");
        assert!(!text.contains("AccessKeySecret"), "{head:?}: {text}");
    }
    let (status, text) = raw(&server, "GET http://localhost:1/sts HTTP/1.1\r\nhost: localhost:2\r\n").await;
    assert_eq!(status, 200, "the port does not matter: {text}");
    let page = browser("evil.example", server.addresses.server, true);
    let url = format!("http://evil.example:{}/sts", server.addresses.server.port());
    let mixed = page.get(url).header("host", "localhost");
    assert_eq!(Answer::of(mixed).await.problem(), (421, "host_not_allowed".into()));
}

#[tokio::test]
async fn listed_hosts_are_answered_and_no_others() {
    let hosts = "hosts = [\"Upload.example.com\", \"10.0.0.5\"]\n";
    let server = TestServer::with(&format!("{hosts}{CONFIG}")).await;
    for (host, expected) in [
        ("upload.example.com", 200),
        ("UPLOAD.example.com:8443", 200),
        ("10.0.0.5:8000", 200),
        ("localhost", 421),
        ("127.0.0.1", 421),
        ("a.upload.example.com", 421),
        ("upload.example.com.evil.example", 421),
    ] {
        let answer = Answer::of(server.request(Method::GET, "/sts").header("host", host)).await;
        assert_eq!(answer.status, expected, "{host}");
    }
    assert!(server.get("/sts").await.text.contains("\\\"hosts\\\""), "the hint names the setting");
    server.get("/readyz").await.json();
    let without = server.reload(CONFIG).unwrap();
    assert_eq!(without.to_string(), "hosts");
    server.get("/sts").await.json();
    let answer = Answer::of(server.request(Method::GET, "/sts").header("host", "upload.example.com")).await;
    assert_eq!(answer.status, 421);
}
