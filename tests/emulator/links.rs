//! A symbolic link never reads for an identity what the identity could not read by itself.

use reqwest::{RequestBuilder, Response};

use crate::sessions::assume_role;
use crate::support::{Answer as _, Cloud, Key, OPEN_BUCKET, element, sign};

/// All actions below `u/1/` and nothing else.
const CONFINED: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:examplebucket/u/1/*"}]}"#;
const WIDE: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:examplebucket/*"}]}"#;

struct Caller<'c> {
    cloud: &'c Cloud,
    key: Key,
    token: String,
}

impl<'c> Caller<'c> {
    async fn of(cloud: &'c Cloud, policy: &str) -> Self {
        let (key, token) = assume_role(cloud, policy).await;
        Self { cloud, key, token }
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let headers = [headers, &[("x-oss-security-token", self.token.as_str())]].concat();
        sign(&self.key, self.cloud.anonymous(method, path), method, path, &headers)
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request(method, path, headers).body("own").send().await.expect("an answer")
    }

    async fn link(&self, path: &str, target: &str) -> u16 {
        let path = format!("{path}?symlink");
        self.send("PUT", &path, &[("x-oss-symlink-target", target)]).await.status().as_u16()
    }
}

/// A bucket in which the other caller's object `u/2/secret` lies.
async fn cloud() -> Cloud {
    let cloud = Cloud::start().await;
    let put = cloud.signed("PUT", "examplebucket/u/2/secret", &[]).body("secret").send().await.expect("an answer");
    assert_eq!(put.status(), 200);
    cloud
}

#[tokio::test]
async fn reading_a_link_needs_the_right_to_read_its_target() {
    let cloud = cloud().await;
    let (confined, wide) = (Caller::of(&cloud, CONFINED).await, Caller::of(&cloud, WIDE).await);
    assert_eq!(confined.link("examplebucket/u/1/link", "u%2F2%2Fsecret").await, 200, "OSS does not look at the target");
    let path = "examplebucket/u/1/link";
    for method in ["GET", "HEAD"] {
        let denied = confined.send(method, path, &[]).await;
        assert_eq!((denied.status().as_u16(), denied.head("x-oss-ec")), (403, "0003-00000301".to_owned()), "{method}");
        assert_eq!(denied.head("etag"), "");
        let read = wide.send(method, path, &[]).await;
        assert_eq!((read.status().as_u16(), read.head("x-oss-object-type")), (200, "Symlink".to_owned()), "{method}");
    }
    assert_eq!(wide.send("GET", path, &[]).await.text().await.expect("a body"), "secret");
    for (name, value) in [("range", "bytes=0-0"), ("if-none-match", "\"5EBE2294ECD0E0F08EAB7690D2A6EE69\"")] {
        let denied = confined.request("GET", path, &[]).header(name, value).send().await.expect("an answer");
        assert_eq!(denied.refusal().await, (403, "AccessDenied".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn the_meta_of_a_link_tells_nothing_of_its_target() {
    let cloud = cloud().await;
    let confined = Caller::of(&cloud, CONFINED).await;
    confined.link("examplebucket/u/1/link", "u%2F2%2Fsecret").await;
    confined.link("examplebucket/u/1/lost", "u%2F2%2Fnothing").await;
    for key in ["link", "lost"] {
        let meta = confined.send("HEAD", &format!("examplebucket/u/1/{key}?objectMeta"), &[]).await;
        assert_eq!((meta.status().as_u16(), meta.head("content-length")), (200, "0".to_owned()), "{key}");
        let read = confined.send("GET", &format!("examplebucket/u/1/{key}"), &[]).await;
        assert_eq!(read.status(), 403, "{key}: a target that is not there is no different");
    }
}

#[tokio::test]
async fn a_copy_of_a_link_is_a_link_and_no_part_is_made_of_one() {
    let cloud = cloud().await;
    let (confined, wide) = (Caller::of(&cloud, CONFINED).await, Caller::of(&cloud, WIDE).await);
    confined.link("examplebucket/u/1/link", "u%2F2%2Fsecret").await;
    let source = ("x-oss-copy-source", "/examplebucket/u/1/link");
    assert_eq!(confined.send("PUT", "examplebucket/u/1/copy", &[source]).await.status(), 200);
    assert_eq!(confined.send("GET", "examplebucket/u/1/copy", &[]).await.status(), 403);
    let told = confined.send("GET", "examplebucket/u/1/copy?symlink", &[]).await;
    assert_eq!(told.head("x-oss-symlink-target"), "u%2F2%2Fsecret");
    let other = ("x-oss-copy-source", "/examplebucket/u/2/secret");
    assert_eq!(confined.send("PUT", "examplebucket/u/1/copy", &[other]).await.status(), 403);
    for caller in [&confined, &wide] {
        let begun = caller.send("POST", "examplebucket/u/1/big?uploads", &[]).await.text().await.expect("a body");
        let part = format!("examplebucket/u/1/big?partNumber=1&uploadId={}", element(&begun, "UploadId"));
        let refused = caller.send("PUT", &part, &[source]).await;
        assert_eq!(refused.head("x-oss-ec"), "0042-00000308");
    }
}

#[tokio::test]
async fn a_version_of_a_link_is_no_way_around() {
    let cloud = cloud().await;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let set = cloud.signed("PUT", "examplebucket/?versioning", &[]).body(enabled).send().await.expect("an answer");
    assert_eq!(set.status(), 200);
    let confined = Caller::of(&cloud, CONFINED).await;
    let made =
        confined.send("PUT", "examplebucket/u/1/link?symlink", &[("x-oss-symlink-target", "u%2F2%2Fsecret")]).await;
    let version = made.head("x-oss-version-id");
    confined.send("PUT", "examplebucket/u/1/link", &[]).await;
    assert_eq!(confined.send("GET", "examplebucket/u/1/link", &[]).await.text().await.expect("a body"), "own");
    let old = format!("examplebucket/u/1/link?versionId={version}");
    assert_eq!(confined.send("GET", &old, &[]).await.refusal().await, (403, "AccessDenied".to_owned()));
    let source = format!("/{old}");
    assert_eq!(confined.send("PUT", "examplebucket/u/1/copy", &[("x-oss-copy-source", &source)]).await.status(), 200);
    assert_eq!(confined.send("GET", "examplebucket/u/1/copy", &[]).await.status(), 403);
}

#[tokio::test]
async fn a_link_leads_one_step_within_its_bucket() {
    let cloud = cloud().await;
    let wide = Caller::of(&cloud, WIDE).await;
    cloud.anonymous("PUT", "openbucket/open").body("elsewhere").send().await.expect("an answer");
    for (key, target, expected) in [
        ("self", "self", (400, "InvalidTargetType")),
        ("one", "two", (400, "InvalidTargetType")),
        ("two", "u%2F2%2Fsecret", (200, "")),
        ("elsewhere", "openbucket%2Fopen", (404, "SymlinkTargetNotExist")),
        ("lost", "nothing", (404, "SymlinkTargetNotExist")),
    ] {
        wide.link(&format!("examplebucket/{key}"), target).await;
        if key == "one" {
            wide.link("examplebucket/two", "u%2F2%2Fsecret").await;
        }
        let refusal = wide.send("GET", &format!("examplebucket/{key}"), &[]).await.refusal().await;
        assert_eq!((refusal.0, refusal.1.as_str()), expected, "{key}");
    }
    for target in ["", "/u/2/secret", "%2Fopenbucket%2Fopen", "%ff"] {
        assert_eq!(wide.link("examplebucket/bad", target).await, 400, "{target}");
    }
}

#[tokio::test]
async fn writing_to_a_link_never_reaches_its_target() {
    let cloud = cloud().await;
    let confined = Caller::of(&cloud, CONFINED).await;
    let link = "examplebucket/u/1/link";
    confined.link(link, "u%2F2%2Fsecret").await;
    let appended = confined.send("POST", &format!("{link}?append&position=0"), &[]).await;
    assert_eq!(appended.refusal().await, (409, "ObjectNotAppendable".to_owned()));
    let opened = confined.send("PUT", &format!("{link}?acl"), &[("x-oss-object-acl", "public-read")]).await;
    assert_eq!(opened.status(), 200);
    let begun = confined.send("POST", &format!("{link}?uploads"), &[]).await.text().await.expect("a body");
    let upload = element(&begun, "UploadId");
    confined.send("PUT", &format!("{link}?partNumber=1&uploadId={upload}"), &[]).await;
    let path = format!("{link}?uploadId={upload}");
    let completed = confined.request("POST", &path, &[("x-oss-complete-all", "yes")]);
    assert_eq!(completed.send().await.expect("an answer").status(), 200);
    let read = confined.send("GET", link, &[]).await;
    assert_eq!(read.head("x-oss-object-type"), "Multipart", "the link is gone");
    assert_eq!(confined.send("DELETE", link, &[]).await.status(), 204);
    let target = cloud.signed("GET", "examplebucket/u/2/secret", &[]).send().await.expect("an answer");
    assert_eq!(target.text().await.expect("a body"), "secret");
    let acl = cloud.signed("GET", "examplebucket/u/2/secret?acl", &[]).send().await.expect("an answer");
    assert_eq!(element(&acl.text().await.expect("a body"), "Grant"), "default");
}

#[tokio::test]
async fn an_open_link_opens_no_closed_target_and_a_closed_link_no_open_one() {
    let cloud = cloud().await;
    let put = async |path: &str, headers: &[(&str, &str)]| {
        let path = format!("{OPEN_BUCKET}/{path}");
        let answer = cloud.signed("PUT", &path, headers).body("x").send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
    };
    put("closed", &[("x-oss-object-acl", "private")]).await;
    put("open", &[("x-oss-object-acl", "public-read")]).await;
    for (link, target, acl, expected) in [
        ("open-to-closed", "closed", "public-read", 403),
        ("closed-to-open", "open", "private", 403),
        ("open-to-open", "open", "public-read", 200),
    ] {
        let path = format!("{link}?symlink");
        put(&path, &[("x-oss-object-acl", acl), ("x-oss-symlink-target", target)]).await;
        let read = cloud.anonymous("GET", &format!("{OPEN_BUCKET}/{link}")).send().await.expect("an answer");
        assert_eq!(read.status(), expected, "{link}");
    }
}
