use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oss_vend::emulator::{Emulator, Options};

use crate::support::{Answer as _, Cloud, OPEN_BUCKET, element, elements, now, options};

async fn put(cloud: &Cloud, path: &str, text: &str) {
    let answer = cloud.anonymous("PUT", path).body(text.to_owned()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
}

#[tokio::test]
async fn what_is_put_comes_back_with_all_that_was_said_of_it() {
    let cloud = Cloud::start().await;
    let path = "examplebucket/a%2Bb/%E4%BD%A0%20%25.txt";
    let said = [
        ("content-type", "text/plain"),
        ("x-oss-meta-who", "you"),
        ("x-oss-storage-class", "IA"),
        ("x-oss-tagging", "a=1"),
    ];
    let answer = cloud.signed("PUT", path, &said).body("123456789").send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.head("etag"), "\"25F9E794323B453885F5181F1B624D0B\"");
    assert_eq!(answer.head("x-oss-hash-crc64ecma"), "11051210869376104954");
    assert_eq!(answer.head("content-md5"), "JfnnlDI7RTiF9RgfG2JNCw==");
    assert_eq!(answer.head("date"), "Fri, 14 Feb 2025 08:09:10 GMT");
    assert_eq!(answer.head("server"), "AliyunOSS");
    assert_eq!(answer.head("x-oss-request-id").len(), 24);
    for method in ["GET", "HEAD"] {
        let answer = cloud.signed(method, path, &[]).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{method}");
        assert_eq!(answer.head("content-length"), "9", "{method}");
        assert_eq!(answer.head("x-oss-meta-who"), "you", "{method}");
        assert_eq!(answer.head("content-type"), "text/plain", "{method}");
        assert_eq!(answer.head("x-oss-storage-class"), "IA", "{method}");
        assert_eq!(answer.head("x-oss-tagging-count"), "1", "{method}");
        assert_eq!(answer.head("last-modified"), "Fri, 14 Feb 2025 08:09:10 GMT", "{method}");
        assert_eq!(answer.text().await.expect("a body"), if method == "GET" { "123456789" } else { "" });
    }
    let calls = cloud.emulator.knobs().calls();
    assert_eq!(
        calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(),
        ["PutObject", "GetObject", "HeadObject"]
    );
    assert_eq!(calls[0].key.as_deref(), Some("a+b/你 %.txt"));
    assert!(calls[0].access_key_id.is_some());
}

#[tokio::test]
async fn an_address_without_the_bucket_is_told_by_its_signature() {
    let cloud = Cloud::with(Options::dev()).await;
    let dropped = cloud.signed_for("PUT", "a/b", "examplebucket/a/b", &[]).body("x").send().await.expect("an answer");
    assert_eq!(dropped.status(), 200);
    let same = cloud.signed("GET", "examplebucket/a/b", &[]).send().await.expect("an answer");
    assert_eq!(same.text().await.expect("a body"), "x");
    let nested = cloud.signed_for("PUT", "examplebucket/c", "examplebucket/examplebucket/c", &[]);
    assert_eq!(nested.body("y").send().await.expect("an answer").status(), 200);
    let listing = cloud.signed("GET", "examplebucket/", &[]).send().await.expect("an answer");
    assert_eq!(elements(&listing.text().await.expect("a body"), "Key"), ["a/b", "examplebucket/c"]);
    let wrong = cloud.signed_for("GET", "a/b", "otherbucket/a/b", &[]).send().await.expect("an answer");
    assert_eq!(wrong.refusal().await, (403, "SignatureDoesNotMatch".to_owned()));
}

#[tokio::test]
async fn hosts_name_the_bucket_too() {
    let cloud = Cloud::start().await;
    for host in ["openbucket.localhost", "openbucket.oss-cn-hangzhou.aliyuncs.com", "static.example.com"] {
        let request = cloud.anonymous("PUT", "k").header("host", host);
        assert_eq!(request.body("x").send().await.expect("an answer").status(), 200, "{host}");
    }
    assert_eq!(cloud.emulator.knobs().count("PutObject"), 3);
}

