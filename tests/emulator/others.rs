use reqwest::Response;

use crate::support::{Answer as _, Cloud, element, options};

async fn send(cloud: &Cloud, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    cloud.signed(method, path, headers).body(body.to_owned()).send().await.expect("an answer")
}

async fn text(cloud: &Cloud, path: &str) -> String {
    send(cloud, "GET", path, &[], "").await.text().await.expect("a body")
}

#[tokio::test]
async fn a_link_is_read_through_and_told_apart() {
    let cloud = Cloud::start().await;
    let said = [("content-type", "text/plain"), ("x-oss-meta-of", "target"), ("x-oss-storage-class", "IA")];
    send(&cloud, "PUT", "examplebucket/a%20b", &said, "target").await;
    let said = [("content-type", "text/html"), ("x-oss-meta-of", "link"), ("x-oss-symlink-target", "a%20b")];
    let made = send(&cloud, "PUT", "examplebucket/link?symlink", &said, "").await;
    assert_eq!(made.status(), 200);
    let told = send(&cloud, "GET", "examplebucket/link?symlink", &[], "").await;
    assert_eq!(told.head("x-oss-symlink-target"), "a%20b");
    for (method, body) in [("GET", "target"), ("HEAD", "")] {
        let read = send(&cloud, method, "examplebucket/link", &[], "").await;
        for (name, value) in [
            ("x-oss-object-type", "Symlink"),
            ("content-length", "6"),
            ("etag", "\"42AEFBAE01D2DFD981F7DA7D823D689E\""),
            ("x-oss-storage-class", "IA"),
            ("content-type", "text/html"),
            ("x-oss-meta-of", "link"),
        ] {
            assert_eq!(read.head(name), value, "{method} {name}");
        }
        assert_eq!(read.text().await.expect("a body"), body);
    }
    let meta = send(&cloud, "HEAD", "examplebucket/link?objectMeta", &[], "").await;
    assert_eq!((meta.status().as_u16(), meta.head("content-length")), (200, "0".to_owned()), "it tells of the link");
    send(&cloud, "PUT", "examplebucket/twice?symlink", &[("x-oss-symlink-target", "link")], "").await;
    send(&cloud, "PUT", "examplebucket/lost?symlink", &[("x-oss-symlink-target", "none")], "").await;
    for (path, expected) in [
        ("examplebucket/twice", (400, "InvalidTargetType")),
        ("examplebucket/lost", (404, "SymlinkTargetNotExist")),
        ("examplebucket/a%20b?symlink", (400, "NotSymlink")),
    ] {
        let refusal = send(&cloud, "GET", path, &[], "").await.refusal().await;
        assert_eq!((refusal.0, refusal.1.as_str()), expected, "{path}");
    }
}

#[tokio::test]
async fn what_is_archived_is_restored_before_it_is_read() {
    let cloud = Cloud::start().await;
    send(&cloud, "PUT", "examplebucket/plain", &[], "x").await;
    send(&cloud, "PUT", "examplebucket/cold", &[("x-oss-storage-class", "Archive")], "x").await;
    let plain = send(&cloud, "POST", "examplebucket/plain?restore", &[], "").await;
    assert_eq!(plain.refusal().await, (400, "OperationNotSupported".to_owned()));
    let cold = send(&cloud, "GET", "examplebucket/cold", &[], "").await;
    assert_eq!(cold.refusal().await, (403, "InvalidObjectState".to_owned()));
    assert_eq!(send(&cloud, "HEAD", "examplebucket/cold", &[], "").await.head("x-oss-storage-class"), "Archive");
    let days = "<RestoreRequest><Days>2</Days></RestoreRequest>";
    for expected in [202, 200] {
        assert_eq!(send(&cloud, "POST", "examplebucket/cold?restore", &[], days).await.status(), expected);
    }
    let read = send(&cloud, "GET", "examplebucket/cold", &[], "").await;
    assert_eq!(read.head("x-oss-restore"), "ongoing-request=\"false\", expiry-date=\"Sun, 16 Feb 2025 08:09:10 GMT\"");
    assert_eq!(read.text().await.expect("a body"), "x");
}

#[tokio::test]
async fn a_part_can_be_copied_from_a_range_of_an_object() {
    let cloud = Cloud::start().await;
    send(&cloud, "PUT", "examplebucket/source", &[], "0123456789").await;
    let begun = send(&cloud, "POST", "examplebucket/big?uploads", &[], "").await.text().await.expect("a body");
    let path = format!("examplebucket/big?partNumber=1&uploadId={}", element(&begun, "UploadId"));
    let headers = |range| [("x-oss-copy-source", "/examplebucket/source"), ("x-oss-copy-source-range", range)];
    for (range, expected) in [("bytes=5-10", (416, "InvalidRange")), ("5-6", (400, "InvalidArgument"))] {
        let refusal = send(&cloud, "PUT", &path, &headers(range), "").await.refusal().await;
        assert_eq!((refusal.0, refusal.1.as_str()), expected, "{range}");
    }
    let copied = send(&cloud, "PUT", &path, &headers("bytes=2-5"), "").await.text().await.expect("a body");
    let etag = element(&copied, "ETag");
    let parts = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let path = format!("examplebucket/big?uploadId={}", element(&begun, "UploadId"));
    assert_eq!(send(&cloud, "POST", &path, &[], &parts).await.status(), 200);
    assert_eq!(text(&cloud, "examplebucket/big").await, "2345");
}

#[tokio::test]
async fn a_bucket_is_configured_counted_and_removed_when_it_is_empty() {
    let mut options = options();
    options.users[0].root = true;
    let cloud = Cloud::with(options).await;
    assert_eq!(send(&cloud, "PUT", "other-one/", &[], "").await.status(), 200);
    assert_eq!(send(&cloud, "PUT", "other-one/?acl", &[("x-oss-acl", "public-read")], "").await.status(), 200);
    assert_eq!(element(&text(&cloud, "other-one/?acl").await, "Grant"), "public-read");
    let none = send(&cloud, "GET", "other-one/?lifecycle", &[], "").await;
    assert_eq!(none.refusal().await, (404, "NoSuchLifecycle".to_owned()));
    let rules = "<LifecycleConfiguration><Rule><ID>r</ID><Prefix>a/</Prefix><Status>Enabled</Status>\
                 <Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
    assert_eq!(send(&cloud, "PUT", "other-one/?lifecycle", &[], rules).await.status(), 200);
    assert_eq!(text(&cloud, "other-one/?lifecycle").await, rules);
    assert_eq!(send(&cloud, "DELETE", "other-one/?lifecycle", &[], "").await.status(), 204);
    let empty = send(&cloud, "PUT", "other-one/?lifecycle", &[], "<LifecycleConfiguration/>").await;
    assert_eq!(empty.refusal().await, (400, "MalformedXML".to_owned()));
    send(&cloud, "PUT", "other-one/a", &[], "four").await;
    let stat = text(&cloud, "other-one/?stat").await;
    assert_eq!((element(&stat, "ObjectCount"), element(&stat, "Storage")), ("1".to_owned(), "4".to_owned()));
    let full = send(&cloud, "DELETE", "other-one/", &[], "").await;
    assert_eq!(full.refusal().await, (409, "BucketNotEmpty".to_owned()));
    send(&cloud, "DELETE", "other-one/a", &[], "").await;
    assert_eq!(send(&cloud, "DELETE", "other-one/", &[], "").await.status(), 204);
    let gone = send(&cloud, "GET", "other-one/?acl", &[], "").await;
    assert_eq!(gone.refusal().await, (404, "NoSuchBucket".to_owned()));
}
