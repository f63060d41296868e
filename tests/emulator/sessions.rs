use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use oss_vend::emulator::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_ROLE_ARN};
use serde_json::Value;
use sha1::Sha1;

use crate::support::{Answer as _, Cloud, Key, sign};

/// The session's policy: writing below `u1/` and nothing else.
pub(crate) const POLICY: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:PutObject","Resource":"acs:oss:*:*:examplebucket/u1/*"}]}"#;

/// A temporary key of a session with that policy, and its token, by an RPC call signed with HMAC-SHA1.
pub(crate) async fn assume_role(cloud: &Cloud, policy: &str) -> (Key, String) {
    let nonce = cloud.emulator.knobs().count("AssumeRole").to_string();
    let mut parameters = [
        ("AccessKeyId", DEV_ACCESS_KEY_ID),
        ("Action", "AssumeRole"),
        ("Format", "JSON"),
        ("Policy", policy),
        ("RoleArn", DEV_ROLE_ARN),
        ("RoleSessionName", "u1"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", nonce.as_str()),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2025-02-14T08:09:10Z"),
        ("Version", "2015-04-01"),
    ]
    .map(|(name, value)| format!("{name}={}", encoded(value)));
    parameters.sort_unstable();
    let query = parameters.join("&");
    let mut mac =
        Hmac::<Sha1>::new_from_slice(format!("{DEV_ACCESS_KEY_SECRET}&").as_bytes()).expect("a key of any length");
    mac.update(format!("GET&%2F&{}", encoded(&query)).as_bytes());
    let signature = encoded(&STANDARD.encode(mac.finalize().into_bytes()));
    let url = format!("http://{}/?{query}&Signature={signature}", cloud.sts);
    let answer = reqwest::get(url).await.expect("an answer").text().await.expect("a body");
    let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
    let text = |name: &str| answer["Credentials"][name].as_str().expect("it is there").to_owned();
    (Key { id: text("AccessKeyId"), secret: text("AccessKeySecret") }, text("SecurityToken"))
}

fn encoded(text: &str) -> String {
    let literal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes()
        .map(|byte| if literal(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[tokio::test]
async fn a_session_may_do_what_its_policy_says_until_it_ends() {
    let cloud = Cloud::start().await;
    let (key, token) = assume_role(&cloud, POLICY).await;
    let put = |path: &'static str, token: &str| {
        let request = cloud.anonymous("PUT", path).body("x");
        sign(&key, request, "PUT", path, &[("x-oss-security-token", token)]).send()
    };
    assert_eq!(put("examplebucket/u1/a", &token).await.expect("an answer").status(), 200);
    let beside = put("examplebucket/u2/a", &token).await.expect("an answer");
    assert_eq!(beside.head("x-oss-ec"), "0003-00000301");
    assert_eq!(beside.refusal().await, (403, "AccessDenied".to_owned()));
    assert_eq!(put("examplebucket/u1/a", "CAISnone").await.expect("an answer").status(), 403);
    cloud.emulator.knobs().expire_token(&key.id);
    let ended = put("examplebucket/u1/a", &token).await.expect("an answer");
    assert_eq!(ended.refusal().await, (403, "SecurityTokenExpired".to_owned()));
    let calls = cloud.emulator.knobs().calls();
    assert_eq!(calls[1].access_key_id.as_deref(), Some(key.id.as_str()));
}
