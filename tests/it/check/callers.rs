//! `check` asks those who say who a caller is.

use oss_vend::check::Verdict;
use serde_json::json;

use super::planted::{CONFIG, Planted, lines, step};
use crate::callers::keys::Key;
use crate::callers::provider::Provider;

fn with_issuer(provider: &Provider, more: &str) -> String {
    let issuer = provider.url();
    format!("{CONFIG}\n[[auth.jwt]]\nissuer = {issuer:?}\nid_prefix = \"jwt.\"\naudiences = [\"uploads\"]\n{more}\n")
}

fn with_forward(url: &str) -> String {
    format!("{CONFIG}\n[auth.forward]\nurl = {url:?}\nid_prefix = \"app.\"\ncookies = [\"session\"]\n")
}

#[tokio::test]
async fn an_issuer_whose_keys_can_be_used_is_right() {
    let (cloud, provider) = (Planted::start().await, Provider::start(&[&Key::new("EdDSA"), &Key::new("ES256")]).await);
    let report = cloud.check(&with_issuer(&provider, "")).await;
    assert!(report.ok, "{}", lines(&report));
    assert!(step(&report, "issuer").detail.ends_with("2 keys can be used"), "{}", step(&report, "issuer").detail);
}

#[tokio::test]
async fn an_issuer_without_usable_keys_is_named_with_the_key_of_the_configuration() {
    let cloud = Planted::start().await;
    for (plant, more, detail, hint) in [
        ((|provider| provider.broken(true)) as fn(&Provider), "", "has the status 500", "auth.jwt.jwks_url"),
        (
            |provider| provider.describe(json!({ "issuer": "https://x.example", "jwks_uri": "" })),
            "",
            "metadata",
            "slash",
        ),
        (|provider| provider.publish(&[]), "", "no key that verifies", "auth.jwt.algorithms"),
        (|_| {}, "algorithms = [\"RS256\"]", "no key that verifies", "auth.jwt.algorithms"),
    ] {
        let provider = Provider::start(&[&Key::new("EdDSA")]).await;
        plant(&provider);
        let report = cloud.check(&with_issuer(&provider, more)).await;
        let step = step(&report, "issuer");
        assert!(!report.ok && step.verdict == Verdict::Failed && step.detail.contains(detail), "{}", step.detail);
        assert!(step.detail.contains(provider.url()) && step.hint.as_ref().unwrap().contains(hint), "{:?}", step.hint);
    }
    let gone = Provider::start(&[]).await;
    let config = with_issuer(&gone, "");
    drop(gone);
    let report = cloud.check(&config).await;
    assert!(step(&report, "issuer").detail.contains("cannot be reached"), "{}", step(&report, "issuer").detail);
}

#[tokio::test]
async fn an_application_that_takes_everyone_for_a_caller_is_named() {
    let cloud = Planted::start().await;
    for (status, body, verdict, detail) in [
        (401, "", Verdict::Ok, "refuses a request without cookies: HTTP 401"),
        (403, "", Verdict::Ok, "HTTP 403"),
        (200, r#"{"id":"guest"}"#, Verdict::Failed, "names a caller for a request without cookies"),
        (200, "<html>", Verdict::Failed, "does not refuse a request without cookies: HTTP 200"),
        (302, "", Verdict::Failed, "redirects a request without cookies: HTTP 302"),
        (404, "", Verdict::Failed, "HTTP 404"),
        (500, "", Verdict::Failed, "HTTP 500"),
    ] {
        let provider = Provider::start(&[]).await;
        provider.whoami(status, &[], body);
        let report = cloud.check(&with_forward(&format!("{}/whoami", provider.url()))).await;
        let step = step(&report, "forward-auth");
        assert_eq!(step.verdict, verdict, "{status}: {}", step.detail);
        assert!(step.detail.contains(detail) && !step.detail.contains("guest"), "{}", step.detail);
        let asked = provider.asked();
        assert!(!asked[0].contains_key("cookie") && !asked[0].contains_key("authorization"));
    }
    let report = cloud.check(&with_forward("http://127.0.0.1:1/whoami")).await;
    assert!(step(&report, "forward-auth").detail.contains("does not answer"));
}
