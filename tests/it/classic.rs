//! The published samples' paths: what their pages send is what works.

use serde_json::Value;

use crate::forms::post;
use crate::support::{Answer, TestServer};

#[tokio::test]
async fn the_form_of_the_samples_uploads() {
    let server = TestServer::start().await;
    let answer = server.get("/get_post_signature_for_oss_upload").await.json();
    let mut names: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["dir", "host", "ossAccessKeyId", "policy", "signature"]);
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let fields = [
        ("name", "photo.png".to_owned()),
        ("policy", text("policy")),
        ("OSSAccessKeyId", text("ossAccessKeyId")),
        ("success_action_status", "200".to_owned()),
        ("signature", text("signature")),
        ("key", format!("{}photo.png", text("dir"))),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    let stored = post(&server, &text("host"), &fields, ("photo.png", "image/png", b"png")).await;
    assert_eq!(stored.status, 200, "{}", stored.text);
    assert_eq!(server.read("uploads/photo.png").await.text, "png");
}

#[tokio::test]
async fn the_url_of_the_samples_uploads_a_png() {
    let server = TestServer::start().await;
    let answer = server.get("/get_presigned_url_for_oss_upload?filename=ignored").await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let put = server.http.put(&answer.text).header("content-type", "image/png").body("png");
    assert_eq!(Answer::of(put).await.status, 200);
}

#[tokio::test]
async fn the_credentials_of_the_samples_are_those_of_sts() {
    let server = TestServer::start().await;
    let classic: Value = server.get("/get_sts_token_for_oss_upload").await.json();
    assert_eq!(classic["AccessKeyId"], server.get("/sts").await.json()["AccessKeyId"]);
}

#[tokio::test]
async fn the_paths_are_closed_unless_they_are_opened() {
    let config = oss_vend::dev::CONFIG.replace("[classic]\nenabled = true", "");
    let server = TestServer::with(&config).await;
    assert_eq!(server.get("/get_post_signature_for_oss_upload").await.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_classic_form_is_refused_where_the_grant_limits_types_that_its_page_does_not_send() {
    for types in ["content_types = [\"image/png\"]", "content_types = [\"image/png\", \"image/gif\"]"] {
        let config = oss_vend::dev::CONFIG.replacen(
            "allow_unsized_put = true",
            &format!("allow_unsized_put = true\n{types}"),
            1,
        );
        let server = TestServer::with(&config).await;
        let answer = server.get("/get_post_signature_for_oss_upload").await;
        assert_eq!(answer.problem(), (403, "content_type_not_allowed".into()), "{types}");
        assert_eq!(server.get("/get_presigned_url_for_oss_upload").await.status, 200, "a URL signs its type");
    }
}
