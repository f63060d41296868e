use crate::support::{Answer as _, Cloud, element, elements};

const PART: usize = 100 * 1024;

async fn begin(cloud: &Cloud, headers: &[(&str, &str)]) -> String {
    let answer = cloud.signed("POST", "examplebucket/big?uploads", headers).send().await.expect("an answer");
    element(&answer.text().await.expect("a body"), "UploadId")
}

async fn put(cloud: &Cloud, upload: &str, number: u32, bytes: Vec<u8>) -> reqwest::Response {
    let path = format!("examplebucket/big?partNumber={number}&uploadId={upload}");
    cloud.signed("PUT", &path, &[]).body(bytes).send().await.expect("an answer")
}

async fn complete(cloud: &Cloud, upload: &str, parts: &[(u32, &str)]) -> reqwest::Response {
    let named =
        parts.iter().map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    let document = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", named.collect::<String>());
    let path = format!("examplebucket/big?uploadId={upload}");
    cloud.signed("POST", &path, &[]).body(document).send().await.expect("an answer")
}

#[tokio::test]
async fn parts_become_one_object_with_the_checksum_of_the_whole() {
    let cloud = Cloud::start().await;
    let upload = begin(&cloud, &[("content-type", "video/mp4")]).await;
    let (first, last) = (vec![b'a'; PART], b"tail".to_vec());
    // Out of order and at once, as clients do.
    let (two, one) = tokio::join!(put(&cloud, &upload, 7, last.clone()), put(&cloud, &upload, 2, first.clone()));
    let (one, two) = (one.head("etag"), two.head("etag"));
    let listed = cloud.signed("GET", &format!("examplebucket/big?max-parts=1&uploadId={upload}"), &[]);
    let listed = listed.send().await.expect("an answer").text().await.expect("a body");
    assert_eq!((elements(&listed, "PartNumber"), element(&listed, "Size")), (vec!["2".to_owned()], PART.to_string()));
    assert_eq!(
        (element(&listed, "NextPartNumberMarker"), element(&listed, "IsTruncated")),
        ("2".to_owned(), "true".to_owned())
    );
    let whole = complete(&cloud, &upload, &[(2, &one), (7, two.trim_matches('"'))]).await;
    let checksum = whole.head("x-oss-hash-crc64ecma");
    let etag = element(&whole.text().await.expect("a body"), "ETag");
    assert!(etag.ends_with("-2\"") && etag.len() == 36, "{etag}");
    let bytes = [first, last].concat();
    let plain = cloud.signed("PUT", "examplebucket/plain", &[]).body(bytes.clone()).send().await.expect("an answer");
    assert_eq!(plain.head("x-oss-hash-crc64ecma"), checksum);
    let read = cloud.signed("GET", "examplebucket/big", &[]).send().await.expect("an answer");
    assert_eq!(
        (read.head("content-type").as_str(), read.head("x-oss-object-type").as_str()),
        ("video/mp4", "Multipart")
    );
    assert_eq!(read.bytes().await.expect("a body"), bytes);
    assert_eq!(complete(&cloud, &upload, &[(2, &one)]).await.refusal().await, (404, "NoSuchUpload".to_owned()));
}

#[tokio::test]
async fn an_upload_is_completed_only_when_its_parts_are_right() {
    let cloud = Cloud::start().await;
    let upload = begin(&cloud, &[]).await;
    let one = put(&cloud, &upload, 1, vec![1; 10]).await.head("etag");
    let two = put(&cloud, &upload, 2, vec![2; 10]).await.head("etag");
    for (parts, expected) in [
        (&[(1, one.as_str()), (2, two.as_str())][..], (400, "EntityTooSmall")),
        (&[(2, &two), (1, &one)], (400, "InvalidPartOrder")),
        (&[(1, &two)], (400, "InvalidPart")),
        (&[(3, &one)], (400, "InvalidPart")),
        (&[], (400, "MalformedXML")),
    ] {
        let refusal = complete(&cloud, &upload, parts).await.refusal().await;
        assert_eq!((refusal.0, refusal.1.as_str()), expected, "{parts:?}");
    }
    for (number, expected) in [(0, "InvalidArgument"), (10_001, "InvalidArgument")] {
        assert_eq!(put(&cloud, &upload, number, vec![]).await.refusal().await.1, expected, "{number}");
    }
    assert_eq!(put(&cloud, "none", 1, vec![]).await.refusal().await, (404, "NoSuchUpload".to_owned()));
}

