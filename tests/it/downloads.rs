//! What a URL for a download may say: processing, types, and what signature version v1 cannot tell apart.

use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

/// The base64url of `private/another.png`.
const ANOTHER: &str = "cHJpdmF0ZS9hbm90aGVyLnBuZw";

/// The configuration of `dev` with these lines in the grant `default`.
fn config(more: &str) -> String {
    oss_vend::dev::CONFIG.replacen("dir = \"uploads/\"\n", &format!("dir = \"uploads/\"\n{more}\n"), 1)
}

async fn get(server: &TestServer, more: Value) -> Answer {
    let mut ask = json!({ "key": "uploads/a.png", "method": "GET" });
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post("/presigned-url", ask).await
}

#[tokio::test]
async fn processing_that_reads_another_object_is_refused_however_it_is_sent() {
    let server = TestServer::start().await;
    let refused = (403, "process_not_allowed".to_owned());
    for process in [
        "hls/sign".to_owned(),
        "image/resize,w_1/hls/sign".to_owned(),
        "image/resize,w_1|hls/sign".to_owned(),
        format!("image/watermark,image_{ANOTHER}"),
        format!("image/watermark,text_YQ,image_{ANOTHER}"),
        format!("image/resize,w_1/watermark,image_{ANOTHER}"),
        format!("image/blindwatermark,image_{ANOTHER}"),
        format!("image/info|sys/saveas,o_{ANOTHER}"),
        "imm/detectface".to_owned(),
        "style/thumbnail".to_owned(),
        "video/snapshot,t_0".to_owned(),
        "IMAGE/info".to_owned(),
        "image/".to_owned(),
        "image/info ".to_owned(),
    ] {
        let answer = get(&server, json!({ "process": process })).await;
        assert_eq!(answer.problem(), refused, "{process}");
        let pair = url::form_urlencoded::Serializer::new(String::new()).append_pair("process", &process).finish();
        let answer = server.get(&format!("/presigned-url?method=GET&key=uploads/a.png&{pair}")).await;
        assert_eq!(answer.problem(), refused, "{process}");
        let item = json!({ "items": [{ "key": "uploads/a.png", "method": "GET", "process": process }] });
        let batch = server.post("/presigned-url", item).await.json();
        assert_eq!(batch["items"][0]["problem"]["code"], "process_not_allowed", "{process}");
    }
    let twice = "/presigned-url?method=GET&key=uploads/a.png&process=image/info&process=hls/sign";
    assert_eq!(server.get(twice).await.problem(), (400, "duplicate_parameter".into()));
    let encoded = get(&server, json!({ "process": "image%2Fresize%2Cw_1%7Chls%2Fsign" })).await;
    assert_eq!(encoded.problem(), refused);
}

#[tokio::test]
async fn processing_that_the_grant_lists_is_signed() {
    let listed = config("process.allow = [\"image/resize\", \"style/thumbnail\", \"video/snapshot\"]");
    let server = TestServer::with(&listed).await;
    for process in ["image/resize,w_200", "style/thumbnail", "video/snapshot,t_7000,f_jpg,w_800,h_600,m_fast"] {
        let url = get(&server, json!({ "process": process })).await.json()["url"].as_str().unwrap().to_owned();
        let signed: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("x", process).finish();
        assert!(url.contains(&format!("x-oss-process={}", &signed[2..])), "{url}");
    }
    let refused = get(&server, json!({ "process": "image/info" })).await;
    assert_eq!(refused.problem(), (403, "process_not_allowed".into()));
    assert!(refused.text.contains("[grants.<name>.process]"), "{}", refused.text);
}

#[tokio::test]
async fn no_download_runs_in_a_browser_unless_the_grant_lists_its_type() {
    let server = TestServer::start().await;
    let refused = (403, "content_type_not_allowed".to_owned());
    for kind in
        ["text/html", "TEXT/HTML", "image/svg+xml", "text/html; charset=utf-8", "application/xml", "text/javascript"]
    {
        assert_eq!(get(&server, json!({ "responseContentType": kind })).await.problem(), refused, "{kind}");
        for disposition in
            ["inline", "attachment,inline", "attachments", " attachment", "inline; filename=\"attachment\""]
        {
            let ask = json!({ "responseContentType": kind, "responseContentDisposition": disposition });
            assert_eq!(get(&server, ask).await.problem(), refused, "{kind} {disposition}");
        }
        let saved = json!({ "responseContentType": kind, "responseContentDisposition": "attachment; filename=\"a\"" });
        get(&server, saved).await.json();
    }
    get(&server, json!({ "responseContentType": "image/png" })).await.json();
    let several = get(&server, json!({ "responseContentType": "image/png,text/html" })).await;
    assert_eq!(several.problem(), (400, "invalid_parameter".into()));
    let parameter = get(&server, json!({ "responseContentType": "image/png;a=b,text/html" })).await;
    assert_eq!(parameter.problem(), refused);

    let listed = TestServer::with(&config("content_types = [\"image/png\", \"text/html\"]")).await;
    get(&listed, json!({ "responseContentType": "text/html" })).await.json();
    for kind in ["image/jpeg", "text/html;charset=utf-8", "application/octet-stream"] {
        assert_eq!(get(&listed, json!({ "responseContentType": kind })).await.problem(), refused, "{kind}");
    }
}

#[tokio::test]
async fn a_download_does_not_undo_the_attachment_that_the_grant_fixes() {
    let config = config("object.content_disposition = \"attachment\"").replacen(
        "[classic]\nenabled = true",
        "[classic]\nenabled = false",
        1,
    );
    let server = TestServer::with(&config).await;
    for disposition in ["inline", "inline; filename=a", "attachment,inline", "x"] {
        let answer = get(&server, json!({ "responseContentDisposition": disposition })).await;
        assert_eq!(answer.problem(), (400, "invalid_parameter".into()), "{disposition}");
    }
    get(&server, json!({ "responseContentDisposition": "attachment; filename=\"a.png\"" })).await.json();
}

#[tokio::test]
async fn signature_v1_signs_nothing_that_reads_as_another_request() {
    let server = TestServer::start().await;
    let ambiguous = (400, "invalid_parameter".to_owned());
    for key in ["uploads/a.png?acl", "uploads/a.png?x-oss-process=hls/sign", "uploads/?a", "uploads/a?"] {
        for method in ["PUT", "GET", "HEAD"] {
            let ask = json!({ "key": key, "method": method, "signatureVersion": "v1" });
            assert_eq!(server.post("/presigned-url", ask).await.problem(), ambiguous, "{method} {key}");
        }
        let ask = json!({ "key": key, "method": "GET" });
        server.post("/presigned-url", ask).await.json();
    }
    let smuggled = "attachment&x-oss-process=image/watermark,image_YQ";
    for (name, value) in [("responseContentDisposition", smuggled), ("versionId", "x&x-oss-process=hls/sign")] {
        let ask = json!({ name: value, "signatureVersion": "v1" });
        assert_eq!(get(&server, ask).await.problem(), ambiguous, "{name}");
        get(&server, json!({ name: value })).await.json();
    }
    let mut ask = json!({ "responseContentType": "text/plain&versionId", "responseContentDisposition": "attachment" });
    get(&server, ask.clone()).await.json();
    ask["signatureVersion"] = "v1".into();
    assert_eq!(get(&server, ask).await.problem(), ambiguous);
}
