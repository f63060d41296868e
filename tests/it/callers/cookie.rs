//! A token in a cookie, which a browser sends whoever made the page.

use super::keys::Key;
use super::provider::Provider;
use super::{claims, get, server_of};
use crate::support::TestServer;

/// A server that takes tokens from the cookie `session`, and one such cookie.
async fn office() -> (Provider, TestServer, String) {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let more = "cookie = \"session\"\n[cors]\norigins = [\"https://app.example.com\"]";
    let server = server_of(&provider, more).await;
    let cookie = format!("a=b; session={}; c=d", key.token(&claims(&provider, &server)));
    (provider, server, cookie)
}

#[tokio::test]
async fn our_own_pages_and_those_of_listed_origins_may_use_it() {
    let (_provider, server, cookie) = office().await;
    let own = format!("http://{}", server.addresses.server);
    for headers in [
        &[("cookie", cookie.as_str()), ("origin", &own)][..],
        &[("cookie", &cookie), ("sec-fetch-site", "same-origin")],
        &[("cookie", &cookie), ("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(get(&server, headers).await.json()["dir"], "avatars/u42/", "{:?}", &headers[1..]);
    }
}

#[tokio::test]
async fn no_other_page_may_and_it_is_not_anonymous_either() {
    let (_provider, server, cookie) = office().await;
    for headers in [
        &[("cookie", cookie.as_str())][..],
        &[("cookie", &cookie), ("origin", "https://evil.example")],
        &[("cookie", &cookie), ("origin", "null")],
        &[("cookie", &cookie), ("origin", "https://app.example.com.evil.example")],
        &[("cookie", &cookie), ("sec-fetch-site", "cross-site")],
        &[("cookie", &cookie), ("sec-fetch-site", "none")],
    ] {
        let answer = get(&server, headers).await;
        assert_eq!(answer.problem(), (401, "origin_not_allowed".into()), "{:?}", &headers[1..]);
        assert_eq!(answer.header("www-authenticate"), "Cookie realm=\"oss-vend\"");
        let request = server.request(reqwest::Method::GET, "/sts");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(crate::support::Answer::of(request).await.status, 401);
    }
}

#[tokio::test]
async fn a_false_or_doubled_cookie_is_refused_and_another_cookie_is_none() {
    let (_provider, server, cookie) = office().await;
    let own = format!("http://{}", server.addresses.server);
    let origin = ("origin", own.as_str());
    assert_eq!(get(&server, &[("cookie", "session=x"), origin]).await.problem(), (401, "invalid_token".into()));
    assert_eq!(get(&server, &[("cookie", "session="), origin]).await.problem(), (401, "invalid_token".into()));
    let twice = format!("{cookie}; session=x");
    assert_eq!(get(&server, &[("cookie", &twice), origin]).await.problem(), (400, "duplicate_cookie".into()));
    let elsewhere = cookie.replace("session=", "other=");
    let anonymous = get(&server, &[("cookie", &elsewhere), origin]).await;
    assert_eq!(anonymous.problem(), (401, "authentication_required".into()));
}
