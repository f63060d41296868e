//! An ACL that a request asks for: RAM judges it by `oss:x-oss-object-acl`, and it takes effect, so that an attack by ACL is
//! seen.

use oss_vend::emulator::Readings;
use reqwest::Response;

use crate::sessions::assume_role;
use crate::support::{Answer as _, Cloud, Key, element, form, options, sign, signed_fields};

/// Everything on the bucket, but no object that everyone may read.
const NO_PUBLIC: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:examplebucket/*"},{"Effect":"Deny","Action":["oss:PutObject","oss:PutObjectAcl"],"Resource":"*","Condition":{"StringEquals":{"oss:x-oss-object-acl":["public-read","public-read-write"]}}}]}"#;
/// Uploads, and not the right that is named after ACLs.
const UPLOADS: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:GetObject"],"Resource":"acs:oss:*:*:examplebucket/*"}]}"#;

const ACL: &str = "x-oss-object-acl";

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

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> Response {
        let headers = [headers, &[("x-oss-security-token", self.token.as_str())]].concat();
        sign(&self.key, self.cloud.anonymous(method, path).body(body), method, path, &headers)
            .send()
            .await
            .expect("an answer")
    }

    /// Each operation that can give an object an ACL, done with these headers; the operations' names and statuses.
    async fn all(&self, headers: &[(&str, &str)]) -> Vec<(&'static str, u16)> {
        self.send("PUT", "examplebucket/source", &[], "x").await;
        let copy = [headers, &[("x-oss-copy-source", "/examplebucket/source")]].concat();
        let link = [headers, &[("x-oss-symlink-target", "source")]].concat();
        let mut statuses = Vec::new();
        for (name, method, path, headers) in [
            ("PutObject", "PUT", "examplebucket/put", headers),
            ("CopyObject", "PUT", "examplebucket/copy", &copy),
            ("AppendObject", "POST", "examplebucket/append?append&position=0", headers),
            ("PutSymlink", "PUT", "examplebucket/link?symlink", &link),
            ("InitiateMultipartUpload", "POST", "examplebucket/begun?uploads", headers),
        ] {
            statuses.push((name, self.send(method, path, headers, "x").await.status().as_u16()));
        }
        let begun = self.send("POST", "examplebucket/completed?uploads", &[], "").await.text().await.expect("a body");
        let upload = element(&begun, "UploadId");
        self.send("PUT", &format!("examplebucket/completed?partNumber=1&uploadId={upload}"), &[], "x").await;
        let headers = [headers, &[("x-oss-complete-all", "yes")]].concat();
        let path = format!("examplebucket/completed?uploadId={upload}");
        statuses.push(("CompleteMultipartUpload", self.send("POST", &path, &headers, "").await.status().as_u16()));
        statuses
    }
}

/// Whether everyone may read the object.
async fn is_public(cloud: &Cloud, key: &str) -> bool {
    cloud.anonymous("GET", &format!("examplebucket/{key}")).send().await.expect("an answer").status() == 200
}

fn read(acl_needs_put_object_acl: bool) -> Readings {
    Readings { acl_needs_put_object_acl, ..Readings::default() }
}

#[tokio::test]
async fn every_upload_that_asks_for_a_public_acl_makes_a_public_object_or_is_denied() {
    for reading in [true, false] {
        let cloud = Cloud::start().await;
        cloud.emulator.knobs().set_readings(read(reading));
        let denied = Caller::of(&cloud, NO_PUBLIC).await;
        for acl in ["public-read", "public-read-write"] {
            for (operation, status) in denied.all(&[(ACL, acl)]).await {
                assert_eq!(status, 403, "{operation} {acl}");
            }
        }
        // A deny by StringEquals does not speak of a request that asks for no ACL, or for another.
        for headers in [&[][..], &[(ACL, "default")], &[(ACL, "private")]] {
            for (operation, status) in denied.all(headers).await {
                assert_eq!(status, 200, "{operation} {headers:?}");
                denied.send("DELETE", "examplebucket/append", &[], "").await;
            }
        }
        for key in ["put", "copy", "append", "completed"] {
            assert!(!is_public(&cloud, key).await, "{key}");
        }
    }
}

#[tokio::test]
async fn whether_an_acl_needs_a_right_of_its_own_is_a_reading() {
    for (reading, expected) in [(true, 403), (false, 200)] {
        let cloud = Cloud::start().await;
        cloud.emulator.knobs().set_readings(read(reading));
        let caller = Caller::of(&cloud, UPLOADS).await;
        for (operation, status) in caller.all(&[(ACL, "public-read")]).await {
            assert_eq!(status, expected, "{operation}");
        }
        for key in ["put", "copy", "append", "completed"] {
            assert_eq!(is_public(&cloud, key).await, expected == 200, "{key}");
        }
        let changed = caller.send("PUT", "examplebucket/source?acl", &[(ACL, "public-read")], "").await;
        assert_eq!(changed.status(), 403, "PutObjectAcl itself always needs its right");
        for (operation, status) in caller.all(&[(ACL, "default")]).await {
            assert!(status == 200 || operation == "AppendObject", "{operation}");
        }
    }
}

#[tokio::test]
async fn a_changed_acl_is_denied_by_its_value() {
    let cloud = Cloud::start().await;
    let caller = Caller::of(&cloud, NO_PUBLIC).await;
    caller.send("PUT", "examplebucket/a", &[], "x").await;
    for (acl, expected) in [("public-read", 403), ("public-read-write", 403), ("private", 200), ("default", 200)] {
        assert_eq!(caller.send("PUT", "examplebucket/a?acl", &[(ACL, acl)], "").await.status(), expected, "{acl}");
    }
    let upper = caller.send("PUT", "examplebucket/a?acl", &[(ACL, "PUBLIC-READ")], "").await;
    assert_eq!(upper.refusal().await, (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn an_acl_of_a_form_takes_effect_unless_the_form_is_bound() {
    let cloud = Cloud::start().await;
    let post = async |conditions: &str, fields: &[(&str, &str)], header: Option<&str>| {
        let signed = signed_fields(conditions);
        let fields: Vec<_> =
            signed.iter().map(|(name, value)| (*name, value.as_str())).chain(fields.iter().copied()).collect();
        let request = cloud.anonymous("POST", "examplebucket/");
        let request = header.into_iter().fold(request, |request, acl| request.header(ACL, acl));
        form(request, &fields, b"x").send().await.expect("an answer").status().as_u16()
    };
    let bound = r#",{"x-oss-object-acl":"default"}"#;
    for (key, conditions, fields, header, status, public) in [
        ("unbound", "", &[(ACL, "public-read")][..], None, 204, true),
        ("header", "", &[], Some("public-read"), 204, true),
        ("field-first", bound, &[(ACL, "default")], Some("public-read"), 204, false),
        ("other", bound, &[(ACL, "public-read")], None, 403, false),
        ("twice", "", &[(ACL, "private"), ("X-Oss-Object-Acl", "public-read")], None, 400, false),
        ("missing", bound, &[], Some("public-read"), 403, false),
    ] {
        let fields = [fields, &[("key", key)]].concat();
        assert_eq!(post(conditions, &fields, header).await, status, "{key}");
        assert_eq!(is_public(&cloud, key).await, public, "{key}");
    }
}

#[tokio::test]
async fn a_form_of_a_session_is_judged_by_the_acl_of_its_field() {
    let mut options = options();
    let policy = serde_json::from_str(NO_PUBLIC).expect("it is JSON");
    options.users[0].policies = vec![policy];
    let cloud = Cloud::with(options).await;
    for (acl, expected) in [("public-read", 403), ("public-read-write", 403), ("private", 204), ("default", 204)] {
        let signed = signed_fields("");
        let mut fields: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend([("key", acl), (ACL, acl)]);
        let posted = form(cloud.anonymous("POST", "examplebucket/"), &fields, b"x").send().await.expect("an answer");
        assert_eq!(posted.status(), expected, "{acl}");
    }
}

#[tokio::test]
async fn the_acl_of_a_bucket_is_judged_by_its_value() {
    let mut options = options();
    let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"},{"Effect":"Deny","Action":["oss:PutBucket","oss:PutBucketAcl"],"Resource":"*","Condition":{"StringLike":{"oss:x-oss-acl":"public-*"}}}]}"#;
    options.users[0].policies = vec![serde_json::from_str(policy).expect("it is JSON")];
    let cloud = Cloud::with(options).await;
    for (path, headers, expected) in [
        ("another-one/", &[("x-oss-acl", "public-read")][..], 403),
        ("another-one/", &[], 200),
        ("examplebucket/?acl", &[("x-oss-acl", "public-read-write")], 403),
        ("examplebucket/?acl", &[("x-oss-acl", "private")], 200),
    ] {
        let answer = cloud.signed("PUT", path, headers).send().await.expect("an answer");
        assert_eq!(answer.status(), expected, "{path} {headers:?}");
    }
}
