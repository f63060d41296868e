//! What processing would read of other objects is checked as if the signer had read them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Response;

use crate::sessions::assume_role;
use crate::support::{Answer as _, Cloud, sign};

/// Reading below `u/1/` and nothing else.
const CONFINED: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:GetObject","oss:PutObject"],"Resource":"acs:oss:*:*:examplebucket/u/1/*"}]}"#;

fn encoded(text: &str) -> String {
    let literal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if literal(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

async fn cloud() -> Cloud {
    let cloud = Cloud::start().await;
    let list = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\nown.ts\n../2/secret\nhttp://elsewhere.example/a.ts\n";
    for (key, text) in
        [("u/1/own.png", "own"), ("u/1/list.m3u8", list), ("u/1/own.m3u8", "own.png\n"), ("u/2/secret", "s")]
    {
        let put = cloud.signed("PUT", &format!("examplebucket/{key}"), &[]).body(text).send().await.expect("an answer");
        assert_eq!(put.status(), 200);
    }
    let link = [("x-oss-symlink-target", "u%2F2%2Fsecret")];
    cloud.signed("PUT", "examplebucket/u/1/link?symlink", &link).send().await.expect("an answer");
    cloud
}

fn processed(key: &str, chain: &str) -> String {
    format!("examplebucket/{key}?x-oss-process={}", encoded(chain))
}

async fn as_owner(cloud: &Cloud, key: &str, chain: &str) -> Response {
    cloud.signed("GET", &processed(key, chain), &[]).send().await.expect("an answer")
}

async fn as_confined(cloud: &Cloud, key: &str, chain: &str) -> Response {
    let (session, token) = assume_role(cloud, CONFINED).await;
    let path = processed(key, chain);
    let request = cloud.anonymous("GET", &path);
    sign(&session, request, "GET", &path, &[("x-oss-security-token", &token)]).send().await.expect("an answer")
}

#[tokio::test]
async fn an_object_that_a_chain_draws_must_be_readable_by_the_signer() {
    let cloud = cloud().await;
    let key = |key: &str| URL_SAFE_NO_PAD.encode(key);
    let nested = key(&format!("u/1/own.png?x-oss-process=image/watermark,image_{}", key("u/2/secret")));
    for (chain, drawn, status) in [
        ("image/resize,w_100".to_owned(), "", 200),
        (format!("image/watermark,image_{}", key("u/1/own.png")), "u%2F1%2Fown.png", 200),
        (format!("image/watermark,image_{}", key("u/2/secret")), "u%2F2%2Fsecret", 403),
        (format!("image/resize,w_1/watermark,t_90,image_{},g_se", key("u/2/secret")), "u%2F2%2Fsecret", 403),
        (format!("image/blindwatermark,image_{}", key("u/2/secret")), "u%2F2%2Fsecret", 403),
        (format!("image/watermark,image_{}", key("u/1/link")), "u%2F1%2Flink", 403),
        (format!("image/watermark,image_{nested}"), "u%2F1%2Fown.png,u%2F2%2Fsecret", 403),
    ] {
        let answer = as_owner(&cloud, "u/1/own.png", &chain).await;
        assert_eq!((answer.status().as_u16(), answer.head("x-oss-emulator-read").as_str()), (200, drawn), "{chain}");
        assert_eq!(answer.head("x-oss-emulator-process"), "not-processed");
        assert_eq!(as_confined(&cloud, "u/1/own.png", &chain).await.status(), status, "{chain}");
    }
}

#[tokio::test]
async fn a_playlist_is_signed_for_what_the_signer_may_read() {
    let cloud = cloud().await;
    let signed = as_owner(&cloud, "u/1/list.m3u8", "hls/sign").await;
    assert_eq!(signed.head("x-oss-emulator-read"), "u%2F1%2Fkey,u%2F1%2Fown.ts,u%2F2%2Fsecret");
    assert_eq!(
        as_confined(&cloud, "u/1/list.m3u8", "hls/sign").await.refusal().await,
        (403, "AccessDenied".to_owned())
    );
    let own = as_confined(&cloud, "u/1/own.m3u8", "hls/sign,live_1").await;
    assert_eq!((own.status().as_u16(), own.head("x-oss-emulator-read")), (200, "u%2F1%2Fown.png".to_owned()));
}

#[tokio::test]
async fn a_chain_that_needs_more_than_reading_is_not_taken_for_a_read() {
    let cloud = cloud().await;
    for (chain, owner, confined) in [
        ("imm/previewdoc,copy_1", 200, 403),
        ("style/own", 200, 200),
        ("image/resize,w_1|sys/saveas,o_YQ", 501, 501),
        ("image/watermark,image_!", 400, 400),
    ] {
        assert_eq!(as_owner(&cloud, "u/1/own.png", chain).await.status(), owner, "{chain}");
        assert_eq!(as_confined(&cloud, "u/1/own.png", chain).await.status(), confined, "{chain}");
    }
    let path = "examplebucket/u/1/own.png?x-oss-process=";
    let saved = cloud.signed("POST", path, &[]).body("x-oss-process=image/resize,w_1").send().await.expect("an answer");
    assert_eq!(saved.status(), 501);
}
