use chrono::TimeDelta;
use oss_vend::emulator::{DEV_OIDC_PROVIDER_ARN, DEV_ROLE_ARN};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::support::{Answer as _, Cloud, form, signed_fields};

async fn control(cloud: &Cloud, method: &str, path: &str, body: Value) -> Response {
    let url = format!("http://{}/-/emulator/{path}", cloud.address);
    let request = Client::new().request(method.parse().expect("a method"), url);
    request.body(body.to_string()).send().await.expect("an answer")
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.expect("a body")).expect("it is JSON")
}

async fn get(cloud: &Cloud) -> (u16, String) {
    cloud.anonymous("GET", "openbucket/a").send().await.expect("an answer").refusal().await
}

#[tokio::test]
async fn calls_are_listed_and_cleared_over_http() {
    let cloud = Cloud::start().await;
    let _ = get(&cloud).await;
    let listed = json_of(control(&cloud, "GET", "calls?operation=GetObject", Value::Null).await).await;
    assert_eq!(listed["counts"], json!({"GetObject": 1}), "control calls are not counted");
    let call = &listed["calls"][0];
    assert_eq!(
        (&call["bucket"], &call["key"], &call["code"]),
        (&json!("openbucket"), &json!("a"), &json!("NoSuchKey"))
    );
    assert_eq!(control(&cloud, "DELETE", "calls", Value::Null).await.status(), 204);
    let listed = json_of(control(&cloud, "GET", "calls", Value::Null).await).await;
    assert_eq!(listed, json!({"calls": [], "counts": {}}));
}

#[tokio::test]
async fn failures_come_by_number_or_by_share_until_they_are_cleared() {
    let cloud = Cloud::start().await;
    let next = json!({"operation": "GetObject", "times": 1, "status": 500, "code": "InternalError"});
    assert_eq!(control(&cloud, "POST", "failures", next).await.status(), 204);
    assert_eq!(get(&cloud).await, (500, "InternalError".to_owned()));
    control(&cloud, "POST", "failures", json!({"share": 0.5})).await;
    assert_eq!(get(&cloud).await.0, 404);
    assert_eq!(get(&cloud).await, (503, "ServiceUnavailable".to_owned()));
    control(&cloud, "DELETE", "failures", Value::Null).await;
    assert_eq!((get(&cloud).await.0, get(&cloud).await.0), (404, 404));
    control(&cloud, "POST", "failures", json!({"close": true})).await;
    cloud.anonymous("GET", "openbucket/a").send().await.expect_err("the connection was dropped");
}

#[tokio::test]
async fn both_services_are_throttled_in_their_own_words() {
    let cloud = Cloud::start().await;
    for service in ["oss", "sts"] {
        control(&cloud, "PUT", "throttle", json!({"service": service, "perSecond": 1})).await;
    }
    let sts = async || Client::new().get(format!("http://{}/", cloud.sts)).send().await.expect("an answer");
    assert_eq!(sts().await.status(), 400);
    assert_eq!(json_of(sts().await).await["Code"], "Throttling.User");
    assert_eq!((get(&cloud).await.0, get(&cloud).await.0), (404, 503));
    control(&cloud, "PUT", "clock", json!({"offsetSeconds": 1})).await;
    assert_eq!((get(&cloud).await.0, get(&cloud).await.0), (404, 503));
    control(&cloud, "PUT", "throttle", json!({"service": "oss", "perSecond": null})).await;
    assert_eq!((get(&cloud).await.0, get(&cloud).await.0), (404, 404));
}

#[tokio::test]
async fn the_clock_is_set_off_and_a_reset_sets_it_right() {
    let cloud = Cloud::start().await;
    let set = json_of(control(&cloud, "PUT", "clock", json!({"offsetSeconds": -3600})).await).await;
    assert_eq!(set["now"], "2025-02-14T07:09:10Z");
    assert_eq!(json_of(control(&cloud, "GET", "", Value::Null).await).await["clockOffsetSeconds"], -3600);
    cloud.emulator.knobs().clock_offset(TimeDelta::hours(1));
    assert_eq!(control(&cloud, "POST", "reset", Value::Null).await.status(), 204);
    assert_eq!(json_of(control(&cloud, "GET", "", Value::Null).await).await["now"], "2025-02-14T08:09:10Z");
}

