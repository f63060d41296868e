//! At the most talkative level of everything, no proof reaches the log, an answer or a `Debug`.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::Level;

use super::keys::Key;
use super::provider::Provider;
use super::{claims, get, server_with, with};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The server's tasks run on the test's own thread, so what they log is seen by the test's own subscriber.
#[tokio::test]
async fn no_token_key_or_cookie_is_told_to_anyone() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _recording = tracing::subscriber::set_default(subscriber);
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_with(&format!(
        "[[auth.jwt]]\nissuer = \"{0}\"\naudiences = [\"uploads\"]\ncookie = \"id\"\nid_prefix = \"jwt.\"\n\
         [[auth.jwt]]\nissuer = \"ours\"\nid_prefix = \"ours.\"\naudiences = [\"uploads\"]\nsecret = \"hush-hush-hush-hush-hush-hush-hush-hush\"\n\
         [auth.forward]\nurl = \"{0}/whoami\"\ncookies = [\"session\"]\nheaders = [\"X-Session\"]\nid_prefix = \"app.\"\n\
         [auth.proxy]\nid_header = \"X-User\"\nfrom = [\"10.0.0.0/8\"]\n",
        provider.url()
    ))
    .await;
    let good = key.token(&claims(&provider, &server));
    let late = key.token(&with(claims(&provider, &server), &json!({ "exp": 1 })));
    let forged = Key::secret("HS256", b"none").token(&claims(&provider, &server));
    let strange = key.token_with(&json!({ "alg": "EdDSA", "kid": "hush-kid" }), &claims(&provider, &server));
    let mut answers = String::new();
    let tokens = [good.as_str(), &late, &forged, &strange, "hush.hush.hush", "hush", "ovk_hush", "ovk_dev_alice"];
    for token in tokens {
        let (bearer, cookie) = (format!("Bearer {token}"), format!("id={token}; session=hush-{token}"));
        for headers in [
            &[("authorization", bearer.as_str())][..],
            &[("cookie", &cookie)],
            &[("cookie", &cookie), ("sec-fetch-site", "same-origin")],
            &[("x-session", "hush-header")],
            &[("x-user", "hush-user")],
        ] {
            provider.whoami(if token == good { 200 } else { 500 }, &[], r#"{"id":"u42"}"#);
            answers += &get(&server, headers).await.text;
        }
    }
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(told.contains("TRACE hyper") && told.contains("oss_vend::api"), "nothing was recorded: {told}");
    for secret in tokens.into_iter().map(|token| token.rsplit('.').next().unwrap()).chain(["hush-header", "hush-hush"])
    {
        assert!(!answers.contains(secret), "{secret} in {answers}");
        assert_eq!(told.lines().find(|line| line.contains(secret)), None, "{secret} was told");
    }
}
