use crate::support::{Answer as _, Cloud, element};

const PAGE: &str = "https://page.example.com";

#[tokio::test]
async fn a_page_may_ask_before_it_sends() {
    let cloud = Cloud::start().await;
    let ask = || cloud.anonymous("OPTIONS", "examplebucket/a").header("origin", PAGE);
    let granted = ask()
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "Content-Type, x-oss-date")
        .send()
        .await
        .expect("an answer");
    assert_eq!(granted.status(), 200);
    assert_eq!(granted.head("access-control-allow-origin"), "*");
    assert_eq!(granted.head("access-control-allow-headers"), "content-type, x-oss-date");
    assert_eq!(granted.head("access-control-max-age"), "600");
    let method = ask().header("access-control-request-method", "PATCH").send().await.expect("an answer");
    assert_eq!(method.refusal().await, (403, "AccessForbidden".to_owned()));
    assert_eq!(ask().send().await.expect("an answer").refusal().await, (400, "BadRequest".to_owned()));
    let closed = cloud.anonymous("OPTIONS", "openbucket/a").header("origin", PAGE);
    let closed = closed.header("access-control-request-method", "PUT").send().await.expect("an answer");
    assert_eq!(closed.refusal().await, (403, "AccessForbidden".to_owned()));
}

#[tokio::test]
async fn a_page_can_read_a_refusal() {
    let cloud = Cloud::start().await;
    let refused = cloud.anonymous("GET", "examplebucket/a").header("origin", PAGE).send().await.expect("an answer");
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.head("access-control-allow-origin"), "*");
    assert!(refused.head("access-control-expose-headers").contains("x-oss-request-id"));
    let plain = cloud.anonymous("GET", "examplebucket/a").send().await.expect("an answer");
    assert_eq!(plain.head("access-control-allow-origin"), "");
}

#[tokio::test]
async fn the_rules_of_a_bucket_can_be_changed() {
    let cloud = Cloud::start().await;
    let path = "examplebucket/?cors";
    let rules = format!(
        "<CORSConfiguration><CORSRule><AllowedOrigin>{PAGE}</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
         </CORSRule></CORSConfiguration>"
    );
    assert_eq!(cloud.signed("PUT", path, &[]).body(rules).send().await.expect("an answer").status(), 200);
    let read = cloud.signed("GET", path, &[]).send().await.expect("an answer").text().await.expect("a body");
    assert_eq!(element(&read, "AllowedOrigin"), PAGE);
    let exact = cloud.anonymous("GET", "examplebucket/a").header("origin", PAGE).send().await.expect("an answer");
    assert_eq!((exact.head("access-control-allow-origin").as_str(), exact.head("vary").as_str()), (PAGE, "Origin"));
    let other =
        cloud.anonymous("GET", "examplebucket/a").header("origin", "http://else").send().await.expect("an answer");
    assert_eq!(other.head("access-control-allow-origin"), "");
    assert_eq!(cloud.signed("DELETE", path, &[]).send().await.expect("an answer").status(), 204);
    let none = cloud.signed("GET", path, &[]).send().await.expect("an answer");
    assert_eq!(none.refusal().await, (404, "NoSuchCORSConfiguration".to_owned()));
    let bad = cloud.signed("PUT", path, &[]).body("<CORSConfiguration/>").send().await.expect("an answer");
    assert_eq!(bad.refusal().await, (400, "MalformedXML".to_owned()));
}