#[tokio::test]
async fn readings_are_chosen_over_http_and_a_reset_brings_the_strict_ones_back() {
    let cloud = Cloud::start().await;
    let strict = json!({"absentFormField": "fails", "aclNeedsPutObjectAcl": true});
    let readings = async || json_of(control(&cloud, "GET", "", Value::Null).await).await["readings"].clone();
    assert_eq!(readings().await, strict);
    let chosen = json_of(control(&cloud, "PUT", "readings", json!({"absentFormField": "empty"})).await).await;
    assert_eq!(chosen["readings"], json!({"absentFormField": "empty", "aclNeedsPutObjectAcl": true}));
    let fields = signed_fields(r#",["starts-with","$expires",""]"#);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).chain([("key", "a")]).collect();
    let post = async || form(cloud.anonymous("POST", "examplebucket/"), &fields, b"x").send().await.expect("an answer");
    assert_eq!(post().await.status(), 204);
    assert_eq!(control(&cloud, "POST", "reset", Value::Null).await.status(), 204);
    assert_eq!(readings().await, strict);
    let refused = post().await;
    assert_eq!(refused.head("x-oss-ec"), "0006-00000226");
    assert_eq!(refused.refusal().await, (403, "AccessDenied".to_owned()));
}

#[tokio::test]
async fn an_order_that_cannot_be_done_says_why() {
    let cloud = Cloud::start().await;
    for (method, path, body, status, detail) in [
        ("POST", "failures", json!({"operatoin": "GetObject"}), 400, "unknown field `operatoin`"),
        ("POST", "failures", json!({"operation": "putObject"}), 400, "no operation putObject"),
        ("PUT", "latency", json!({"operation": "Put", "milliseconds": 1}), 400, "no operation Put"),
        ("POST", "failures", json!({"times": 1, "share": 0.5}), 400, "times or share"),
        ("POST", "failures", json!({"share": 1.5}), 400, "between 0 and 1"),
        ("POST", "failures", json!({"status": 200}), 400, "status"),
        ("PUT", "latency", json!({"milliseconds": 600_001}), 400, "600000"),
        ("PUT", "throttle", json!({"service": "ecs", "perSecond": 1}), 400, "ecs"),
        ("PUT", "readings", json!({"absentFormField": "passes"}), 400, "passes"),
        ("PUT", "readings", json!({"absentField": "fails"}), 400, "absentField"),
        ("POST", "expire-token", json!({"accessKeyId": "STS.none"}), 404, "no temporary key"),
        ("GET", "nothing", Value::Null, 404, "no such control route"),
        ("PATCH", "calls", Value::Null, 405, "method"),
    ] {
        let answer = control(&cloud, method, path, body).await;
        assert_eq!(
            (answer.status().as_u16(), answer.head("content-type")),
            (status, "application/problem+json".to_owned())
        );
        let problem = json_of(answer).await;
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(detail)), "{method} {path}: {problem}");
    }
}

#[tokio::test]
async fn a_page_cannot_turn_the_knobs_and_a_bucket_may_have_such_keys() {
    let cloud = Cloud::start().await;
    let url = format!("http://{}/-/emulator/reset", cloud.address);
    let page = Client::new().post(&url).header("origin", "http://127.0.0.1:8000").send().await.expect("an answer");
    assert_eq!(page.status(), 403);
    let key = Client::new().put(&url).header("host", "openbucket.localhost").body("x").send().await.expect("an answer");
    assert_eq!(key.status(), 200);
    assert_eq!(cloud.emulator.knobs().calls()[0].key.as_deref(), Some("-/emulator/reset"));
}

#[tokio::test]
async fn an_identity_token_is_minted_and_opens_a_session() {
    let cloud = Cloud::start().await;
    let minted = json_of(control(&cloud, "POST", "identity-token", json!({"subject": "me"})).await).await;
    let token = minted["token"].as_str().expect("it is there");
    let query = format!(
        "Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON&RoleArn={DEV_ROLE_ARN}&RoleSessionName=pod\
         &OIDCProviderArn={DEV_OIDC_PROVIDER_ARN}&OIDCToken={token}"
    );
    let opened = Client::new().post(format!("http://{}/?{query}", cloud.sts)).send().await.expect("an answer");
    let opened = json_of(opened).await;
    assert_eq!(opened["OIDCTokenInfo"]["Subject"], "me");
    let id = opened["Credentials"]["AccessKeyId"].clone();
    assert_eq!(control(&cloud, "POST", "expire-token", json!({"accessKeyId": id})).await.status(), 204);
}
