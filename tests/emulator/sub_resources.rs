//! A query parameter that chooses an operation chooses that one and never another: what the emulator does not have is 501.

use reqwest::Response;

use crate::support::{Answer as _, Cloud, element, form, options};

/// Names by which SDKs choose an operation or a variant of one: the union of all SDKs' lists.
const NAMES: &str = "\
    accessPoint accessPointConfigForObjectProcess accessPointForObjectProcess accessPointPolicy \
    accessPointPolicyForObjectProcess accessmonitor acl append asyncFetch bucketArchiveDirectRead bucketInfo \
    callback callback-var cleanRestoredObject cloudboxes cname comp continuation-token cors dataPipeline delete \
    encryption endTime group httpsConfig img inventory inventoryId legalHold lifecycle link live location logging \
    metaQuery objectInfo objectMeta objectWorm overwriteConfig partNumber policy policyStatus position processConf \
    publicAccessBlock qos qosInfo qosRequester redundancyTransition referer regionList regions replication \
    replicationLocation replicationProgress requestPayment requesterQosInfo resourceGroup resourcePool \
    resourcePoolBuckets resourcePoolInfo response-cache-control response-content-disposition \
    response-content-encoding response-content-language response-content-type response-expires responseHeader \
    restore retention rtc seal select sequential startTime stat status style styleName symlink tagging torrent \
    transferAcceleration udf udfApplication udfApplicationLog udfId udfImage udfImageDesc udfName uploadId uploads \
    userDefinedLogFieldsConfig versionId versioning versions vip vod vpcip website withHashContext worm wormExtend \
    wormId x-oss-access-point-name x-oss-async-process x-oss-enable-md5 x-oss-enable-sha1 x-oss-enable-sha256 \
    x-oss-hash-ctx x-oss-md5-ctx x-oss-process x-oss-redundancy-transition-taskid x-oss-target-redundancy-type \
    x-oss-write-get-object-response \
";

/// Names that no SDK knows: what changes something must not take these either.
const STRANGE: [&str; 4] = ["nothing-yet", "acl ", " acl", "versionid\u{0}"];

fn names() -> impl Iterator<Item = &'static str> {
    NAMES.split_whitespace().chain(STRANGE)
}

/// What a method does with a name in the query, beside refusing it, and which operation that is. Whatever is not here and
/// could change something has to be refused.
const TAKEN: &[(&str, &str, &str, &str)] = &[
    ("PUT", BUCKET, "acl", "PutBucketAcl"),
    ("PUT", BUCKET, "cors", "PutBucketCors"),
    ("PUT", BUCKET, "lifecycle", "PutBucketLifecycle"),
    ("PUT", BUCKET, "versioning", "PutBucketVersioning"),
    ("POST", BUCKET, "delete", "DeleteMultipleObjects"),
    ("DELETE", BUCKET, "cors", "DeleteBucketCors"),
    ("DELETE", BUCKET, "lifecycle", "DeleteBucketLifecycle"),
    ("PUT", OBJECT, "acl", "PutObjectAcl"),
    ("PUT", OBJECT, "callback", "PutObject"),
    ("PUT", OBJECT, "callback-var", "PutObject"),
    ("PUT", OBJECT, "partNumber", "UploadPart"),
    ("PUT", OBJECT, "symlink", "PutSymlink"),
    ("PUT", OBJECT, "tagging", "PutObjectTagging"),
    ("PUT", OBJECT, "uploadId", "UploadPart"),
    ("POST", OBJECT, "append", "AppendObject"),
    ("POST", OBJECT, "restore", "RestoreObject"),
    ("POST", OBJECT, "uploadId", "CompleteMultipartUpload"),
    ("POST", OBJECT, "uploads", "InitiateMultipartUpload"),
    ("DELETE", OBJECT, "tagging", "DeleteObjectTagging"),
    ("DELETE", OBJECT, "uploadId", "AbortMultipartUpload"),
    ("DELETE", OBJECT, "versionId", "DeleteObject"),
];

/// Pairs of names that belong to one operation.
const TOGETHER: &[(&str, &str)] = &[
    ("acl", "versionId"),
    ("append", "position"),
    ("callback", "callback-var"),
    ("callback", "uploadId"),
    ("callback-var", "uploadId"),
    ("partNumber", "uploadId"),
    ("restore", "versionId"),
    ("sequential", "uploads"),
    ("tagging", "versionId"),
];

