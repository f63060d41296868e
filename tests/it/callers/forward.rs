//! The application is asked who the caller is.

use super::provider::Provider;
use super::{get, server_with};
use crate::support::TestServer;

async fn office(more: &str) -> (Provider, TestServer) {
    let provider = Provider::start(&[]).await;
    let section = format!("[auth.forward]\nurl = \"{}/whoami\"\n{more}", provider.url());
    let server = server_with(&section).await;
    (provider, server)
}

const SESSION: (&str, &str) = ("cookie", "other=1; session=s-42; csrf=2");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn who_the_application_knows_is_a_caller_for_a_short_while() {
    let (provider, server) = office("cookies = [\"session\"]\nheaders = [\"X-Tenant\"]").await;
    provider.whoami(200, &[], r#"{"id":"u42","claims":{"tenant":"t1"}}"#);
    for _ in 0..3 {
        let answer = get(&server, &[SESSION, OURS, ("x-tenant", "t1"), ("x-other", "2")]).await;
        assert_eq!(answer.json()["dir"], "avatars/u42/");
    }
    let asked = provider.asked();
    assert_eq!(asked.len(), 1, "the answer is remembered");
    assert_eq!(
        (&asked[0]["cookie"], &asked[0]["x-tenant"]),
        (&"session=s-42".parse().unwrap(), &"t1".parse().unwrap())
    );
    assert!(!asked[0].contains_key("x-other") && !asked[0].contains_key("sec-fetch-site"));
    provider.whoami(401, &[], "");
    server.advance(9);
    assert_eq!(get(&server, &[SESSION, OURS, ("x-tenant", "t1")]).await.status, 200);
    server.advance(1);
    assert_eq!(get(&server, &[SESSION, OURS, ("x-tenant", "t1")]).await.problem(), (401, "invalid_proof".into()));
    // Another session is another question.
    assert_eq!(get(&server, &[("cookie", "session=s-43"), OURS]).await.status, 401);
    assert_eq!(provider.asked().len(), 3);
}

#[tokio::test]
async fn headers_may_carry_the_answer() {
    let more = "cookies = [\"session\"]\nid_header = \"Remote-User\"\nclaim_headers = { groups = \"Remote-Groups\" }";
    let (provider, server) = office(more).await;
    provider.whoami(200, &[("remote-user", "u42"), ("remote-groups", "a,b")], "");
    assert_eq!(get(&server, &[SESSION, OURS]).await.json()["dir"], "avatars/u42/");
}

#[tokio::test]
async fn a_refusal_is_401_and_a_failure_is_503_and_never_anonymous() {
    let (provider, server) = office("cookies = [\"session\"]").await;
    for (status, body, expected) in [
        (401, "", (401, "invalid_proof")),
        (403, "", (401, "invalid_proof")),
        (200, "", (503, "auth_unavailable")),
        (200, r#"{"id":42}"#, (503, "auth_unavailable")),
        (200, r#"{"id":""}"#, (503, "auth_unavailable")),
        (204, "", (503, "auth_unavailable")),
        (302, "", (503, "auth_unavailable")),
        (404, "", (503, "auth_unavailable")),
        (500, "", (503, "auth_unavailable")),
    ] {
        provider.whoami(status, &[("location", "/elsewhere")], body);
        for path in ["/sts", "/presigned-url?key=uploads/a"] {
            let request =
                server.request(reqwest::Method::GET, path).header(SESSION.0, SESSION.1).header(OURS.0, OURS.1);
            let (code, name) = crate::support::Answer::of(request).await.problem();
            assert_eq!((code, name.as_str()), expected, "{status} {body}");
        }
    }
    provider.whoami(200, &[], &format!(r#"{{"id":"u42","claims":{{"a":"{}"}}}}"#, "x".repeat(300_000)));
    assert_eq!(get(&server, &[SESSION, OURS]).await.problem(), (503, "auth_unavailable".into()));
    drop(provider);
    server.until_async(async || get(&server, &[SESSION, OURS]).await.problem().0 == 503).await;
    // Who brings nothing that is passed on is asked about by nobody.
    assert_eq!(server.get("/sts").await.status, 200);
}

#[tokio::test]
async fn a_cookie_counts_only_for_trusted_pages() {
    let (provider, server) = office("cookies = [\"session\"]").await;
    provider.whoami(200, &[], r#"{"id":"u42"}"#);
    for headers in [&[SESSION][..], &[SESSION, ("origin", "https://evil.example")]] {
        assert_eq!(get(&server, headers).await.problem(), (401, "origin_not_allowed".into()));
    }
    assert_eq!(provider.asked().len(), 0);
}

#[tokio::test]
async fn an_authorization_header_is_passed_on_only_where_it_is_listed() {
    let (provider, server) = office("headers = [\"Authorization\"]").await;
    provider.whoami(200, &[], r#"{"id":"u42"}"#);
    assert_eq!(get(&server, &[("authorization", "Basic YTpi")]).await.json()["dir"], "avatars/u42/");
    assert_eq!(provider.asked()[0]["authorization"], "Basic YTpi");
    assert_eq!(get(&server, &[("authorization", "Bearer ovk_wrong")]).await.problem(), (401, "invalid_proof".into()));
    assert_eq!(get(&server, &[("authorization", "Bearer ovk_dev_alice")]).await.json()["dir"], "avatars/key.alice/");
    assert_eq!(provider.asked().len(), 1, "a key of ours is nobody else's business");
}

#[tokio::test]
async fn the_application_is_asked_as_part_of_the_caller_s_trace() {
    let (provider, server) = office("cookies = [\"session\"]").await;
    provider.whoami(200, &[], r#"{"id":"u42"}"#);
    let trace = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    get(&server, &[SESSION, OURS, trace, ("tracestate", "vendor=1")]).await.json();
    get(&server, &[("cookie", "session=s-43"), OURS, ("traceparent", "00-hush"), ("tracestate", "vendor=1")])
        .await
        .json();
    let asked = provider.asked();
    assert_eq!(
        (&asked[0]["traceparent"], &asked[0]["tracestate"]),
        (&trace.1.parse().unwrap(), &"vendor=1".parse().unwrap())
    );
    assert!(
        !asked[1].contains_key("traceparent") && !asked[1].contains_key("tracestate"),
        "what is not valid is ignored"
    );
}
