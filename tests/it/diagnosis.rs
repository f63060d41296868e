//! Errors as the emulator makes them, explained as `explain-error` does.

use oss_vend::diagnose::{Answer, Asked, Diagnosis, diagnose};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::TestServer;

/// Sends what has to fail, and explains the answer with `request` as what was meant.
async fn explained(call: RequestBuilder, request: &str) -> Diagnosis {
    let response = call.send().await.unwrap();
    assert_ne!(response.status(), StatusCode::OK);
    let text = response.text().await.unwrap();
    let answer = Answer::read(&text).unwrap_or_else(|| panic!("{text}"));
    let asked = Asked::read(request);
    let diagnosis = diagnose(&answer, asked.as_ref());
    assert!(diagnosis.known, "{text}");
    let told = serde_json::to_string(&diagnosis).unwrap();
    for secret in ["SignatureProvided", "Signature="] {
        assert!(!told.contains(secret), "{told}");
    }
    diagnosis
}

fn about<'d>(diagnosis: &'d Diagnosis, what: &str) -> &'d str {
    diagnosis.findings.iter().find(|finding| finding.about == what).map_or("", |finding| finding.says.as_str())
}

async fn vended(server: &TestServer, version: &str) -> Value {
    let ask = json!({ "key": "uploads/a b+c.png", "contentType": "image/png", "signatureVersion": version });
    server.post("/presigned-url", ask).await.json()
}

#[tokio::test]
async fn a_content_type_that_was_not_signed_is_named_in_both_versions() {
    let server = TestServer::start().await;
    for version in ["v4", "v1"] {
        let answer = vended(&server, version).await;
        let call = server.http.put(answer["url"].as_str().unwrap()).header("content-type", "text/html").body("x");
        let diagnosis = explained(call, &answer.to_string()).await;
        assert_eq!(diagnosis.code, "SignatureDoesNotMatch");
        assert!(about(&diagnosis, "content-type").contains("text/html"), "{diagnosis:?}");
        let signature = about(&diagnosis, "signature");
        assert!(signature.contains("image/png") && signature.contains("text/html"), "{signature}");
        assert!(diagnosis.change.unwrap().contains("`headers`"));
    }
}

#[tokio::test]
async fn the_request_that_was_sent_is_signed_as_oss_signs_it() {
    let server = TestServer::start().await;
    for version in ["v4", "v1"] {
        let answer = vended(&server, version).await;
        // The signature is of a PUT; what is sent is another method, with the text as OSS sees it.
        let url = answer["url"].as_str().unwrap();
        let sent = json!({ "method": "GET", "url": url, "headers": {} }).to_string();
        let diagnosis = explained(server.http.get(url), &sent).await;
        assert!(about(&diagnosis, "signature").starts_with("OSS signed the very text"), "{diagnosis:?}");
        let meant = json!({ "method": "PUT", "url": url, "headers": {} }).to_string();
        let diagnosis = explained(server.http.get(url), &meant).await;
        assert!(about(&diagnosis, "signature").contains("the method: this request has \"PUT\""), "{diagnosis:?}");
    }
}

#[tokio::test]
async fn another_key_in_the_url_is_named() {
    let server = TestServer::start().await;
    let answer = vended(&server, "v4").await;
    let other = answer["url"].as_str().unwrap().replace("c.png", "d.png");
    let call = server.http.put(other).header("content-type", "image/png").body("x");
    let diagnosis = explained(call, &answer.to_string()).await;
    assert!(about(&diagnosis, "signature").contains("bucket and key"), "{diagnosis:?}");
}

#[tokio::test]
async fn what_is_over_is_told_with_its_age() {
    let server = TestServer::start().await;
    for version in ["v4", "v1"] {
        let answer = vended(&server, version).await;
        server.advance(1000);
        let call = server.http.put(answer["url"].as_str().unwrap()).header("content-type", "image/png").body("x");
        let diagnosis = explained(call, "").await;
        assert_eq!(diagnosis.meaning.as_deref(), Some("the URL is over"));
        assert_eq!(about(&diagnosis, "expiry"), "it ended 100 s before it was used");
    }
}

#[tokio::test]
async fn a_token_that_was_decoded_on_the_way_is_named() {
    let server = TestServer::start().await;
    let answer = vended(&server, "v4").await;
    let url = answer["url"].as_str().unwrap();
    let (before, token) = url.split_once("x-oss-security-token=").unwrap();
    let (token, after) = token.split_once('&').unwrap();
    let damaged = format!("{before}x-oss-security-token=+{}&{after}", &token[3..]);
    let call = server.http.put(&damaged).header("content-type", "image/png").body("x");
    let diagnosis = explained(call, &damaged).await;
    assert_eq!(diagnosis.code, "InvalidSecurityToken");
    assert!(about(&diagnosis, "token").contains("%2B"), "{diagnosis:?}");
}

#[tokio::test]
async fn the_condition_that_a_form_breaks_is_put_in_words() {
    let server = TestServer::start().await;
    let answer = server.get("/post-signature?filename=a.txt&size=1").await.json();
    let form = |key: &str, file: &str| {
        let part = |name: &str, value: &str| {
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let fields = answer["fields"].as_object().unwrap().iter();
        let fields = fields.map(|(name, value)| part(name, if name == "key" { key } else { value.as_str().unwrap() }));
        let parts: Vec<_> = fields.chain([part("file\"; filename=\"a", file)]).collect();
        let body = parts.concat() + "--edge--\r\n";
        let call = server.http.post(answer["url"].as_str().unwrap());
        call.header("content-type", "multipart/form-data; boundary=edge").body(body)
    };
    let diagnosis = explained(form("uploads/other", "x"), "").await;
    assert!(about(&diagnosis, "policy").contains("\"key\" has to be exactly"), "{diagnosis:?}");
    let diagnosis = explained(form(answer["key"].as_str().unwrap(), "xx"), "").await;
    assert_eq!(diagnosis.code, "EntityTooLarge");
}

#[tokio::test]
async fn refusals_of_rights_and_addresses_are_known() {
    let server = TestServer::start().await;
    let oss = format!("http://{}/examplebucket", server.addresses.oss);
    let diagnosis = explained(server.http.get(format!("{oss}/uploads/none")), "").await;
    assert_eq!(diagnosis.ec.as_deref(), Some("0003-00000905"));
    let answer = server.post("/presigned-url", json!({ "key": "uploads/none", "method": "GET" })).await.json();
    let diagnosis = explained(server.http.get(answer["url"].as_str().unwrap()), "").await;
    assert_eq!(diagnosis.code, "NoSuchKey");
    let preflight = server.http.request(reqwest::Method::OPTIONS, &oss).header("origin", "https://a.example.com");
    let preflight = preflight.header("access-control-request-method", "PATCH");
    assert_eq!(explained(preflight, "").await.code, "AccessForbidden");
    let sts = server.http.get(format!("http://{}/?Action=AssumeRole&AccessKeyId=nobody", server.addresses.sts));
    let text = sts.send().await.unwrap().text().await.unwrap();
    assert_eq!(diagnose(&Answer::read(&text).unwrap(), None).service, "STS");
}
