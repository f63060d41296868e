//! What uploaders may choose: names, fields of forms, storage classes; and what callers without proof get.

use reqwest::Method;
use serde_json::{Value, json};

use crate::forms::submit;
use crate::support::{Answer, TestServer};

const FILE: (&str, &str, &[u8]) = ("a.png", "image/png", b"png");

/// A grant `open` for everyone, beside those of `dev`, with these lines.
fn config(more: &str) -> String {
    let grant = "bucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\ndir = \"open/\"\n";
    format!("{}\n[grants.open]\n{grant}{more}\n", oss_vend::dev::CONFIG)
}

async fn server(more: &str) -> TestServer {
    TestServer::with(&config(more)).await
}

async fn refusal(config: &str) -> String {
    let options = oss_vend::dev::Options { config: config.into(), ..oss_vend::dev::Options::default() };
    TestServer::bind(options).await.err().expect("it must not start").to_string()
}

async fn put(server: &TestServer, signed: &Value, more: &[(&str, &str)]) -> Answer {
    let mut request = server.http.put(signed["url"].as_str().unwrap()).body("x");
    for (name, value) in signed["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    Answer::of(request).await
}

#[tokio::test]
async fn a_strict_form_leaves_no_field_to_the_uploader() {
    let object = "object.cache_control = \"no-store\"\nobject.storage_class = \"IA\"";
    let server = server(&format!("methods = [\"post\", \"get\", \"head\"]\nstrict_form = true\n{object}")).await;
    let form = server.get("/post-signature?grant=open&filename=a.png").await.json();
    let fields = &form["fields"];
    for (name, value) in [
        ("Cache-Control", "no-store"),
        ("Content-Disposition", "inline"),
        ("Content-Encoding", "identity"),
        ("Content-Type", "image/png"),
        ("x-oss-content-type", "image/png"),
        ("x-oss-object-acl", "default"),
        ("x-oss-storage-class", "IA"),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
    for (name, value) in [
        ("Cache-Control", "public, max-age=31536000"),
        ("Content-Disposition", "attachment; filename=\"setup.exe\""),
        ("Content-Encoding", "gzip"),
        ("Content-Type", "text/html"),
        ("x-oss-content-type", "text/html"),
        ("x-oss-object-acl", "public-read"),
        ("x-oss-object-acl", "private"),
        ("x-oss-object-acl", ""),
        ("x-oss-storage-class", "DeepColdArchive"),
    ] {
        let refused = submit(&server, &form, &[(name, value)], FILE).await;
        assert_eq!((refused.status.as_u16(), refused.oss_code()), (403, "AccessDenied"), "{name}: {}", refused.text);
    }
    for name in ["Cache-Control", "Content-Disposition", "Content-Encoding", "x-oss-object-acl", "x-oss-storage-class"]
    {
        let mut without = form.clone();
        without["fields"].as_object_mut().unwrap().remove(name);
        assert_eq!(submit(&server, &without, &[], FILE).await.oss_code(), "AccessDenied", "{name} left out");
    }
    let stored = submit(&server, &form, &[], FILE).await;
    assert_eq!(stored.status, 200, "{}", stored.text);
    let key = form["key"].as_str().unwrap();
    let head = server.get(&format!("/presigned-url?grant=open&method=HEAD&key={key}")).await.json();
    let head = Answer::of(server.http.head(head["url"].as_str().unwrap())).await;
    assert_eq!((head.header("cache-control"), head.header("x-oss-storage-class")), ("no-store", "IA"));
}

#[tokio::test]
async fn a_fixed_acl_and_class_are_signed_headers_of_a_url() {
    let object = "object.acl = \"private\"\nobject.storage_class = \"IA\"\nobject.storage_classes = [\"Archive\"]";
    let server = server(&format!("methods = [\"put\", \"post\"]\n{object}")).await;
    let signed = server.get("/presigned-url?grant=open&filename=a.png").await.json();
    let headers = json!({ "Content-Type": "image/png", "x-oss-storage-class": "IA", "x-oss-object-acl": "private" });
    assert_eq!(signed["headers"], headers);
    for name in ["x-oss-object-acl", "x-oss-storage-class"] {
        let mut without = signed.clone();
        without["headers"].as_object_mut().unwrap().remove(name);
        assert_eq!(put(&server, &without, &[]).await.oss_code(), "SignatureDoesNotMatch", "{name}");
        let mut other = signed.clone();
        other["headers"][name] = if name.ends_with("acl") { "public-read" } else { "Standard" }.into();
        assert_eq!(put(&server, &other, &[]).await.oss_code(), "SignatureDoesNotMatch", "{name}");
    }
    let stored = put(&server, &signed, &[]).await;
    assert_eq!(stored.status, 200, "{}", stored.text);
    let form = server.get("/post-signature?grant=open&filename=a.png").await.json();
    let stored = submit(&server, &form, &[], FILE).await;
    assert_eq!(stored.status, 200, "{}", stored.text);
    let chosen = server.get("/presigned-url?grant=open&filename=a.png&storageClass=Archive").await.json();
    assert_eq!(chosen["headers"]["x-oss-storage-class"], "Archive");
}

#[tokio::test]
async fn a_storage_class_that_the_grant_does_not_list_is_refused() {
    let server = server("methods = [\"put\"]").await;
    for class in ["Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"] {
        let answer = server.get(&format!("/presigned-url?grant=open&filename=a&storageClass={class}")).await;
        assert_eq!(answer.problem(), (403, "storage_class_not_allowed".into()), "{class}");
    }
    for class in ["", "archive", "Archive%20", "Archive,IA"] {
        let answer = server.get(&format!("/presigned-url?grant=open&filename=a&storageClass={class}")).await;
        assert_eq!(answer.problem(), (400, "invalid_parameter".into()), "{class:?}");
    }
    let signed = server.get("/presigned-url?grant=open&filename=a&contentType=text/plain").await.json();
    let added = put(&server, &signed, &[("x-oss-storage-class", "DeepColdArchive")]).await;
    assert_eq!(added.oss_code(), "SignatureDoesNotMatch");
}

#[tokio::test]
async fn where_strangers_share_a_directory_the_server_names_uploads() {
    let server = server("methods = [\"post\", \"put\", \"get\"]").await;
    let grants = server.get("/grants").await.json();
    let of = |name: &str| {
        grants["grants"].as_array().unwrap().iter().find(|grant| grant["name"] == name).unwrap()["keys"].clone()
    };
    assert_eq!((of("open"), of("default")), (json!("server"), json!("caller")));
    let victim = server.get("/presigned-url?grant=open&filename=a.png").await.json();
    assert_eq!(put(&server, &victim, &[]).await.status, 200);
    let key = victim["key"].as_str().unwrap();
    for ask in [
        json!({ "grant": "open", "key": key }),
        json!({ "grant": "open", "key": "" }),
        json!({ "grant": "open", "key": "open/x" }),
    ] {
        for path in ["/presigned-url", "/post-signature"] {
            assert_eq!(server.post(path, &ask).await.problem(), (403, "key_not_allowed".into()), "{path} {ask}");
        }
    }
    for (ask, code) in [
        (json!({ "grant": "open" }), "missing_parameter"),
        (json!({ "grant": "open", "key": null }), "invalid_parameter"),
        (json!({ "grant": "open", "key": null, "filename": null }), "invalid_parameter"),
    ] {
        assert_eq!(server.post("/post-signature", &ask).await.problem().1, code, "{ask}");
    }
    let both = json!({ "grant": "open", "key": key, "filename": "a.png" });
    assert_eq!(server.post("/post-signature", both).await.problem(), (403, "key_not_allowed".into()));
    let read = server.get(&format!("/presigned-url?grant=open&method=GET&key={key}")).await.json();
    assert_eq!(Answer::of(server.http.get(read["url"].as_str().unwrap())).await.text, "x");
    let [one, two] = [(); 2].map(|()| server.get("/post-signature?grant=open&filename=a.png"));
    assert_ne!(one.await.json()["key"], two.await.json()["key"]);
    assert_eq!(server.get("/sts?grant=open").await.problem(), (403, "method_not_granted".into()));
}

#[tokio::test]
async fn names_that_could_repeat_or_be_chosen_are_refused_at_start() {
    let told = refusal(&config("methods = [\"put\"]\nkey = \"${filename}\"")).await;
    assert!(told.contains("grants.open.key") && told.contains("keys = \"caller\""), "{told}");
    let told = refusal(&config("methods = [\"sts\", \"put\"]\nkeys = \"server\"")).await;
    assert!(told.contains("grants.open.keys") && told.contains("\"sts\""), "{told}");
    let dev = oss_vend::dev::CONFIG.replacen("\"sts\", ", "", 1).replacen("keys = \"caller\"\n", "", 1);
    let told = refusal(&dev).await;
    assert!(told.contains("grants.default.keys") && told.contains("classic.grant"), "{told}");
    server("methods = [\"get\"]\nkey = \"${filename}\"").await;
    server("methods = [\"put\"]\nkey = \"${filename}\"\nkeys = \"caller\"").await;
}

#[tokio::test]
async fn a_form_that_forbids_overwriting_stores_once() {
    let server = TestServer::start().await;
    for version in ["v4", "v1"] {
        let ask =
            json!({ "key": format!("uploads/{version}.png"), "forbidOverwrite": true, "signatureVersion": version });
        let form = server.post("/post-signature", ask).await.json();
        assert_eq!(form["fields"]["x-oss-forbid-overwrite"], "true");
        for change in [&[("x-oss-forbid-overwrite", "false")][..], &[("x-oss-forbid-overwrite", "")]] {
            assert_eq!(submit(&server, &form, change, FILE).await.oss_code(), "AccessDenied");
        }
        assert_eq!(submit(&server, &form, &[], FILE).await.status, 200);
        let mut without = form.clone();
        without["fields"].as_object_mut().unwrap().remove("x-oss-forbid-overwrite");
        assert_eq!(submit(&server, &without, &[], FILE).await.oss_code(), "AccessDenied");
        assert_eq!(submit(&server, &form, &[], FILE).await.oss_code(), "FileAlreadyExists");
    }
    let answer = server.get("/post-signature?forbidOverwrite=yes").await;
    assert_eq!(answer.problem(), (400, "invalid_parameter".into()));
    let form = server.get("/post-signature?filename=a&forbidOverwrite=false").await.json();
    assert_eq!(form["fields"].get("x-oss-forbid-overwrite"), None);
}

#[tokio::test]
async fn callers_without_proof_delete_nothing() {
    let server = TestServer::start().await;
    let delete = "/presigned-url?key=uploads/a&method=DELETE";
    assert_eq!(server.get(delete).await.problem(), (401, "authentication_required".into()));
    server.get_as("ovk_dev_alice", delete).await.json();
    let methods = server.get("/grants").await.json()["grants"][0]["methods"].clone();
    assert!(!methods.as_array().unwrap().contains(&json!("delete")), "{methods}");

    for (key, expected) in [(None, 403), (Some("ovk_dev_alice"), 204)] {
        let credentials = match key {
            None => server.get("/sts").await.json(),
            Some(key) => server.get_as(key, "/sts").await.json(),
        };
        let url = crate::attacks::signed_by(&server, &credentials, "DELETE", "uploads/a");
        assert_eq!(Answer::of(server.http.request(Method::DELETE, url)).await.status, expected, "{key:?}");
        let url = crate::attacks::signed_by(&server, &credentials, "PUT", "uploads/a");
        assert_eq!(Answer::of(server.http.put(url).body("x")).await.status, 200, "{key:?}");
    }
}

#[tokio::test]
async fn a_grant_that_lets_strangers_delete_does_not_start() {
    let config = oss_vend::dev::CONFIG;
    let (before, rest) = config.split_once("[[auth.api_keys]]").unwrap();
    let (_, after) = rest.split_once("[audit]").unwrap();
    let told = refusal(&format!("{before}[audit]{after}")).await;
    assert!(told.contains("grants.default.methods") && told.contains("\"delete\""), "{told}");
}

#[tokio::test]
async fn classic_urls_are_held_to_max_size_or_refused_at_start() {
    let config = oss_vend::dev::CONFIG;
    let told = refusal(&config.replacen("allow_unsized_put = true\n", "", 1)).await;
    for key in ["grants.default.max_size", "allow_unsized_put", "classic.grant"] {
        assert!(told.contains(key), "{told}");
    }
    for more in [
        "strict_form = true",
        "object.acl = \"private\"",
        "object.storage_class = \"IA\"",
        "object.cache_control = \"no-store\"",
    ] {
        let told = refusal(&config.replacen("max_size", &format!("{more}\nmax_size"), 1)).await;
        assert!(told.contains("classic.grant"), "{more}: {told}");
    }
}
