use reqwest::Response;

use crate::support::{Answer as _, Cloud, element, elements};

async fn send(cloud: &Cloud, method: &str, path: &str, body: &str) -> Response {
    cloud.signed(method, path, &[]).body(body.to_owned()).send().await.expect("an answer")
}

async fn text(cloud: &Cloud, path: &str) -> String {
    send(cloud, "GET", path, "").await.text().await.expect("a body")
}

async fn versioning(cloud: &Cloud, status: &str) {
    let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    assert_eq!(send(cloud, "PUT", "examplebucket/?versioning", &document).await.status(), 200);
    assert_eq!(element(&text(cloud, "examplebucket/?versioning").await, "Status"), status);
    assert_eq!(element(&text(cloud, "examplebucket/?bucketInfo").await, "Versioning"), status);
}

#[tokio::test]
async fn a_bucket_keeps_what_is_replaced_and_removed() {
    let cloud = Cloud::start().await;
    assert_eq!(send(&cloud, "PUT", "examplebucket/a", "one").await.head("x-oss-version-id"), "");
    versioning(&cloud, "Enabled").await;
    let second = send(&cloud, "PUT", "examplebucket/a", "two").await.head("x-oss-version-id");
    assert!(second.len() > 20, "{second}");
    let removed = send(&cloud, "DELETE", "examplebucket/a", "").await;
    let marker = removed.head("x-oss-version-id");
    assert_eq!((removed.status().as_u16(), removed.head("x-oss-delete-marker")), (204, "true".to_owned()));

    let gone = send(&cloud, "GET", "examplebucket/a", "").await;
    assert_eq!((gone.head("x-oss-delete-marker"), gone.head("x-oss-version-id")), ("true".to_owned(), marker.clone()));
    assert_eq!(gone.refusal().await, (404, "NoSuchKey".to_owned()));
    let at_marker = send(&cloud, "GET", &format!("examplebucket/a?versionId={marker}"), "").await;
    assert_eq!(at_marker.refusal().await, (405, "MethodNotAllowed".to_owned()));
    let none = send(&cloud, "GET", "examplebucket/a?versionId=none", "").await;
    assert_eq!(none.refusal().await, (404, "NoSuchVersion".to_owned()));
    assert_eq!(text(&cloud, "examplebucket/a?versionId=null").await, "one");
    let old = send(&cloud, "GET", &format!("examplebucket/a?versionId={second}"), "").await;
    assert_eq!(old.head("x-oss-version-id"), second);
    assert_eq!(old.text().await.expect("a body"), "two");

    let listed = text(&cloud, "examplebucket/?versions").await;
    assert_eq!(elements(&listed, "VersionId"), [marker.clone(), second.clone(), "null".to_owned()]);
    assert_eq!(elements(&listed, "IsLatest"), ["true", "false", "false"]);
    assert_eq!(elements(&text(&cloud, "examplebucket/").await, "Key"), Vec::<String>::new());

    let undone = send(&cloud, "DELETE", &format!("examplebucket/a?versionId={marker}"), "").await;
    assert_eq!((undone.head("x-oss-version-id"), undone.head("x-oss-delete-marker")), (marker, "true".to_owned()));
    assert_eq!(text(&cloud, "examplebucket/a").await, "two");
    let copy = format!("/examplebucket/a?versionId={second}");
    let copied = cloud.signed("PUT", "examplebucket/b", &[("x-oss-copy-source", &copy)]);
    assert_eq!(copied.send().await.expect("an answer").status(), 200);
    assert_eq!(text(&cloud, "examplebucket/b").await, "two");
}

#[tokio::test]
async fn a_suspended_bucket_keeps_what_it_has_and_replaces_what_is_new() {
    let cloud = Cloud::start().await;
    versioning(&cloud, "Enabled").await;
    send(&cloud, "PUT", "examplebucket/a", "kept").await;
    versioning(&cloud, "Suspended").await;
    for body in ["one", "two"] {
        assert_eq!(send(&cloud, "PUT", "examplebucket/a", body).await.head("x-oss-version-id"), "null");
    }
    assert_eq!(elements(&text(&cloud, "examplebucket/?versions").await, "VersionId").len(), 2);
    let removed = send(&cloud, "DELETE", "examplebucket/a", "").await;
    assert_eq!(removed.head("x-oss-version-id"), "null");
    assert_eq!(elements(&text(&cloud, "examplebucket/?versions").await, "IsLatest"), ["true", "false"]);
}

#[tokio::test]
async fn many_versions_are_removed_and_listed_in_pages() {
    let cloud = Cloud::start().await;
    versioning(&cloud, "Enabled").await;
    let mut ids = Vec::new();
    for body in ["1", "2", "3"] {
        ids.push(send(&cloud, "PUT", "examplebucket/a", body).await.head("x-oss-version-id"));
    }
    let first = text(&cloud, "examplebucket/?max-keys=2&versions").await;
    assert_eq!((elements(&first, "VersionId").len(), element(&first, "IsTruncated")), (2, "true".to_owned()));
    let marker = element(&first, "NextVersionIdMarker");
    let next = format!("examplebucket/?key-marker=a&max-keys=2&version-id-marker={marker}&versions");
    assert_eq!(elements(&text(&cloud, &next).await, "VersionId"), [ids[0].clone()]);
    let list = format!(
        "<Delete><Object><Key>a</Key><VersionId>{}</VersionId></Object><Object><Key>a</Key></Object></Delete>",
        ids[1]
    );
    let answer = send(&cloud, "POST", "examplebucket/?delete", &list).await.text().await.expect("a body");
    assert_eq!(elements(&answer, "VersionId"), [ids[1].clone()]);
    assert_eq!(element(&answer, "DeleteMarker"), "true");
    assert_eq!(elements(&text(&cloud, "examplebucket/?versions").await, "Key").len(), 3, "two versions and a marker");
}