const BUCKET: &str = "other-one/";
const OBJECT: &str = "other-one/a";
const CHANGING: [&str; 3] = ["PUT", "POST", "DELETE"];

/// A bucket without objects, and one with an object, whose user may do everything.
async fn cloud() -> Cloud {
    let mut options = options();
    options.users[0].root = true;
    let cloud = Cloud::with(options).await;
    for path in ["other-one/", OBJECT] {
        assert_eq!(send(&cloud, "PUT", path, path).await.status(), 200);
    }
    cloud
}

async fn send(cloud: &Cloud, method: &str, wire: &str, resource: &str) -> Response {
    cloud.signed_for(method, wire, resource, &[]).body("kept").send().await.expect("an answer")
}

/// All that can be read of the bucket and its object.
async fn state(cloud: &Cloud) -> Vec<String> {
    let mut state = Vec::new();
    for path in [
        "?acl",
        "?bucketInfo",
        "?cors",
        "?lifecycle",
        "?uploads",
        "?versioning",
        "?versions",
        "a",
        "a?acl",
        "a?tagging",
    ] {
        let path = format!("{BUCKET}{path}");
        let answer = send(cloud, "GET", &path, &path).await;
        let (etag, text) = (answer.head("etag"), answer.text().await.expect("a body"));
        let id = element(&text, "RequestId");
        state.push(if id.is_empty() { etag + &text } else { text.replace(&id, "") });
    }
    state
}

