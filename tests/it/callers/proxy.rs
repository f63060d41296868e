//! A header that only a trusted proxy may set.

use reqwest::{Client, Method};

use super::{get, server_with};
use crate::support::{Answer, TestServer};

const SECTION: &str = "[auth.proxy]\nid_header = \"X-User\"\nclaim_headers = { tenant = \"X-Tenant\" }\nfrom = [\"127.0.0.2\", \"10.0.0.0/8\"]";

/// Asks from the address 127.0.0.2, which is this machine too.
async fn by_proxy(server: &TestServer, headers: &[(&str, &str)]) -> Answer {
    let proxy =
        Client::builder().no_proxy().local_address("127.0.0.2".parse::<std::net::IpAddr>().ok()).build().unwrap();
    let request = proxy.request(Method::GET, format!("http://{}/sts?grant=avatars", server.addresses.server));
    Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn the_proxy_says_who_asks() {
    let server = server_with(SECTION).await;
    assert_eq!(by_proxy(&server, &[("x-user", "u42")]).await.json()["dir"], "avatars/u42/");
    assert_eq!(by_proxy(&server, &[]).await.problem(), (401, "authentication_required".into()));
    assert_eq!(by_proxy(&server, &[("x-user", "")]).await.problem(), (401, "invalid_proof".into()));
    assert_eq!(by_proxy(&server, &[("x-user", "../x")]).await.problem(), (403, "identity_not_allowed".into()));
    let twice = by_proxy(&server, &[("x-user", "a"), ("x-user", "b")]).await;
    assert_eq!(twice.problem(), (400, "duplicate_header".into()));
    let key = ("authorization", "Bearer ovk_dev_alice");
    assert_eq!(by_proxy(&server, &[key]).await.json()["dir"], "avatars/key.alice/");
    assert_eq!(by_proxy(&server, &[key, ("x-user", "u42")]).await.json()["dir"], "avatars/u42/");
}

#[tokio::test]
async fn the_header_counts_for_no_page_of_another_site() {
    let cors = "[cors]\norigins = [\"https://app.example.com\"]\norigin_patterns = [\"https://*.example.com\"]";
    let server = server_with(&format!("{SECTION}\n{cors}\ncredentials = true")).await;
    let own = format!("http://{}", server.addresses.server);
    for more in [
        &[][..],
        &[("origin", own.as_str())],
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", "https://public.example.com"), ("sec-fetch-site", "same-origin")],
        &[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://app.example.com"), ("sec-fetch-site", "same-site")],
    ] {
        let answer = by_proxy(&server, &[&[("x-user", "u42")], more].concat()).await;
        assert_eq!(answer.json()["dir"], "avatars/u42/", "{more:?}");
    }
    for more in [
        &[("origin", "https://other.example.com")][..],
        &[("origin", "https://other.example.com"), ("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example"), ("x-forwarded-host", "evil.example")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", &own), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = by_proxy(&server, &[&[("x-user", "u42")], more].concat()).await;
        assert_eq!(answer.problem(), (401, "origin_not_allowed".into()), "{more:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{more:?}");
    }
    for name in ["origin", "sec-fetch-site"] {
        let twice = [("x-user", "u42"), (name, "same-origin"), (name, "same-origin")];
        assert_eq!(by_proxy(&server, &twice).await.problem(), (400, "duplicate_header".into()));
    }
}

#[tokio::test]
async fn from_elsewhere_the_header_is_refused_whatever_else_is_said() {
    let server = server_with(SECTION).await;
    for headers in [
        &[("x-user", "u42")][..],
        &[("X-USER", "")],
        &[("x-tenant", "t1")],
        &[("x-user", "u42"), ("authorization", "Bearer ovk_dev_alice")],
        &[("x-user", "u42"), ("x-forwarded-for", "127.0.0.2")],
        &[("x-user", "u42"), ("x-forwarded-for", "10.0.0.1, 127.0.0.2"), ("forwarded", "for=127.0.0.2")],
    ] {
        let answer = get(&server, headers).await;
        assert_eq!(answer.problem(), (401, "untrusted_proxy".into()), "{headers:?}");
        assert_eq!(answer.header("www-authenticate"), "Proxy-Header realm=\"oss-vend\"");
    }
    assert_eq!(get(&server, &[("authorization", "Bearer ovk_dev_alice")]).await.status, 200);
}
