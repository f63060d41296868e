//! Pages of other origins: who may ask, who may read, and what caches are told.

use oss_vend::dev::CONFIG;
use reqwest::Method;

use crate::support::{Answer, TestServer};

const ORIGIN: &str = "https://app.example.com";

/// The server of `dev`, with this in `[cors]`.
async fn server(cors: &str) -> TestServer {
    TestServer::with(&format!("{CONFIG}\n[cors]\n{cors}\n")).await
}

async fn from(server: &TestServer, origin: &str, path: &str) -> Answer {
    Answer::of(server.request(Method::GET, path).header("origin", origin)).await
}

async fn preflight(server: &TestServer, origin: &str, path: &str) -> Answer {
    let request = server.request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    Answer::of(request.header("access-control-request-headers", "authorization,content-type")).await
}

#[tokio::test]
async fn pages_of_configured_origins_may_read_the_answers() {
    let server = server(&format!("origins = [\"{ORIGIN}\"]")).await;
    for (origin, allowed) in [(ORIGIN, ORIGIN), ("https://evil.example", ""), ("null", "")] {
        for path in ["/sts", "/sts?grant=nope", "/nothing", "/healthz", "/"] {
            let answer = from(&server, origin, path).await;
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin} {path}");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert_eq!(answer.header("vary"), "origin", "{origin} {path}");
            assert_eq!(answer.header("access-control-expose-headers").contains("retry-after"), !allowed.is_empty());
        }
    }
    assert_eq!(server.get("/sts").await.header("vary"), "origin", "a cache must not give this to a page");
}

#[tokio::test]
async fn a_page_asks_once_and_remembers() {
    let server = server(&format!("origins = [\"{ORIGIN}\"]\nmax_age = \"2h\"")).await;
    for path in ["/sts", "/presigned-url", "/get_sts_token_for_oss_upload", "/nothing"] {
        let answer = preflight(&server, ORIGIN, path).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, POST");
        assert!(answer.header("access-control-allow-headers").contains("authorization, content-type"));
        assert_eq!(answer.header("access-control-max-age"), "7200");
        let vary = "origin, access-control-request-method, access-control-request-headers";
        assert_eq!(answer.headers.get_all("vary").iter().collect::<Vec<_>>(), [vary]);
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn a_page_that_may_not_ask_is_told_why() {
    for server in [server(&format!("origins = [\"{ORIGIN}\"]")).await, TestServer::start().await] {
        for origin in ["https://evil.example", "null"] {
            let answer = preflight(&server, origin, "/sts").await;
            assert_eq!(answer.problem(), (403, "cors_origin_not_allowed".into()));
            assert_eq!(answer.header("access-control-allow-origin"), "");
            assert!(answer.header("vary").starts_with("origin, "));
        }
    }
}

#[tokio::test]
async fn what_is_no_preflight_is_an_ordinary_request() {
    let server = server(&format!("origins = [\"{ORIGIN}\"]")).await;
    let answer = Answer::of(server.request(Method::OPTIONS, "/sts").header("origin", ORIGIN)).await;
    assert_eq!(answer.problem(), (405, "method_not_allowed".into()));
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
}

#[tokio::test]
async fn by_default_no_page_of_another_origin_may_read() {
    let server = TestServer::start().await;
    let answer = from(&server, ORIGIN, "/sts").await;
    answer.json();
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{:?}", answer.headers);
    assert_eq!(answer.header("vary"), "");
}

#[tokio::test]
async fn a_pattern_is_one_label_and_not_the_apex() {
    let server = server("origin_patterns = [\"https://*.example.com\"]").await;
    for (origin, allowed) in [
        ("https://a.example.com", true),
        ("https://example.com", false),
        ("https://a.b.example.com", false),
        ("http://a.example.com", false),
        ("https://a.example.com:444", false),
        ("https://a.example.com.evil.example", false),
    ] {
        let answer = from(&server, origin, "/sts").await;
        assert_eq!(answer.header("access-control-allow-origin") == origin, allowed, "{origin}");
        assert_eq!(preflight(&server, origin, "/sts").await.status.is_success(), allowed, "{origin}");
        assert_eq!(answer.header("vary"), "origin");
    }
}

#[tokio::test]
async fn cookies_come_along_only_where_it_is_said() {
    let server = server(&format!("origins = [\"{ORIGIN}\"]\ncredentials = true")).await;
    for answer in [from(&server, ORIGIN, "/sts").await, preflight(&server, ORIGIN, "/sts").await] {
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    }
    let answer = from(&server, "https://evil.example", "/sts").await;
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn no_page_of_a_pattern_may_send_what_its_browser_adds() {
    let origins = format!("origins = [\"{ORIGIN}\"]\norigin_patterns = [\"https://*.example.com\"]");
    let server = server(&format!("{origins}\ncredentials = true")).await;
    for (origin, credentials) in [(ORIGIN, "true"), ("https://a.example.com", "")] {
        for path in ["/sts", "/sts?nope=", "/presigned-url?key=uploads/a", "/nothing", "/"] {
            for answer in [from(&server, origin, path).await, preflight(&server, origin, path).await] {
                assert_eq!(answer.header("access-control-allow-origin"), origin);
                assert_eq!(answer.header("access-control-allow-credentials"), credentials, "{origin} {path}");
            }
        }
        let text = server.request(Method::GET, "/presigned-url?key=uploads/a").header("accept", "text/plain");
        let text = Answer::of(text.header("origin", origin)).await;
        assert_eq!(text.header("access-control-allow-credentials"), credentials);
    }
    let twice = server.request(Method::GET, "/sts").header("origin", ORIGIN).header("origin", ORIGIN);
    let twice = Answer::of(twice).await;
    assert_eq!(
        (twice.header("access-control-allow-origin"), twice.header("access-control-allow-credentials")),
        ("", "")
    );
}

#[tokio::test]
async fn every_page_there_is_gets_the_same_answer() {
    let server = server("origins = [\"*\"]").await;
    for answer in [from(&server, "https://any.example", "/sts").await, server.get("/sts").await] {
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("vary"), "");
    }
}

#[tokio::test]
async fn a_page_reads_also_that_it_must_wait() {
    let config = CONFIG.replace("per_address = \"off\"", "per_address = \"1/m\"");
    let server = TestServer::with(&format!("{config}\n[cors]\norigins = [\"{ORIGIN}\"]\n")).await;
    from(&server, ORIGIN, "/sts").await.json();
    let answer = from(&server, ORIGIN, "/sts").await;
    assert_eq!(answer.problem(), (429, "rate_limited".into()));
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
        assert!(answer.header("access-control-expose-headers").contains(name), "{name}");
    }
}

#[tokio::test]
async fn what_the_application_knows_its_callers_by_may_be_sent() {
    let forward =
        "[auth.forward]\nurl = \"https://app.example.com/whoami\"\nid_prefix = \"app.\"\nheaders = [\"X-Session\"]";
    let server = TestServer::with(&format!("{CONFIG}\n{forward}\n[cors]\norigins = [\"{ORIGIN}\"]\n")).await;
    let allowed = preflight(&server, ORIGIN, "/sts").await.header("access-control-allow-headers").to_owned();
    assert_eq!(allowed, "authorization, content-type, x-request-id, x-session");
}
