//! The folder of pages: what is hidden in it and what is outside of it is not served, however it is asked for.

use std::fs;
use std::os::unix::fs::symlink;

use oss_vend::dev::Options;
use reqwest::Method;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, TestServer};

const HUSH: &str = "hush";

/// A folder of pages, with what must not be served in it and beside it.
async fn server() -> (TempDir, TestServer) {
    let all = tempfile::tempdir().unwrap();
    let (pages, outside) = (all.path().join("pages"), all.path().join("outside"));
    for folder in
        [pages.join("sub"), pages.join(".git"), pages.join(".well-known"), pages.join("bare"), outside.clone()]
    {
        fs::create_dir_all(folder).unwrap();
    }
    for (file, text) in [
        ("pages/hello.html", "<p>hello</p>"),
        ("pages/sub/index.html", "<p>sub</p>"),
        ("pages/.well-known/security.txt", "contact"),
        ("pages/.env", HUSH),
        ("pages/.git/config", HUSH),
        ("pages/.well-known/.env", HUSH),
        ("outside/secret.txt", HUSH),
        ("outside/index.html", HUSH),
    ] {
        fs::write(all.path().join(file), text).unwrap();
    }
    symlink(outside.join("secret.txt"), pages.join("link.txt")).unwrap();
    symlink("../outside/secret.txt", pages.join("relative.txt")).unwrap();
    symlink(&outside, pages.join("folder")).unwrap();
    symlink(outside.join("index.html"), pages.join("bare/index.html")).unwrap();
    symlink("hello.html", pages.join("inside.html")).unwrap();
    symlink("/etc", pages.join("etc")).unwrap();
    symlink("loop", pages.join("loop")).unwrap();
    let options = Options { static_dir: Some(pages), ..Options::default() };
    (all, TestServer::of(options).await)
}

/// The whole answer to a target that no client would send as it is.
async fn raw(server: &TestServer, target: &str) -> String {
    let mut stream = TcpStream::connect(server.addresses.server).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn hidden_files_and_links_out_of_the_folder_are_not_served() {
    let (_folder, server) = server().await;
    for target in [
        "/.env",
        "/%2eenv",
        "/%2Eenv",
        "//.env",
        "/./.env",
        "/sub/../.env",
        "/sub/%2e%2e/.env",
        "/sub%2f..%2f.env",
        "/.git/config",
        "/%2egit/config",
        "/%2egit%2fconfig",
        "/.git",
        "/.git/",
        "/.well-known/.env",
        "/.well-known/../.env",
        "/..%5c.env",
        "/sub%5c..%5c.env",
        "/.env%00.html",
        "/link.txt",
        "/relative.txt",
        "/folder/secret.txt",
        "/folder/",
        "/folder",
        "/folder/index.html",
        "/bare/",
        "/bare/index.html",
        "/etc/hostname",
        "/loop",
        "/../outside/secret.txt",
        "/%2e%2e/outside/secret.txt",
        "/..%2foutside%2fsecret.txt",
        "/%2fetc/hostname",
        "//etc/hostname",
        "/%252e%252e/outside/secret.txt",
        "/%ff",
    ] {
        let text = raw(&server, target).await;
        assert!(text.starts_with("HTTP/1.1 404 ") && text.contains("\"not_found\""), "{target}: {text}");
        assert!(!text.contains(HUSH), "{target}: {text}");
    }
}

#[tokio::test]
async fn pages_are_served_whole_in_parts_and_by_head() {
    let (_folder, server) = server().await;
    for (path, text) in [
        ("/hello.html", "<p>hello</p>"),
        ("/hell%6f.html", "<p>hello</p>"),
        ("/inside.html", "<p>hello</p>"),
        ("/sub/", "<p>sub</p>"),
        ("/sub/index.html", "<p>sub</p>"),
        ("/.well-known/security.txt", "contact"),
    ] {
        let page = server.get(path).await;
        assert_eq!((page.status.as_u16(), page.text.as_str()), (200, text), "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
    }
    let moved = server.get("/sub").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (307, "/sub/"));
    let head = Answer::of(server.request(Method::HEAD, "/hello.html")).await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.text.as_str()), (200, "12", ""));
    let part = Answer::of(server.request(Method::GET, "/hello.html").header("range", "bytes=3-7")).await;
    assert_eq!((part.status.as_u16(), part.text.as_str()), (206, "hello"));
    let hidden = Answer::of(server.request(Method::HEAD, "/.env")).await;
    assert_eq!((hidden.status.as_u16(), hidden.text.as_str()), (404, ""));
}

#[tokio::test]
async fn every_response_holds_browsers_to_its_type() {
    let (_folder, server) = server().await;
    for path in ["/sts", "/sts?nope=", "/presigned-url?key=uploads/a", "/hello.html", "/absent", "/", "/openapi.json"] {
        assert_eq!(server.get(path).await.header("x-content-type-options"), "nosniff", "{path}");
    }
    let text = server.request(Method::GET, "/presigned-url?key=uploads/a").header("accept", "text/plain");
    assert_eq!(Answer::of(text).await.headers.get_all("x-content-type-options").iter().count(), 1);
    assert_eq!(server.get("/oss-vend.js").await.headers.get_all("x-content-type-options").iter().count(), 1);
    let preflight = server.request(Method::OPTIONS, "/sts").header("origin", "https://evil.example");
    let preflight = Answer::of(preflight.header("access-control-request-method", "POST")).await;
    assert_eq!(preflight.header("x-content-type-options"), "nosniff");
    for path in ["/metrics", "/healthz", "/readyz", "/absent"] {
        assert_eq!(server.admin(path).await.header("x-content-type-options"), "nosniff", "admin {path}");
    }
}
