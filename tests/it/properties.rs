//! What holds for every key, type and size: what we sign, the emulator's verifier takes, and nothing else.

use proptest::prelude::*;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::forms::submit;
use crate::support::TestServer;

/// Keys that are taken, with all that is awkward in URLs, forms and XML.
fn name() -> impl Strategy<Value = String> {
    let awkward =
        prop_oneof!["[ +%&='\"<>#;:@,!~()$*?\\[\\]{}|^`\\\\]", "[a-z0-9._-]", "[一-龥]", "[😀-😎]", "[àéîõü]"];
    proptest::collection::vec(awkward, 1..40)
        .prop_map(|parts| parts.concat())
        .prop_filter("a key that is no trap", |name| {
            !name.contains("${") && !name.split('/').any(|segment| segment == "." || segment == "..")
        })
}

async fn put(http: &Client, signed: &Value, body: &str) -> u16 {
    // An empty body has no length of its own in reqwest, and OSS wants one.
    let length = body.len();
    let mut request = http.put(signed["url"].as_str().unwrap()).header("content-length", length).body(body.to_owned());
    for (name, value) in signed["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.send().await.unwrap().status().as_u16()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_is_taken_and_read_back(
        name in name(),
        content_type in "(text|image|application)/[a-z0-9.+-]{1,20}(; ?charset=[a-z0-9-]{1,8})?",
        body in "[ -~]{0,64}",
        version in prop_oneof!["v4", "v1"],
    ) {
        Runtime::new().unwrap().block_on(async {
            let server = TestServer::start().await;
            let key = format!("uploads/{name}");
            let ask = json!({ "key": key, "contentType": content_type, "signatureVersion": version });
            let signed = server.post("/presigned-url", ask).await;
            if version == "v1" && name.contains('?') {
                assert_eq!(signed.problem(), (400, "invalid_parameter".into()), "{key}");
                return;
            }
            let signed = signed.json();
            assert_eq!(put(&server.http, &signed, &body).await, 200, "{key}");
            assert_eq!(server.read(&key).await.text, body);
        });
    }

    #[test]
    fn a_form_for_any_key_is_taken_and_read_back(name in name(), version in prop_oneof!["v4", "v1"]) {
        Runtime::new().unwrap().block_on(async {
            let server = TestServer::start().await;
            let key = format!("uploads/{name}");
            let form = server.post("/post-signature", json!({ "key": key, "signatureVersion": version })).await.json();
            let stored = submit(&server, &form, &[], ("a", "text/plain", b"form")).await;
            assert_eq!(stored.status, 200, "{key}: {}", stored.text);
            assert_eq!(server.read(&key).await.text, "form");
        });
    }

    #[test]
    fn another_key_type_or_size_is_refused(name in name(), other in name(), body in "[a-z]{1,16}") {
        prop_assume!(name != other);
        Runtime::new().unwrap().block_on(async {
            let server = TestServer::start().await;
            let sign = async |name: &str| {
                let ask = json!({ "key": format!("uploads/{name}"), "contentType": "text/plain", "size": body.len() });
                server.post("/presigned-url", ask).await.json()
            };
            let (signed, another) = (sign(&name).await, sign(&other).await);
            let path = |url: &Value| url.as_str().unwrap().split_once('?').unwrap().0.to_owned();
            let mut moved = signed.clone();
            moved["url"] = signed["url"].as_str().unwrap().replacen(&path(&signed["url"]), &path(&another["url"]), 1).into();
            assert_eq!(put(&server.http, &moved, &body).await, 403);
            let mut retyped = signed.clone();
            retyped["headers"]["Content-Type"] = "text/html".into();
            assert_eq!(put(&server.http, &retyped, &body).await, 403);
            assert_eq!(put(&server.http, &signed, &format!("{body}x")).await, 403);
            assert_eq!(put(&server.http, &signed, &body).await, 200);
        });
    }
}
