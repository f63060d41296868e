//! Upload callbacks in `dev`: its own pages order them, pages of other sites do not.

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oss_vend::dev::Options;
use reqwest::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Answer, TestServer};

/// Where an application answers every callback with JSON.
async fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(async || "{}")).await });
    address
}

/// What a page of that origin gets that posts a form of the server's, with a callback that it adds itself.
async fn post(server: &TestServer, origin: &str, callback: &str) -> Answer {
    let form = server.get("/post-signature").await.json();
    let fields = form["fields"].as_object().unwrap().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).chain([("callback", callback)]);
    let part = |(name, value)| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--x--\r\n";
    let body = fields.map(part).chain([file.to_owned()]).collect::<Vec<_>>().concat();
    let request = server.http.post(form["url"].as_str().unwrap()).header("origin", origin);
    Answer::of(request.header("content-type", "multipart/form-data; boundary=x").body(body)).await
}

#[tokio::test]
async fn only_pages_of_dev_and_of_named_origins_order_callbacks() {
    let callback = json!({"callbackUrl": application().await, "callbackBody": "a=1"});
    let callback = STANDARD.encode(callback.to_string());
    let config = format!("{}\n[cors]\norigins = [\"https://app.example.com\"]\n", oss_vend::dev::CONFIG);
    let callback_origins = vec!["http://localhost:5173/".to_owned()];
    let server = TestServer::of(Options { config, callback_origins, ..Options::default() }).await;
    let (page, objects) = (server.addresses.server, server.addresses.oss);
    for (origin, status) in [
        (format!("http://{page}"), StatusCode::OK),
        (format!("http://localhost:{}", page.port()), StatusCode::OK),
        ("http://localhost:5173".to_owned(), StatusCode::OK),
        ("https://app.example.com".to_owned(), StatusCode::OK),
        ("http://localhost:5174".to_owned(), StatusCode::FORBIDDEN),
        (format!("http://{objects}"), StatusCode::FORBIDDEN),
        (format!("http://evil.example:{}", page.port()), StatusCode::FORBIDDEN),
        ("null".to_owned(), StatusCode::FORBIDDEN),
    ] {
        let answer = post(&server, &origin, &callback).await;
        assert_eq!(answer.status, status, "{origin}: {}", answer.text);
    }
}