fn encoded(name: &str) -> String {
    let literal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let each = |byte: u8| if literal(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(each).collect()
}

/// Ways to write a query of these names: as on the wire, and as it is signed.
fn spellings(names: &[&str]) -> Vec<(String, String)> {
    let join = |each: &dyn Fn(&str) -> String| names.iter().map(|name| each(name)).collect::<Vec<_>>().join("&");
    let hidden = |name: &str| name.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let same = |text: String| (text.clone(), text);
    let plain = join(&encoded);
    vec![
        same(plain.clone()),
        (join(&|name| encoded(name) + "="), plain.clone()),
        same(join(&|name| encoded(name) + "=1")),
        same(join(&|name| encoded(&name.to_uppercase()))),
        same(join(&|name| encoded(&name.to_lowercase()))),
        (join(&hidden), plain),
    ]
}

fn is_taken(method: &str, level: &str, names: &[&str], query: &str) -> bool {
    let exact = |name: &str| query.split('&').any(|pair| pair.trim_end_matches('1').trim_end_matches('=') == name);
    let taken = |name: &str| TAKEN.iter().any(|taken| (taken.0, taken.1, taken.2) == (method, level, name));
    match names {
        [name] => taken(name) && exact(name),
        [one, other] => {
            let together = TOGETHER.iter().any(|pair| *pair == (*one, *other) || *pair == (*other, *one));
            together && (taken(one) || taken(other)) && exact(one) && exact(other)
        }
        _ => false,
    }
}

#[tokio::test]
async fn a_name_that_chooses_an_operation_that_is_not_here_changes_nothing() {
    let cloud = cloud().await;
    let before = state(&cloud).await;
    for (at, name) in names().enumerate() {
        for level in [BUCKET, OBJECT] {
            for method in CHANGING {
                let mut ways = spellings(&[name]);
                let another = ways.swap_remove(1 + at % 5);
                for (wire, signed) in [ways.swap_remove(0), another] {
                    if is_taken(method, level, &[name], &signed) {
                        continue;
                    }
                    let answer = send(&cloud, method, &format!("{level}?{wire}"), &format!("{level}?{signed}")).await;
                    let refusal = answer.refusal().await;
                    assert_eq!(refusal, (501, "NotImplemented".to_owned()), "{method} {level}?{wire}");
                }
            }
        }
    }
    assert_eq!(state(&cloud).await, before);
}

#[tokio::test]
async fn two_names_that_choose_two_operations_change_nothing() {
    let cloud = cloud().await;
    let before = state(&cloud).await;
    for (at, (method, level, own, _)) in TAKEN.iter().enumerate() {
        // Each name with a third of the others: all pairs would take long.
        for name in names().skip(at % 3).step_by(3).filter(|name| name != own) {
            let (wire, signed) = spellings(&[own, name]).swap_remove(at % 3);
            if is_taken(method, level, &[own, name], &signed) {
                continue;
            }
            let answer = send(&cloud, method, &format!("{level}?{wire}"), &format!("{level}?{signed}")).await;
            assert_eq!(answer.refusal().await, (501, "NotImplemented".to_owned()), "{method} {level}?{wire}");
        }
    }
    assert_eq!(state(&cloud).await, before);
}

#[tokio::test]
async fn a_read_that_names_another_operation_is_refused_and_an_unknown_name_is_not_looked_at() {
    let cloud = cloud().await;
    for name in
        ["legalHold", "LEGALHOLD", "retention", "objectInfo", "x-oss-new-one", "X-OSS-Process", "uploads", "append"]
    {
        let path = format!("{OBJECT}?{name}");
        assert_eq!(send(&cloud, "GET", &path, &path).await.status(), 501, "{name}");
        assert_eq!(send(&cloud, "HEAD", &path, &path).await.status(), 501, "{name}");
    }
    for name in ["overwriteConfig", "replication", "tagging", "x-oss-process", "versionId"] {
        let path = format!("{BUCKET}?{name}");
        assert_eq!(send(&cloud, "GET", &path, &path).await.status(), 501, "{name}");
    }
    let path = format!("{OBJECT}?t=1739520550");
    assert_eq!(send(&cloud, "GET", &path, &path).await.text().await.expect("a body"), "kept");
}

#[tokio::test]
async fn each_name_that_is_taken_asks_for_its_own_operation() {
    for (method, level, name, operation) in TAKEN {
        let cloud = cloud().await;
        let path = format!("{level}?{name}");
        send(&cloud, method, &path, &path).await;
        let calls = cloud.emulator.knobs().calls();
        assert_eq!(calls.last().map(|call| call.operation.as_str()), Some(*operation), "{method} {path}");
    }
}

#[tokio::test]
async fn a_signed_url_is_no_upload_once_a_name_is_added_to_it() {
    let cloud = Cloud::start().await;
    for name in ["legalHold", "%6cegalHold", "acl", "x", "partNumber=1&uploadId=U", "append&position=0"] {
        // V1 covers no name that it does not know: the signature of the URL stays right.
        let answer = cloud.anonymous("PUT", &format!("openbucket/a?{name}")).body("x").send().await.expect("an answer");
        assert!(answer.status().as_u16() >= 400, "{name}");
    }
    let read = cloud.anonymous("GET", "openbucket/a").send().await.expect("an answer");
    assert_eq!(read.status(), 404);
}

#[tokio::test]
async fn a_form_is_no_upload_with_a_name_in_its_query() {
    let cloud = Cloud::start().await;
    for name in ["legalHold", "policy", "callback=e30=", "acl", "nothing-yet", "delete&acl", "%61cl"] {
        let posted = form(cloud.anonymous("POST", &format!("openbucket/?{name}")), &[("key", "a")], b"x");
        assert_eq!(posted.send().await.expect("an answer").status(), 501, "{name}");
    }
    let head = cloud.anonymous("HEAD", "openbucket/?acl").send().await.expect("an answer");
    assert_eq!(head.status(), 405);
    assert_eq!(cloud.anonymous("GET", "openbucket/a").send().await.expect("an answer").status(), 404);
}

#[tokio::test]
async fn a_repeated_parameter_is_refused_or_means_what_it_meant_once() {
    let cloud = cloud().await;
    let before = state(&cloud).await;
    for (method, query) in [
        ("PUT", "callback=e30&callback=e30"),
        ("PUT", "partNumber=1&partNumber=2&uploadId=U"),
        ("PUT", "partNumber=1&uploadId=U&uploadId=V"),
        ("POST", "append&position=4&position=5"),
        ("DELETE", "versionId=1&versionId=null"),
        ("DELETE", "versionId="),
        ("GET", "versionId=1&versionId=null"),
        ("GET", "response-expires=0&response-expires=1"),
        ("GET", "x-oss-process=style%2Fa&x-oss-process=style%2Fb"),
        ("PUT", "=1"),
        ("PUT", "x;acl"),
        ("PUT", "acl;tagging"),
    ] {
        let path = format!("{OBJECT}?{query}");
        let status = send(&cloud, method, &path, &path).await.status().as_u16();
        assert!([400, 403, 404, 501].contains(&status), "{method} {query}: {status}");
    }
    assert_eq!(state(&cloud).await, before);
    let path = format!("{OBJECT}?acl&acl");
    let answer = cloud.signed("PUT", &path, &[("x-oss-object-acl", "private")]).body("other");
    assert_eq!(answer.send().await.expect("an answer").status(), 200);
    let read = send(&cloud, "GET", OBJECT, OBJECT).await;
    assert_eq!(read.text().await.expect("a body"), "kept");
}
