use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Answer as _, Cloud, element, form, options, signed_fields};

/// What PKCS#1 puts before an MD5 digest.
const MD5_PREFIX: [u8; 18] =
    [0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00, 0x04, 0x10];

type Heard = Arc<Mutex<Vec<(Uri, HeaderMap, String)>>>;

/// An application's server: what it heard, and where it is.
async fn application() -> (Heard, String) {
    let heard = Heard::default();
    let answer = async |State(heard): State<Heard>, uri: Uri, headers: HeaderMap, body: Bytes| {
        let text = String::from_utf8(body.to_vec()).expect("it is text");
        heard.lock().expect("no test panicked").push((uri.clone(), headers, text));
        match uri.path() {
            "/no" => (StatusCode::FORBIDDEN, "{}".to_owned()),
            "/html" => (StatusCode::OK, "<html>".to_owned()),
            "/moved" => (StatusCode::TEMPORARY_REDIRECT, "{}".to_owned()),
            _ => (StatusCode::OK, r#"{"Status":"Ok"}"#.to_owned()),
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let router = Router::new().fallback(answer).with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (heard, address)
}

fn encoded(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

async fn put(cloud: &Cloud, callback: &Value) -> reqwest::Response {
    let request = cloud.signed("PUT", "examplebucket/a%20b", &[("x-oss-callback", &encoded(callback))]);
    request.body("hello").send().await.expect("an answer")
}

#[tokio::test]
async fn a_put_asks_the_application_and_hands_its_answer_on() {
    let cloud = Cloud::start().await;
    let (heard, address) = application().await;
    let callback = json!({
        "callbackUrl": format!("{address}/no;{address}/a%20b?x=%20"),
        "callbackBody": "object=${object}&size=${size}&type=${mimeType}&who=${x:who}&none=${imageInfo.width}",
    });
    let variables = encoded(&json!({"x:who": "é"}));
    let callback = encoded(&callback);
    let headers =
        [("content-type", "text/plain"), ("x-oss-callback", callback.as_str()), ("x-oss-callback-var", &variables)];
    let answer = cloud.signed("PUT", "examplebucket/dir/a", &headers).body("hello").send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.head("content-type").as_str()), (200, "application/json"));
    assert_eq!(answer.head("etag"), "\"5D41402ABC4B2A76B9719D911017C592\"");
    assert_eq!(answer.text().await.expect("a body"), r#"{"Status":"Ok"}"#);

    let heard = heard.lock().expect("no test panicked").clone();
    assert_eq!(heard.iter().map(|(uri, ..)| uri.path()).collect::<Vec<_>>(), ["/no", "/a%20b"]);
    let (_, headers, body) = &heard[1];
    assert_eq!(body, "object=dir%2Fa&size=5&type=text%2Fplain&who=%C3%A9&none=");
    for (name, value) in [
        ("user-agent", "aliyun-oss-callback"),
        ("x-oss-tag", "CALLBACK"),
        ("x-oss-bucket", "examplebucket"),
        ("x-oss-signature-version", "1.0"),
        ("content-md5", &STANDARD.encode(Md5::digest(body))),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }

    // As an application verifies it: the key from the address in the header, over the decoded path, the query and the body.
    let decoded = |name: &str| STANDARD.decode(&headers[name]).expect("it is Base64");
    let key_url = String::from_utf8(decoded("x-oss-pub-key-url")).expect("it is text");
    let pem = reqwest::get(key_url).await.expect("an answer").text().await.expect("a body");
    let key = RsaPublicKey::from_public_key_pem(&pem).expect("it is a key");
    let digest = Md5::digest(format!("/a b?x=%20\n{body}"));
    let padding = Pkcs1v15Sign { hash_len: Some(16), prefix: MD5_PREFIX.into() };
    key.verify(padding, &digest, &decoded("authorization")).expect("the signature is right");
}

#[tokio::test]
async fn a_callback_that_fails_is_told_and_the_object_stays() {
    let cloud = Cloud::start().await;
    let (_, address) = application().await;
    for (url, message) in [
        (format!("{address}/no"), "Error status : 403."),
        (format!("{address}/html"), "not valid json"),
        (format!("{address}/moved"), "Error status : 307."),
        ("http://0.0.0.0/".to_owned(), "only this machine"),
        ("http://localhost.example/".to_owned(), "only this machine"),
        ("http://127.0.0.1:1/".to_owned(), "The call failed"),
        ("http://198.51.100.1/".to_owned(), "only this machine"),
    ] {
        let answer = put(&cloud, &json!({"callbackUrl": url, "callbackBody": "a"})).await;
        assert_eq!(answer.status(), 203, "{url}");
        let document = answer.text().await.expect("a body");
        assert_eq!(element(&document, "Code"), "CallbackFailed", "{url}");
        assert!(element(&document, "Message").contains(message), "{url}: {document}");
        let read = cloud.signed("GET", "examplebucket/a%20b", &[]).send().await.expect("an answer");
        assert_eq!(read.text().await.expect("a body"), "hello");
    }
}

#[tokio::test]
async fn a_form_and_a_completion_call_back_as_well() {
    let cloud = Cloud::start().await;
    let (heard, address) = application().await;
    let callback = json!({
        "callbackUrl": address,
        "callbackBody": "{\"o\":${object},\"s\":${size},\"w\":${x:who},\"op\":${operation}}",
        "callbackBodyType": "application/json",
    });
    let callback = encoded(&callback);
    let mut fields =
        signed_fields(r#",["starts-with","$key",""],["starts-with","$callback",""],["starts-with","$x:who",""]"#);
    fields.extend([("key", "a".to_owned()), ("callback", callback.clone()), ("x:who", "me".to_owned())]);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let posted = form(cloud.anonymous("POST", "examplebucket/"), &fields, b"123").send().await.expect("an answer");
    assert_eq!((posted.status().as_u16(), posted.text().await.expect("a body").as_str()), (200, r#"{"Status":"Ok"}"#));

    let begun = cloud.signed("POST", "examplebucket/b?uploads", &[]).send().await.expect("an answer");
    let upload = element(&begun.text().await.expect("a body"), "UploadId");
    let part = format!("examplebucket/b?partNumber=1&uploadId={upload}");
    cloud.signed("PUT", &part, &[]).body("1234").send().await.expect("an answer");
    let whole = format!("examplebucket/b?uploadId={upload}");
    let headers = [("x-oss-callback", callback.as_str()), ("x-oss-complete-all", "yes")];
    let completed = cloud.signed("POST", &whole, &headers).send().await.expect("an answer");
    assert_eq!(completed.text().await.expect("a body"), r#"{"Status":"Ok"}"#);

    let heard = heard.lock().expect("no test panicked");
    assert_eq!(heard[0].2, r#"{"o":"a","s":3,"w":"me","op":"PostObject"}"#);
    assert_eq!(heard[1].2, r#"{"o":"b","s":4,"w":"","op":"CompleteMultipartUpload"}"#);
}

#[tokio::test]
async fn a_callback_goes_to_this_machine_under_a_name_of_this_machine() {
    let cloud = Cloud::start().await;
    let (heard, address) = application().await;
    let port = address.rsplit_once(':').expect("it has a port").1;
    for (url, host, status) in [
        // No DNS is asked for a name below localhost.
        (format!("http://anything.localhost:{port}/"), None, 200),
        (address.clone(), Some("localhost"), 200),
        (address.clone(), Some("app.localhost:8080"), 200),
        (address.clone(), Some("internal.example"), 203),
        (address.clone(), Some("localhost.internal.example"), 203),
        (address.clone(), Some("10.0.0.1"), 203),
    ] {
        let answer = put(&cloud, &json!({"callbackUrl": url, "callbackHost": host, "callbackBody": "a"})).await;
        assert_eq!(answer.status(), status, "{url} {host:?}");
    }
    let hosts: Vec<_> =
        heard.lock().expect("no test panicked").iter().map(|(_, headers, _)| headers["host"].clone()).collect();
    assert_eq!(hosts, [&format!("anything.localhost:{port}"), "localhost", "app.localhost:8080"]);
    for url in [format!("http://127.0.0.1:{port}@198.51.100.1/"), format!("http://user@127.0.0.1:{port}/")] {
        let refused = put(&cloud, &json!({"callbackUrl": url, "callbackBody": "a"})).await;
        assert_eq!(refused.refusal().await, (400, "InvalidArgument".to_owned()), "{url}");
    }
    assert_eq!(heard.lock().expect("no test panicked").len(), 3);
}

#[tokio::test]
async fn a_page_of_another_origin_orders_no_callback_and_stores_nothing() {
    let mut options = options();
    options.page_address = Some("127.0.0.1:8000".parse().expect("an address"));
    options.page_origins = vec!["https://app.example.com".to_owned()];
    let cloud = Cloud::with(options).await;
    let (heard, address) = application().await;
    let callback = encoded(&json!({"callbackUrl": address, "callbackBody": "a"}));
    for (origin, taken) in [
        ("http://127.0.0.1:8000", true),
        ("http://localhost:8000", true),
        ("https://app.example.com", true),
        ("http://evil.example", false),
        ("http://127.0.0.1:5173", false),
        ("null", false),
        // Any page can upload a page to the emulator.
        (&format!("http://{}", cloud.address), false),
    ] {
        let before = heard.lock().expect("no test panicked").len();
        let by_header = cloud.signed("PUT", "examplebucket/header", &[("x-oss-callback", &callback)]).body("x");
        let query = format!(
            "examplebucket/query?callback={}",
            callback.replace('=', "%3D").replace('+', "%2B").replace('/', "%2F")
        );
        let by_query = cloud.signed("PUT", &query, &[]).body("x");
        let fields = [("key", "form"), ("callback", callback.as_str())];
        let signed = signed_fields("");
        let fields: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).chain(fields).collect();
        let by_form = form(cloud.anonymous("POST", "examplebucket/"), &fields, b"x");
        for (key, request) in [("header", by_header), ("query", by_query), ("form", by_form)] {
            let answer = request.header("origin", origin).send().await.expect("an answer");
            let status = answer.status();
            let text = answer.text().await.expect("a body");
            assert_eq!(status, if taken { 200 } else { 403 }, "{key} {origin}");
            assert!(taken || element(&text, "Message").contains("--callback-origin"), "{text}");
            let path = format!("examplebucket/{key}");
            let stored = cloud.signed("DELETE", &path, &[]).send().await.expect("an answer");
            assert_eq!(stored.status(), 204);
        }
        assert_eq!(heard.lock().expect("no test panicked").len(), before + if taken { 3 } else { 0 }, "{origin}");
    }
    // Without a callback the page uploads as before.
    let plain = cloud.signed("PUT", "examplebucket/a", &[]).body("x").header("origin", "http://evil.example");
    assert_eq!(plain.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_page_of_another_origin_completes_no_upload_with_a_callback() {
    let cloud = Cloud::start().await;
    let (heard, address) = application().await;
    let begun = cloud.signed("POST", "examplebucket/b?uploads", &[]).send().await.expect("an answer");
    let upload = element(&begun.text().await.expect("a body"), "UploadId");
    let part = format!("examplebucket/b?partNumber=1&uploadId={upload}");
    cloud.signed("PUT", &part, &[]).body("1234").send().await.expect("an answer");
    let callback = encoded(&json!({"callbackUrl": address, "callbackBody": "a"}));
    let headers = [("x-oss-callback", callback.as_str()), ("x-oss-complete-all", "yes")];
    let complete = || cloud.signed("POST", &format!("examplebucket/b?uploadId={upload}"), &headers);
    for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let refused = complete().header(name, value).send().await.expect("an answer");
        assert_eq!(refused.refusal().await, (403, "AccessDenied".to_owned()), "{name}");
    }
    let read = cloud.signed("GET", "examplebucket/b", &[]).send().await.expect("an answer");
    assert_eq!(read.status(), 404);
    assert_eq!(complete().send().await.expect("an answer").status(), 200);
    assert_eq!(heard.lock().expect("no test panicked").len(), 1);
}

#[tokio::test]
async fn a_callback_turns_no_knob() {
    let cloud = Cloud::start().await;
    let url = format!("http://{}/-/emulator/reset", cloud.address);
    cloud.emulator.knobs().clock_offset(chrono::TimeDelta::seconds(7));
    let answer = put(&cloud, &json!({"callbackUrl": url, "callbackBody": "a"})).await;
    assert_eq!(element(&answer.text().await.expect("a body"), "Message"), "Error status : 403.");
    let state = reqwest::get(format!("http://{}/-/emulator", cloud.address)).await.expect("an answer");
    assert!(state.text().await.expect("a body").contains("\"clockOffsetSeconds\":7"));
}