#[tokio::test]
async fn what_nobody_may_is_refused_and_said_in_head_as_well() {
    let cloud = Cloud::start().await;
    let private = cloud.anonymous("GET", "examplebucket/a").send().await.expect("an answer");
    assert_eq!(private.head("x-oss-ec"), "0003-00000905");
    assert_eq!(private.refusal().await, (403, "AccessDenied".to_owned()));
    let head = cloud.signed("HEAD", "examplebucket/a", &[]).send().await.expect("an answer");
    assert_eq!(head.status(), 404);
    let document = STANDARD.decode(head.head("x-oss-err")).expect("it is Base64");
    assert_eq!(element(&String::from_utf8(document).expect("it is text"), "Code"), "NoSuchKey");
    for (method, path, expected) in [
        ("GET", "openbucket/a", (404, "NoSuchKey")),
        ("GET", "nosuchbucket/a", (404, "NoSuchBucket")),
        ("GET", "Bad_Name/a", (400, "InvalidBucketName")),
        ("GET", "openbucket//a", (400, "InvalidObjectName")),
        ("GET", "openbucket/%ff", (400, "InvalidURI")),
        ("GET", "openbucket/a?versionId=1", (404, "NoSuchVersion")),
        ("GET", "openbucket/a?worm", (501, "NotImplemented")),
        ("PATCH", "openbucket/a", (405, "MethodNotAllowed")),
        ("GET", "openbucket/", (403, "AccessDenied")),
    ] {
        let refusal = cloud.anonymous(method, path).send().await.expect("an answer").refusal().await;
        assert_eq!((refusal.0, refusal.1.as_str()), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn an_upload_is_checked_before_it_is_kept() {
    let cloud = Cloud::start().await;
    for (headers, expected) in [
        (&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")][..], "InvalidDigest"),
        (&[("content-md5", "no")], "InvalidDigest"),
        (&[("x-oss-storage-class", "Cheap")], "InvalidArgument"),
        (&[("x-oss-forbid-overwrite", "maybe")], "InvalidArgument"),
        (&[("x-oss-callback", "e30=")], "InvalidArgument"),
    ] {
        let request = cloud.anonymous("PUT", "openbucket/a");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let refusal = request.body("x").send().await.expect("an answer").refusal().await;
        assert_eq!(refusal.1, expected, "{headers:?}");
    }
    let head = "PUT /openbucket/a HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
    assert!(cloud.raw(format!("{head}\r\n").as_bytes()).await.contains("<Code>MissingContentLength</Code>"));
    let long = format!("{head}Content-Length: 5368709121\r\nExpect: 100-continue\r\n\r\n");
    assert!(cloud.raw(long.as_bytes()).await.contains("<Code>EntityTooLarge</Code>"));
    let missing = cloud.anonymous("GET", "openbucket/a").send().await.expect("an answer");
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn an_object_can_be_kept_from_being_replaced() {
    let cloud = Cloud::start().await;
    for expected in [200, 409] {
        let request = cloud.anonymous("PUT", "openbucket/a").header("x-oss-forbid-overwrite", "true");
        assert_eq!(request.body("x").send().await.expect("an answer").status(), expected);
    }
}

#[tokio::test]
async fn reads_are_partial_conditional_and_dressed_as_asked() {
    let cloud = Cloud::start().await;
    put(&cloud, "openbucket/a", "0123456789").await;
    for (path, header, status, body) in [
        ("openbucket/a", ("range", "bytes=2-4"), 206, "234"),
        ("openbucket/a", ("range", "bytes=-3"), 206, "789"),
        ("openbucket/a", ("range", "bytes=5-50"), 200, "0123456789"),
        ("openbucket/a", ("range", "bytes=0-1,3-4"), 200, "0123456789"),
        ("openbucket/a", ("if-none-match", "\"781E5E245D69B566979B86E28D23F2C7\""), 304, ""),
        ("openbucket/a", ("if-match", "781e5e245d69b566979b86e28d23f2c7"), 200, "0123456789"),
    ] {
        let answer = cloud.anonymous("GET", path).header(header.0, header.1).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{header:?}");
        assert_eq!(answer.text().await.expect("a body"), body, "{header:?}");
    }
    let standard = cloud.anonymous("GET", "openbucket/a").header("x-oss-range-behavior", "standard");
    let refused = standard.header("range", "bytes=10-").send().await.expect("an answer");
    assert_eq!(refused.refusal().await, (416, "InvalidRange".to_owned()));
    let stale = cloud.anonymous("GET", "openbucket/a").header("if-match", "x").send().await.expect("an answer");
    assert_eq!(stale.refusal().await, (412, "PreconditionFailed".to_owned()));
    let path = "openbucket/a?response-content-type=text%2Fcsv&x-oss-process=image%2Finfo";
    let dressed = cloud.anonymous("GET", path).send().await.expect("an answer");
    assert_eq!(dressed.head("content-type"), "text/csv");
    assert_eq!(dressed.head("x-oss-emulator-process"), "not-processed");
    let split = cloud.anonymous("GET", "openbucket/a?response-expires=a%0D%0Ab").send().await.expect("an answer");
    assert_eq!(split.refusal().await.1, "InvalidArgument");
}

#[tokio::test]
async fn objects_are_copied_appended_tagged_and_removed() {
    let cloud = Cloud::start().await;
    put(&cloud, "openbucket/a", "12345").await;
    let copied = cloud.signed("PUT", "examplebucket/b%20c", &[("x-oss-copy-source", "/openbucket/a")]);
    let copied = copied.send().await.expect("an answer").text().await.expect("a body");
    assert_eq!(element(&copied, "ETag"), "\"827CCB0EEA8A706C4C34A16891F84E7B\"");
    for (position, text, expected) in [(0, "1234", 200), (0, "56789", 409), (4, "56789", 200)] {
        let path = format!("openbucket/log?append&position={position}");
        let answer = cloud.anonymous("POST", &path).body(text).send().await.expect("an answer");
        assert_eq!(answer.status(), expected, "{position}");
        if position == 4 {
            assert_eq!(answer.head("x-oss-hash-crc64ecma"), "11051210869376104954");
            assert_eq!(answer.head("x-oss-next-append-position"), "9");
        }
    }
    let tagging = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    let path = "examplebucket/b%20c?tagging";
    assert_eq!(cloud.signed("PUT", path, &[]).body(tagging).send().await.expect("an answer").status(), 200);
    let tags = cloud.signed("GET", path, &[]).send().await.expect("an answer").text().await.expect("a body");
    assert!(tags.ends_with(tagging), "{tags}");
    let list = "<Delete><Object><Key>b c</Key></Object><Object><Key>none</Key></Object></Delete>";
    let removed = cloud.signed("POST", "examplebucket/?delete", &[]).body(list).send().await.expect("an answer");
    assert_eq!(elements(&removed.text().await.expect("a body"), "Key"), ["b c", "none"]);
    let gone = cloud.signed("GET", "examplebucket/b%20c", &[]).send().await.expect("an answer");
    assert_eq!(gone.status(), 404);
    assert_eq!(cloud.anonymous("DELETE", "openbucket/a").send().await.expect("an answer").status(), 204);
}

#[tokio::test]
async fn listings_come_in_pages_of_both_versions() {
    let cloud = Cloud::start().await;
    for key in ["a%0Ab", "dir/1", "dir/2", "z"] {
        let answer =
            cloud.signed("PUT", &format!("examplebucket/{key}"), &[]).body("x").send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    let first = "examplebucket/?delimiter=%2F&encoding-type=url&list-type=2&max-keys=2";
    let page = cloud.signed("GET", first, &[]).send().await.expect("an answer").text().await.expect("a body");
    assert_eq!(elements(&page, "Key"), ["a%0Ab"]);
    assert_eq!(elements(&page, "Prefix"), ["", "dir%2F"]);
    assert_eq!((element(&page, "KeyCount"), element(&page, "IsTruncated")), ("2".to_owned(), "true".to_owned()));
    let next = format!("{first}&continuation-token={}", element(&page, "NextContinuationToken"));
    let page = cloud.signed("GET", &next, &[]).send().await.expect("an answer").text().await.expect("a body");
    assert_eq!((elements(&page, "Key"), element(&page, "IsTruncated")), (vec!["z".to_owned()], "false".to_owned()));
    let path = "examplebucket/?marker=dir%2F1&max-keys=1";
    let page = cloud.signed("GET", path, &[]).send().await.expect("an answer").text().await.expect("a body");
    assert_eq!((elements(&page, "Key"), element(&page, "NextMarker")), (vec!["dir/2".to_owned()], "dir/2".to_owned()));
    let path = "examplebucket/?continuation-token=&list-type=2&start-after=dir%2F2";
    let page = cloud.signed("GET", path, &[]).send().await.expect("an answer").text().await.expect("a body");
    assert_eq!(elements(&page, "Key"), ["z"], "an empty token is none");
    let path = "examplebucket/?max-keys=1001";
    let refused = cloud.signed("GET", path, &[]).send().await.expect("an answer");
    assert_eq!(refused.refusal().await, (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn buckets_tell_what_they_are_and_more_can_be_made() {
    let mut options = options();
    options.users[0].root = true;
    let cloud = Cloud::with(options).await;
    let made = cloud.signed("PUT", "another-one/", &[("x-oss-acl", "public-read")]).send().await.expect("an answer");
    assert_eq!(made.status(), 200);
    for (path, name, expected) in [
        ("another-one/?acl", "Grant", vec!["public-read"]),
        ("another-one/?bucketInfo", "Location", vec!["oss-cn-hangzhou"]),
        ("another-one/?location", "LocationConstraint", vec!["oss-cn-hangzhou"]),
        ("", "Name", vec!["another-one", "examplebucket", "openbucket"]),
    ] {
        let answer = cloud.signed("GET", path, &[]).send().await.expect("an answer");
        assert_eq!(elements(&answer.text().await.expect("a body"), name), expected, "{path}");
    }
}

#[tokio::test]
async fn a_folder_keeps_the_objects_over_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = || Options { data_dir: Some(folder.path().to_owned()), ..options() };
    let first = Cloud::with(options()).await;
    put(&first, "openbucket/a", "kept").await;
    drop(Emulator::new(options(), now).expect("the folder can be opened twice"));
    let second = Cloud::with(options()).await;
    let answer = second.anonymous("GET", &format!("{OPEN_BUCKET}/a")).send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("a body"), "kept");
}
