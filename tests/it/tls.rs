//! TLS of the server's own, and what is asked over https alone.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use oss_vend::dev::{CONFIG, Options};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, Version};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, TestServer};

/// Writes a new certificate for this machine and its key, and returns the certificate.
fn write_pair(folder: &Path) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    fs::write(folder.join("server.pem"), &certificate).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    Certificate::from_pem(certificate.as_bytes()).unwrap()
}

fn config(folder: &Path, more: &str) -> String {
    let folder = folder.display();
    format!("{CONFIG}\n[tls]\ncertificate = \"{folder}/server.pem\"\nkey = \"{folder}/server.key\"\n{more}\n")
}

async fn server(folder: &Path, more: &str) -> TestServer {
    TestServer::of(Options { config: config(folder, more), ..Options::default() }).await
}

/// A client that believes this certificate alone.
fn client(certificate: &Certificate, http1: bool) -> Client {
    let builder = Client::builder().no_proxy().timeout(Duration::from_mins(1)).tls_certs_only([certificate.clone()]);
    if http1 { builder.http1_only().build().unwrap() } else { builder.build().unwrap() }
}

#[tokio::test]
async fn both_protocols_are_spoken_and_browsers_are_told_to_stay() {
    let folder = TempDir::new().unwrap();
    let certificate = write_pair(folder.path());
    let server = server(folder.path(), "hsts = \"8760h\"\n[proxy]\nrequire_https = true").await;
    let url = format!("https://{}/sts", server.addresses.server);
    for (http1, version) in [(true, Version::HTTP_11), (false, Version::HTTP_2)] {
        let answer = client(&certificate, http1).get(&url).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    }
}

#[tokio::test]
async fn a_crowd_is_answered_over_either_protocol() {
    let folder = TempDir::new().unwrap();
    let certificate = write_pair(folder.path());
    let server = server(folder.path(), "").await;
    let url = format!("https://{}/presigned-url?filename=a.png", server.addresses.server);
    let clients: Vec<_> = (0..64).map(|number| client(&certificate, number % 2 == 0)).collect();
    for _turn in 0..3 {
        for answer in join_all(clients.iter().map(|client| Answer::of(client.get(&url)))).await {
            assert_eq!(answer.status, 200);
        }
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_drops_none() {
    let folder = TempDir::new().unwrap();
    let before = write_pair(folder.path());
    let server = server(folder.path(), "").await;
    let url = format!("https://{}/healthz", server.addresses.server);
    let open = [client(&before, true), client(&before, false)];
    for client in &open {
        assert_eq!(Answer::of(client.get(&url)).await.status, 200);
    }
    let after = write_pair(folder.path());
    assert_eq!(server.reload(&config(folder.path(), "")).unwrap().to_string(), "tls.certificate");
    for client in &open {
        assert_eq!(Answer::of(client.get(&url)).await.status, 200, "a connection that is open stays");
    }
    assert!(client(&before, true).get(&url).send().await.is_err());
    assert_eq!(Answer::of(client(&after, true).get(&url)).await.status, 200);
    let right_key = fs::read(folder.path().join("server.key")).unwrap();
    write_pair(folder.path());
    fs::write(folder.path().join("server.key"), right_key).unwrap();
    let refused = server.reload(&config(folder.path(), "")).unwrap_err().to_string();
    assert!(refused.contains("tls.key is not the key of tls.certificate"), "{refused}");
    assert!(server.reload(CONFIG).unwrap_err().to_string().contains("without a restart"));
    assert_eq!(Answer::of(client(&after, false).get(&url)).await.status, 200);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut_off_and_keeps_nobody_waiting() {
    let folder = TempDir::new().unwrap();
    let certificate = write_pair(folder.path());
    let config = config(folder.path(), "").replace("[limits]", "[limits]\nheader_timeout = \"1s\"");
    let server = TestServer::with(&config).await;
    let mut waiting = TcpStream::connect(server.addresses.server).await.unwrap();
    waiting.write_all(&[0x16, 3, 1]).await.unwrap();
    let mut plain = TcpStream::connect(server.addresses.server).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let url = format!("https://{}/healthz", server.addresses.server);
    assert_eq!(Answer::of(client(&certificate, false).get(&url)).await.status, 200);
    for mut stream in [waiting, plain] {
        let mut bytes = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
        let _reset_or_closed = end.expect("it is cut off");
        assert!(!String::from_utf8_lossy(&bytes).contains("HTTP/1.1 200"));
    }
}

/// Waits until the server closes `stream`, for less than the time limits of these tests.
async fn closed(mut stream: impl AsyncReadExt + Unpin) {
    let mut bytes = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
    let _reset_or_closed = end.expect("the server keeps the connection");
}

#[tokio::test]
async fn a_tls_handshake_without_a_request_is_closed_after_header_timeout() {
    let folder = TempDir::new().unwrap();
    let certificate = write_pair(folder.path());
    let limits = "[limits]\nheader_timeout = \"1s\"\nidle_timeout = \"1h\"";
    let server = TestServer::with(&config(folder.path(), "").replace("[limits]", limits)).await;
    let mut roots = rustls::RootCertStore::empty();
    let pem = fs::read(folder.path().join("server.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(server.addresses.server).await.unwrap();
    let name = "localhost".try_into().unwrap();
    closed(tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap()).await;
    let url = format!("https://{}/healthz", server.addresses.server);
    assert_eq!(Answer::of(client(&certificate, false).get(&url)).await.status, 200);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_tls_handshakes() {
    let folder = TempDir::new().unwrap();
    write_pair(folder.path());
    let limits = "[limits]\nheader_timeout = \"1h\"\nidle_timeout = \"1h\"";
    let server = TestServer::with(&config(folder.path(), "").replace("[limits]", limits)).await;
    let silent = TcpStream::connect(server.addresses.server).await.unwrap();
    let mut half = TcpStream::connect(server.addresses.server).await.unwrap();
    half.write_all(&[0x16, 3, 1]).await.unwrap();
    drop(server);
    closed(silent).await;
    closed(half).await;
}

#[tokio::test]
async fn where_https_is_demanded_the_word_of_a_known_proxy_counts_and_health_is_told() {
    let front = |trusted: &str| format!("{CONFIG}\n[proxy]\ntrusted = [{trusted:?}]\nrequire_https = true\n");
    let server = TestServer::with(&front("127.0.0.1")).await;
    let ask = async |server: &TestServer, schemes: &[&str], path: &str| {
        let request = server.request(reqwest::Method::GET, path);
        let add = |request: reqwest::RequestBuilder, scheme: &&str| request.header("x-forwarded-proto", *scheme);
        Answer::of(schemes.iter().fold(request, add)).await
    };
    assert_eq!(ask(&server, &["https"], "/sts").await.status, 200);
    for schemes in [&[][..], &["http"], &["https", "https"], &["http, https"]] {
        let refused = ask(&server, schemes, "/sts").await;
        assert_eq!(refused.problem(), (403, "https_required".into()), "{schemes:?}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(&server, &[], path).await.status, 200);
    }
    server.reload(&front("192.0.2.1")).unwrap();
    assert_eq!(ask(&server, &["https"], "/sts").await.problem(), (403, "https_required".into()), "a stranger's word");
}