#[tokio::test]
async fn all_parts_can_be_taken_and_an_upload_can_be_given_up() {
    let cloud = Cloud::start().await;
    let (kept, dropped) = (begin(&cloud, &[]).await, begin(&cloud, &[]).await);
    put(&cloud, &kept, 1, b"all".to_vec()).await;
    let listed = cloud.signed("GET", "examplebucket/?uploads", &[]).send().await.expect("an answer");
    assert_eq!(elements(&listed.text().await.expect("a body"), "UploadId").len(), 2);
    let path = format!("examplebucket/big?uploadId={dropped}");
    assert_eq!(cloud.signed("DELETE", &path, &[]).send().await.expect("an answer").status(), 204);
    assert_eq!(cloud.signed("DELETE", &path, &[]).send().await.expect("an answer").status(), 404);
    let path = format!("examplebucket/big?uploadId={kept}");
    let all = cloud.signed("POST", &path, &[("x-oss-complete-all", "yes")]).send().await.expect("an answer");
    assert_eq!(all.status(), 200);
    let read = cloud.signed("GET", "examplebucket/big", &[]).send().await.expect("an answer");
    assert_eq!(read.text().await.expect("a body"), "all");
}

#[tokio::test]
async fn of_two_who_complete_an_upload_at_once_one_does() {
    let cloud = Cloud::start().await;
    for _ in 0..8 {
        let upload = begin(&cloud, &[]).await;
        // Both send the first part, with different bytes: the last one stands, and both know which.
        let (one, other) =
            tokio::join!(put(&cloud, &upload, 1, vec![b'a'; PART]), put(&cloud, &upload, 1, vec![b'b'; PART]));
        let last = put(&cloud, &upload, 2, b"end".to_vec()).await.head("etag");
        let (one, other) = (one.head("etag"), other.head("etag"));
        assert_ne!(one, other);
        let (with_one, with_other) =
            ([(1, one.as_str()), (2, last.as_str())], [(1, other.as_str()), (2, last.as_str())]);
        let (first, second) =
            tokio::join!(complete(&cloud, &upload, &with_one), complete(&cloud, &upload, &with_other));
        let mut outcomes = [first.refusal().await, second.refusal().await];
        outcomes.sort();
        assert_eq!(outcomes[0].0, 200, "{outcomes:?}");
        assert!(["InvalidPart", "NoSuchUpload"].contains(&outcomes[1].1.as_str()), "{outcomes:?}");
    }
    let upload = begin(&cloud, &[]).await;
    let etag = put(&cloud, &upload, 1, b"x".to_vec()).await.head("etag");
    let parts = [(1, etag.as_str())];
    let (first, second) = tokio::join!(complete(&cloud, &upload, &parts), complete(&cloud, &upload, &parts));
    let mut statuses = [first.status().as_u16(), second.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
}

#[tokio::test]
async fn an_upload_that_was_given_up_takes_no_part_and_is_not_completed() {
    let cloud = Cloud::start().await;
    let upload = begin(&cloud, &[]).await;
    let etag = put(&cloud, &upload, 1, b"x".to_vec()).await.head("etag");
    let path = format!("examplebucket/big?uploadId={upload}");
    assert_eq!(cloud.signed("DELETE", &path, &[]).send().await.expect("an answer").status(), 204);
    let gone = (404, "NoSuchUpload".to_owned());
    assert_eq!(put(&cloud, &upload, 2, b"y".to_vec()).await.refusal().await, gone);
    assert_eq!(complete(&cloud, &upload, &[(1, &etag)]).await.refusal().await, gone);
    assert_eq!(cloud.signed("GET", &path, &[]).send().await.expect("an answer").refusal().await, gone);
    let object = cloud.signed("GET", "examplebucket/big", &[]).send().await.expect("an answer");
    assert_eq!(object.status(), 404);
}
