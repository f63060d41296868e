//! Grants for certain callers, and `/grants`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

const ALICE: &str = "ovk_dev_alice";
const BOB: &str = "ovk_dev_bob";

/// The grants of `dev` and two more: one for alice by name, one for callers with a claim that API keys never have.
fn config() -> String {
    let more = "bucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\nmethods = [\"sts\", \"post\", \"put\"]\n";
    format!(
        "{}\n[grants.private]\n{more}dir = \"private/\"\ncallers = [\"alice\"]\n\
         \n[grants.tenant]\n{more}dir = \"tenant/\"\nrequire = [{{ claim = \"tenant\", equals = \"a\" }}]\n",
        oss_vend::dev::CONFIG
    )
}

fn names(answer: &Value) -> Vec<&str> {
    answer["grants"].as_array().unwrap().iter().map(|grant| grant["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_caller_that_may_not_learns_that_and_no_more() {
    let server = TestServer::with(&config()).await;
    let routes = [
        "/sts",
        "/post-signature?filename=a",
        "/presigned-url?key=private/a",
        "/presigned-url?key=private/a&method=DELETE",
    ];
    for path in routes {
        let path = |grant: &str| format!("{path}{}grant={grant}", if path.contains('?') { '&' } else { '?' });
        let mut told = Vec::new();
        for grant in ["private", "tenant"] {
            let answer = server.get_as(BOB, &path(grant)).await;
            assert_eq!(answer.problem(), (403, "grant_not_allowed".into()), "{}", path(grant));
            let mut problem: Value = serde_json::from_str(&answer.text).unwrap();
            problem["requestId"] = Value::Null;
            told.push(problem);
            assert_eq!(server.get(&path(grant)).await.problem(), (401, "authentication_required".into()));
        }
        assert_eq!(told[0], told[1], "the answer does not tell which rule is not met");
        assert_eq!(server.get_as(BOB, &path("nope")).await.problem(), (404, "unknown_grant".into()));
    }
    let batch = json!({ "items": [{ "filename": "a" }], "grant": "private" }).to_string();
    let request = server.request(Method::POST, "/presigned-url").header("content-type", "application/json").body(batch);
    let answer = Answer::of(request.bearer_auth(BOB)).await.json();
    assert_eq!(answer["items"][0]["problem"]["code"], "grant_not_allowed");
    assert_eq!(server.knobs().count("AssumeRole"), 0);
    assert_eq!(server.get_as(ALICE, "/sts?grant=private").await.json()["dir"], "private/");
}

#[tokio::test]
async fn each_caller_sees_its_grants_with_their_limits() {
    let server = TestServer::with(&config()).await;
    let anonymous = server.get("/grants").await;
    assert_eq!(anonymous.header("cache-control"), "no-store");
    assert_eq!(names(&anonymous.json()), ["default"], "a grant that names its callers is not for nobody");
    assert_eq!(anonymous.json().get("caller"), None);
    let bob = server.get_as(BOB, "/grants").await.json();
    assert_eq!((names(&bob), bob["caller"].as_str()), (vec!["avatars", "default"], Some("bob")));
    let alice = server.get_as(ALICE, "/grants").await.json();
    assert_eq!(names(&alice), ["avatars", "default", "private"]);
    let expected = json!({
        "name": "avatars", "methods": ["sts", "post", "put", "get", "head", "delete", "list"],
        "bucket": "examplebucket", "region": "cn-hangzhou", "endpoint": format!("http://{}", server.addresses.oss),
        "dir": "avatars/alice/", "minSize": 0, "maxSize": 5 * 1024 * 1024, "sizeRequired": true,
        "contentTypes": ["image/gif", "image/jpeg", "image/png", "image/webp"], "keys": "caller", "storageClasses": [],
        "expires": 900, "maxExpires": 3600, "duration": 3600, "signatureVersions": ["v4"], "reads": "confined",
    });
    assert_eq!(alice["grants"][0], expected);
}

#[tokio::test]
async fn the_list_of_grants_takes_no_parameters_and_answers_bad_requests_as_all_routes_do() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/grants?grant=default").await.problem(), (400, "unknown_parameter".into()));
    assert_eq!(server.get_as("ovk_wrong", "/grants").await.problem(), (401, "invalid_proof".into()));
    assert_eq!(Answer::of(server.request(Method::PUT, "/grants")).await.problem(), (405, "method_not_allowed".into()));
    let closed = TestServer::with(&oss_vend::dev::CONFIG.replace("anonymous = true", "anonymous = false")).await;
    assert_eq!(closed.get("/grants").await.problem(), (401, "authentication_required".into()));
}
