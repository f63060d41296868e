//! Callers of one source who choose their names so as to be taken for callers of another.

use serde_json::json;

use super::keys::Key;
use super::provider::Provider;
use super::{claims_of, config_with, dir, get, refusal, with};
use crate::support::TestServer;

const SECRET: &str = "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss";

fn issuer(name: &str, prefix: &str) -> String {
    format!("[[auth.jwt]]\nissuer = {name:?}\nid_prefix = {prefix:?}\naudiences = [\"uploads\"]\nsecret = {SECRET:?}\n")
}

/// The token of an issuer's user who is called so.
fn token(server: &TestServer, issuer: &str, name: &str) -> String {
    Key::secret("HS256", SECRET.as_bytes()).token(&with(claims_of(issuer, server), &json!({ "sub": name })))
}

fn reserved() -> (u16, String) {
    (403, "identity_reserved".into())
}

#[tokio::test]
async fn no_name_makes_a_caller_of_one_source_a_caller_of_another() {
    let issuers = [issuer("free", ""), issuer("kc", "kc-"), issuer("acme", "acme.")].concat();
    let server = TestServer::with(&config_with(&issuers)).await;
    assert_eq!(dir(&server, &token(&server, "kc", "alice")).await, "avatars/kc-alice/");
    assert_eq!(dir(&server, &token(&server, "free", "alice")).await, "avatars/alice/");
    assert_eq!(dir(&server, "ovk_dev_alice").await, "avatars/key.alice/");
    for name in ["kc-alice", "kc-", "acme.alice", "key.alice", "key.acme.alice"] {
        assert_eq!(refusal(&server, &token(&server, "free", name)).await, reserved(), "{name}");
        // Remembered or not, it stays refused.
        assert_eq!(refusal(&server, &token(&server, "free", name)).await, reserved(), "{name}");
    }
    for (name, own) in [("kc", "kc"), ("KC-alice", "KC-alice"), ("acme", "acme"), ("x.kc-alice", "x.kc-alice")] {
        assert_eq!(dir(&server, &token(&server, "free", name)).await, format!("avatars/{own}/"));
    }
    assert_eq!(dir(&server, &token(&server, "kc", "key.alice")).await, "avatars/kc-key.alice/");
}

#[tokio::test]
async fn what_the_application_calls_its_users_is_held_to_its_prefix_too() {
    let provider = Provider::start(&[]).await;
    let section = format!("[auth.forward]\nurl = \"{}/whoami\"\ncookies = [\"session\"]\n", provider.url());
    let session = [("cookie", "session=s"), ("sec-fetch-site", "same-origin")];
    let server = TestServer::with(&config_with(&section)).await;
    provider.whoami(200, &[], r#"{"id":"key.alice"}"#);
    assert_eq!(get(&server, &session).await.problem(), reserved());
    let server = TestServer::with(&config_with(&format!("{section}id_prefix = \"app.\"\n"))).await;
    assert_eq!(get(&server, &session).await.json()["dir"], "avatars/app.key.alice/");
}

#[tokio::test]
async fn a_proxy_that_names_a_caller_of_another_source_is_refused() {
    let section = "[auth.proxy]\nid_header = \"X-User\"\nfrom = [\"127.0.0.1\"]\n";
    let server = TestServer::with(&config_with(section)).await;
    assert_eq!(get(&server, &[("x-user", "key.alice")]).await.problem(), reserved());
    assert_eq!(get(&server, &[("x-user", "alice")]).await.json()["dir"], "avatars/alice/");
    let server = TestServer::with(&config_with(&format!("{section}id_prefix = \"sso.\"\n"))).await;
    assert_eq!(get(&server, &[("x-user", "key.alice")]).await.json()["dir"], "avatars/sso.key.alice/");
}

#[tokio::test]
async fn two_sources_without_a_prefix_do_not_start() {
    let both = format!("{}\n{}", oss_vend::dev::CONFIG, issuer("free", ""));
    let options = oss_vend::dev::Options { config: both, ..oss_vend::dev::Options::default() };
    let refused = TestServer::bind(options).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("id_prefix = \"jwt.\" here") && refused.contains("auth.api_key_id_prefix"), "{refused}");
}
