//! Who asks: every kind of proof, and what is tried with false ones.

mod attacks;
mod cookie;
mod forward;
mod jwt;
pub(crate) mod keys;
mod leaks;
mod provider;
mod proxy;
mod rotation;

use reqwest::Method;
use serde_json::{Value, json};

use self::provider::Provider;
use crate::support::{Answer, TestServer};

/// `dev`'s configuration, which also serves callers without any proof, with more at its end.
async fn server_with(more: &str) -> TestServer {
    TestServer::with(&format!("{}\n{more}", oss_vend::dev::CONFIG)).await
}

/// A server that believes the issuer `provider`, by discovery.
async fn server_of(provider: &Provider, more: &str) -> TestServer {
    let issuer = provider.url();
    server_with(&format!("[[auth.jwt]]\nissuer = {issuer:?}\naudiences = [\"uploads\"]\nleeway = 0\n{more}")).await
}

/// What a token of `provider` says, valid for an hour from now.
fn claims(provider: &Provider, server: &TestServer) -> Value {
    claims_of(provider.url(), server)
}

fn claims_of(issuer: &str, server: &TestServer) -> Value {
    let now = server.now().timestamp();
    json!({ "iss": issuer, "aud": "uploads", "sub": "u42", "iat": now, "exp": now + 3600 })
}

fn with(mut claims: Value, changes: &Value) -> Value {
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

/// The directory of the caller whose token this is.
async fn dir(server: &TestServer, token: &str) -> Value {
    server.get_as(token, "/sts?grant=avatars").await.json()["dir"].clone()
}

/// Status and code of the refusal of a token.
async fn refusal(server: &TestServer, token: &str) -> (u16, String) {
    server.get_as(token, "/sts?grant=avatars").await.problem()
}

fn invalid_token() -> (u16, String) {
    (401, "invalid_token".into())
}

/// `/sts` for the grant that names its callers, asked with these headers.
async fn get(server: &TestServer, headers: &[(&str, &str)]) -> Answer {
    let request = server.request(Method::GET, "/sts?grant=avatars");
    Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}
