//! A form sends every field that its policy names: OSS refuses a condition on a field that is not sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::TestServer;

/// The fields that the conditions of a policy name, in lower case.
fn named(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_slice(&STANDARD.decode(policy).unwrap()).unwrap();
    let conditions = policy["conditions"].as_array().unwrap().iter();
    let names = conditions.filter_map(|condition| match condition {
        Value::Object(pair) => pair.keys().next().cloned(),
        Value::Array(list) => list[1].as_str().and_then(|name| name.strip_prefix('$')).map(str::to_owned),
        _ => panic!("{condition} is no condition"),
    });
    names.map(|name| name.to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn a_form_sends_every_field_that_its_policy_names() {
    let limited = "allow_unsized_put = true\ncontent_types = [\"image/png\", \"image/gif\"]";
    let limited = oss_vend::dev::CONFIG.replacen("allow_unsized_put = true", limited, 1);
    for config in [oss_vend::dev::CONFIG.to_owned(), limited] {
        let server = TestServer::with(&config).await;
        for query in [
            "",
            "?filename=a.png",
            "?key=uploads/a.png&contentType=image/png",
            "?key=uploads/a.png&contentType=image/png&size=3&expires=60",
            "?contentType=image/gif&signatureVersion=v4",
            "?contentType=image/gif&signatureVersion=v1",
        ] {
            let answer = server.get(&format!("/post-signature{query}")).await.json();
            let fields: Vec<_> =
                answer["fields"].as_object().unwrap().keys().map(|name| name.to_ascii_lowercase()).collect();
            for name in named(answer["policy"].as_str().unwrap()) {
                assert!(name == "bucket" || fields.contains(&name), "{query}: {name} is not among {fields:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_classic_form_names_no_field_that_the_sample_pages_do_not_send() {
    let server = TestServer::start().await;
    let answer = server.get("/get_post_signature_for_oss_upload").await.json();
    let sent = ["bucket", "key", "policy", "ossaccesskeyid", "success_action_status", "signature"];
    for name in named(answer["policy"].as_str().unwrap()) {
        assert!(sent.contains(&name.as_str()), "{name}");
    }
}
