use crate::support::{Answer as _, Cloud, element, form, signed_fields};

/// Posts a signed form to the private bucket; status and `Code`.
async fn post(cloud: &Cloud, conditions: &str, fields: &[(&str, &str)], file: &[u8]) -> (u16, String) {
    let signed = signed_fields(conditions);
    let fields: Vec<_> =
        signed.iter().map(|(name, value)| (*name, value.as_str())).chain(fields.iter().copied()).collect();
    form(cloud.anonymous("POST", "examplebucket/"), &fields, file).send().await.expect("an answer").refusal().await
}

#[tokio::test]
async fn a_form_stores_its_file_under_its_key() {
    let cloud = Cloud::start().await;
    let fields = [("Key", "up/${filename}"), ("success_action_status", "201"), ("x-oss-meta-a", "b")];
    let answer = form(cloud.anonymous("POST", "openbucket"), &fields, b"bytes").send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    let document = answer.text().await.expect("a body");
    assert_eq!(element(&document, "Key"), "up/photo 1.png");
    let location = format!("http://{}/openbucket/up/photo%201.png", cloud.address);
    assert_eq!(element(&document, "Location"), location);
    let stored = cloud.anonymous("GET", "openbucket/up/photo%201.png").send().await.expect("an answer");
    assert_eq!((stored.head("content-type").as_str(), stored.head("x-oss-meta-a").as_str()), ("image/png", "b"));
    assert_eq!(stored.text().await.expect("a body"), "bytes");
    assert_eq!(cloud.emulator.knobs().calls()[0].key.as_deref(), Some("up/photo 1.png"));
}

#[tokio::test]
async fn a_form_says_how_it_wants_to_be_answered() {
    let cloud = Cloud::start().await;
    for (field, value, expected) in [
        ("success_action_status", "200", 200),
        ("success_action_status", "404", 204),
        ("x-oss-content-type", "text/plain", 204),
        ("success_action_redirect", "relative", 303),
    ] {
        let raw = format!(
            "--x\r\nContent-Disposition: form-data; name=key\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; \
             name={field}\r\n\r\n{value}\r\n--x\r\nContent-Disposition: form-data; name=file\r\n\r\nf\r\n--x--\r\n"
        );
        let head = "POST /openbucket/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
        let head =
            format!("{head}Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n", raw.len());
        let answer = cloud.raw((head + &raw).as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{field} {value}: {answer}");
        assert!(answer.contains("etag: \""), "{answer}");
    }
    let typed = cloud.anonymous("GET", "openbucket/a").send().await.expect("an answer");
    assert_eq!(typed.head("content-type"), "application/octet-stream", "the last form named none");
}

#[tokio::test]
async fn a_signed_form_is_held_to_its_policy() {
    let cloud = Cloud::start().await;
    let sizes = r#",["content-length-range",2,4],["eq","$key","a"]"#;
    for (fields, file, expected) in [
        (&[("key", "a")][..], &b"123"[..], (204, "")),
        (&[("key", "b")], b"123", (403, "AccessDenied")),
        (&[("key", "a")], b"12345", (400, "EntityTooLarge")),
        (&[("key", "a")], b"1", (400, "EntityTooSmall")),
        (&[("key", "a"), ("x-oss-forbid-overwrite", "true")], b"123", (409, "FileAlreadyExists")),
        (&[("key", "a"), ("callback", "e30=")], b"123", (400, "InvalidArgument")),
        (&[("key", "a"), ("x-oss-object-acl", "open")], b"123", (400, "InvalidArgument")),
        (&[("key", "/a")], b"123", (400, "InvalidObjectName")),
        (&[("key", "a"), ("Key", "a")], b"123", (400, "InvalidArgument")),
        (&[], b"123", (400, "InvalidArgument")),
        (&[("key", "a"), ("x-oss-signature", "0")], b"123", (400, "InvalidArgument")),
    ] {
        let (status, code) = post(&cloud, sizes, fields, file).await;
        assert_eq!((status, code.as_str()), expected, "{fields:?} {}", file.len());
    }
    let stored = cloud.signed("GET", "examplebucket/a", &[]).send().await.expect("an answer");
    assert_eq!(stored.text().await.expect("a body"), "123");
}

#[tokio::test]
async fn an_unsigned_form_cannot_write_to_a_private_bucket() {
    let cloud = Cloud::start().await;
    let answer = form(cloud.anonymous("POST", "examplebucket"), &[("key", "a")], b"x").send().await.expect("an answer");
    assert_eq!(answer.refusal().await, (403, "AccessDenied".to_owned()));
    let json = cloud.anonymous("POST", "openbucket").body("{}").send().await.expect("an answer");
    assert_eq!(json.refusal().await, (400, "RequestIsNotMultiPartContent".to_owned()));
}

#[tokio::test]
async fn a_large_refused_form_still_gets_its_answer() {
    let cloud = Cloud::start().await;
    let file = vec![0; 4 * 1024 * 1024];
    let (status, code) = post(&cloud, r#",["content-length-range",0,10]"#, &[("key", "a")], &file).await;
    assert_eq!((status, code.as_str()), (400, "EntityTooLarge"));
}

#[tokio::test]
async fn a_condition_on_a_field_that_is_not_sent_fails_whatever_it_is() {
    let cloud = Cloud::start().await;
    for condition in [
        r#"["eq","$cache-control",""]"#,
        r#"{"x-oss-content-type":"image/png"}"#,
        r#"["starts-with","$x-oss-meta-a",""]"#,
        r#"["in","$content-type",["image/png"]]"#,
        r#"["not-in","$x-oss-object-acl",["public-read"]]"#,
        r#"["starts-with","$callback",""]"#,
    ] {
        // The file part has a type of its own, which is no field.
        assert_eq!(
            post(&cloud, &format!(",{condition}"), &[("key", "a")], b"x").await,
            (403, "AccessDenied".to_owned())
        );
    }
    let sent =
        post(&cloud, r#",["starts-with","$x-oss-meta-a",""]"#, &[("key", "a"), ("x-oss-meta-a", "")], b"x").await;
    assert_eq!(sent.0, 204, "an empty field is sent");
}

#[tokio::test]
async fn what_the_fields_of_a_form_say_belongs_to_the_object() {
    let cloud = Cloud::start().await;
    let said = [
        ("cache-control", "max-age=1"),
        ("content-disposition", "attachment"),
        ("content-encoding", "gzip"),
        ("expires", "Fri, 14 Feb 2025 08:09:10 GMT"),
        ("x-oss-storage-class", "IA"),
        ("x-oss-meta-who", "you"),
        ("x-oss-server-side-encryption", "AES256"),
    ];
    let fields = [&said[..], &[("key", "a"), ("x-oss-tagging", "a=1")]].concat();
    assert_eq!(post(&cloud, "", &fields, b"x").await.0, 204);
    let read = cloud.signed("HEAD", "examplebucket/a", &[]).send().await.expect("an answer");
    for (name, value) in said {
        assert_eq!(read.head(name), value, "{name}");
    }
    assert_eq!(read.head("x-oss-tagging-count"), "", "a form has no field for tags");
}
