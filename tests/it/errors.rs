//! Bad input: each gets its status, a stable code and a hint.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, TestServer};

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = TestServer::start().await;
    let long = format!("/presigned-url?key=uploads/{}", "x".repeat(1016));
    let cases = [
        ("/sts?grant=nope", 404, "unknown_grant"),
        ("/sts?grant=default&grant=avatars", 400, "duplicate_parameter"),
        ("/sts?grnt=default", 400, "unknown_parameter"),
        ("/sts?duration=899", 400, "invalid_parameter"),
        ("/sts?duration=1h", 400, "invalid_parameter"),
        ("/sts?minRemaining=-1", 400, "invalid_parameter"),
        ("/sts?minRemaining=43201", 400, "invalid_parameter"),
        ("/presigned-url", 400, "missing_parameter"),
        ("/presigned-url?key=", 400, "invalid_key"),
        ("/presigned-url?key=other/a", 403, "key_outside_directory"),
        ("/presigned-url?key=uploads", 403, "key_outside_directory"),
        ("/presigned-url?key=uploads/../a", 400, "invalid_key"),
        ("/presigned-url?key=uploads/%2E%2E/a", 400, "invalid_key"),
        ("/presigned-url?key=/uploads/a", 400, "invalid_key"),
        ("/presigned-url?key=uploads/a%00", 400, "invalid_key"),
        ("/presigned-url?key=uploads/a%0Ab", 400, "invalid_key"),
        ("/presigned-url?key=uploads/%FF", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/${a}", 400, "invalid_key"),
        ("/presigned-url?key=uploads/a&filename=b", 400, "invalid_parameter"),
        (&long, 400, "invalid_key"),
        ("/presigned-url?key=uploads/a&method=PATCH", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&expires=0", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&expires=-5", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&expires=604801", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&expires=99999999999999999999", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&expires=soon", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&expires=", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&size=1048576001", 403, "size_not_allowed"),
        ("/presigned-url?key=uploads/a&forbidOverwrite=yes", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&signatureVersion=v2", 400, "invalid_parameter"),
        ("/presigned-url?key=uploads/a&contentType=png", 400, "invalid_parameter"),
        ("/post-signature?key=other/a", 403, "key_outside_directory"),
        ("/post-signature?size=1048576001", 403, "size_not_allowed"),
        ("/post-signature?expires=0", 400, "invalid_parameter"),
        ("/nothing", 404, "not_found"),
    ];
    for (path, status, code) in cases {
        assert_eq!(server.get(path).await.problem(), (status, code.to_owned()), "{path}");
    }
    assert_eq!(server.knobs().count("AssumeRole"), 0, "a request that is refused costs no call of STS");
}

#[tokio::test]
async fn what_a_grant_limits_is_refused_with_what_it_allows() {
    let server = TestServer::start().await;
    for (path, status, code) in [
        ("/presigned-url?grant=avatars&filename=a.html&size=1", 403, "content_type_not_allowed"),
        ("/presigned-url?grant=avatars&filename=a.png&contentType=text/html&size=1", 403, "content_type_not_allowed"),
        ("/presigned-url?grant=avatars&filename=a.png", 400, "missing_parameter"),
        ("/presigned-url?grant=avatars&filename=a.png&size=5242881", 403, "size_not_allowed"),
        ("/presigned-url?grant=avatars&key=avatars/bob/a.png&size=1", 403, "key_outside_directory"),
        ("/post-signature?grant=avatars", 400, "missing_parameter"),
        ("/post-signature?grant=avatars&filename=a.png&signatureVersion=v1", 403, "signature_version_not_granted"),
    ] {
        assert_eq!(server.get_as("ovk_dev_alice", path).await.problem(), (status, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let server = TestServer::start().await;
    for (body, code) in [
        ("{", "invalid_json"),
        ("[]", "invalid_json"),
        ("\"key\"", "invalid_json"),
        ("{\"key\":1}", "invalid_parameter"),
        ("{\"key\":\"uploads/a\",\"expires\":\"60\"}", "invalid_parameter"),
        ("{\"key\":\"uploads/a\",\"expires\":1.5}", "invalid_parameter"),
        ("{\"key\":\"uploads/a\",\"expires\":-1}", "invalid_parameter"),
        ("{\"key\":\"uploads/a\",\"key\":\"uploads/b\"}", "duplicate_parameter"),
        ("{\"kye\":\"uploads/a\"}", "unknown_parameter"),
        ("{\"items\":{}}", "invalid_parameter"),
        ("{\"items\":[]}", "invalid_parameter"),
        ("{\"items\":[{\"key\":\"uploads/a\"}],\"expires\":60}", "invalid_parameter"),
    ] {
        assert_eq!(server.post("/presigned-url", body).await.problem(), (400, code.to_owned()), "{body}");
    }
    let twice = server.post("/presigned-url?key=uploads/a", json!({ "key": "uploads/a" })).await;
    assert_eq!(twice.problem(), (400, "duplicate_parameter".into()));
    let large = server.post("/presigned-url", format!("{{\"key\":\"{}\"}}", "x".repeat(64 * 1024))).await;
    assert_eq!(large.problem(), (413, "body_too_large".into()));
    let form =
        server.request(Method::POST, "/sts").header("content-type", "application/x-www-form-urlencoded").body("a=b");
    assert_eq!(Answer::of(form).await.problem(), (415, "unsupported_media_type".into()));
    assert_eq!(Answer::of(server.request(Method::PUT, "/sts")).await.problem(), (405, "method_not_allowed".into()));
}

#[tokio::test]
async fn a_wrong_proof_is_refused_and_never_anonymous() {
    let server = TestServer::start().await;
    for (proof, error) in [
        ("Bearer ovk_wrong", "invalid_token"),
        ("Basic YTpi", "invalid_request"),
        ("Bearer", "invalid_request"),
        ("ovk_dev_alice", "invalid_request"),
    ] {
        let answer = Answer::of(server.request(Method::GET, "/sts").header("authorization", proof)).await;
        assert_eq!(answer.problem(), (401, "invalid_proof".into()), "{proof}");
        let challenge = format!("Bearer realm=\"oss-vend\", error=\"{error}\"");
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    let twice =
        server.request(Method::GET, "/sts").bearer_auth("ovk_dev_alice").header("authorization", "Bearer ovk_dev_bob");
    assert_eq!(Answer::of(twice).await.problem(), (400, "duplicate_header".into()));
}

#[tokio::test]
async fn without_a_proof_nobody_is_served_where_callers_have_to_be_known() {
    let config = oss_vend::dev::CONFIG.replace("anonymous = true", "anonymous = false");
    let server = TestServer::with(&config).await;
    assert_eq!(server.get("/sts").await.problem(), (401, "authentication_required".into()));
    server.get_as("ovk_dev_alice", "/sts").await.json();
}

#[tokio::test]
async fn a_plain_request_id_is_kept_and_any_other_replaced() {
    let server = TestServer::start().await;
    for (given, kept) in [("abc-1.2_3", true), ("a b", false), (&"x".repeat(65), false), ("", false)] {
        let answer = Answer::of(server.request(Method::GET, "/sts?x=1").header("x-request-id", given)).await;
        assert_eq!(answer.header("x-request-id") == given, kept, "{given:?}");
        answer.problem();
    }
}
