//! From what was pasted to what is said.

use super::*;

fn told(answer: &str, request: &str) -> Diagnosis {
    let asked = Asked::read(request);
    diagnose(&Answer::read(answer).expect("it holds an error"), asked.as_ref())
}

fn about<'d>(diagnosis: &'d Diagnosis, what: &str) -> &'d str {
    diagnosis.findings.iter().find(|finding| finding.about == what).map_or("", |finding| finding.says.as_str())
}

const V1: &str = "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><SignatureProvided>SECRETSIG</SignatureProvided>\
                  <StringToSign>PUT\n\ntext/plain\n1700000000\n/b/uploads/a.png</StringToSign></Error>";
const V4: &str = "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><EC>0002-00000201</EC>\
                  <StringToSign>OSS4-HMAC-SHA256\n20260101T000000Z\n20260101/cn-hangzhou/oss/aliyun_v4_request\nabc</StringToSign>\
                  <CanonicalRequest>PUT\n/b/uploads/a.png\nx-oss-date=20260101T000000Z\ncontent-type:text/plain\n\n\n\
                  UNSIGNED-PAYLOAD</CanonicalRequest></Error>";

#[test]
fn the_first_line_that_differs_is_named() {
    let url = "https://b.oss-cn-hangzhou.aliyuncs.com/uploads/a.png?OSSAccessKeyId=x&Expires=1700000000&Signature=y";
    let diagnosis = told(V1, url);
    assert_eq!(
        about(&diagnosis, "signature"),
        "the first difference is Content-Type: this request has \"(empty)\", OSS saw \"text/plain\""
    );
    assert!(about(&diagnosis, "content-type").contains("text/plain"));
    let intended = r#"{"method":"PUT","url":"https://b.oss-cn-hangzhou.aliyuncs.com/uploads/a.png?x-oss-date=20260101T000000Z",
                       "headers":{"Content-Type":"image/png"}}"#;
    let diagnosis = told(V4, intended);
    assert_eq!(
        about(&diagnosis, "signature"),
        "the first difference is a header: this request has \"content-type:image/png\", OSS saw \"content-type:text/plain\""
    );
    let same = intended.replace("image/png", "text/plain");
    assert!(about(&told(V4, &same), "signature").starts_with("OSS signed the very text"));
    let other = same.replace("T000000Z", "T000001Z");
    assert_eq!(
        about(&told(V4, &other), "signature"),
        "the first difference is a parameter of the query: this request has \"x-oss-date=20260101T000001Z\", OSS saw \
         \"x-oss-date=20260101T000000Z\""
    );
}

#[test]
fn clocks_lives_and_conditions_are_put_in_words() {
    let skewed = "<Error><Code>RequestTimeTooSkewed</Code><RequestTime>2026-01-01T00:00:00.000Z</RequestTime>\
                  <ServerTime>2026-01-01T00:20:00.000Z</ServerTime></Error>";
    assert_eq!(about(&told(skewed, ""), "clock"), "the clock that signed is 1200 s behind that of OSS");
    let over = "<Error><Code>AccessDenied</Code><Message>Request has expired.</Message><Expires>2026-01-01T00:00:00.000Z</Expires>\
                <ServerTime>Thu, 01 Jan 2026 00:01:00 GMT</ServerTime></Error>";
    let diagnosis = told(over, "");
    assert_eq!(about(&diagnosis, "expiry"), "it ended 60 s before it was used");
    assert_eq!(diagnosis.meaning.as_deref(), Some("the URL is over"));
    let failed = "<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy Condition failed: \
                  [\"starts-with\", \"$key\", \"uploads/\"]</Message></Error>";
    assert_eq!(about(&told(failed, ""), "policy"), "the form's field \"key\" has to begin with \"uploads/\"");
}

#[test]
fn a_token_that_lost_its_plus_is_seen_and_not_shown() {
    let answer = "<Error><Code>InvalidSecurityToken</Code><Message>The security token you provided is invalid.</Message></Error>";
    let token = "CAIS".repeat(20);
    let diagnosis =
        told(answer, &format!("https://b.oss-cn-hangzhou.aliyuncs.com/k?x-oss-security-token={token}+{token}"));
    assert!(about(&diagnosis, "token").contains("%2B"));
    assert!(!format!("{diagnosis:?}").contains("CAIS"));
}

#[test]
fn what_is_not_known_is_not_invented() {
    let diagnosis =
        told("<Error><Code>BrandNewCode</Code><Message>words</Message><RequestId>R1</RequestId></Error>", "");
    assert!(!diagnosis.known && diagnosis.meaning.is_none() && diagnosis.change.is_none());
    assert_eq!((diagnosis.message.as_str(), diagnosis.request_id.as_deref()), ("words", Some("R1")));
}

#[test]
fn sts_and_our_own_problems_have_their_hints() {
    let sts = r#"{"RequestId":"R","HostId":"sts.aliyuncs.com","Code":"EntityNotExist.Role","Message":"The specified Role not exists ."}"#;
    assert!(told(sts, "").change.unwrap().contains("`sts.role_arn`"));
    let ours = r#"{"type":"about:blank","title":"Forbidden","status":403,"code":"grant_not_allowed","detail":"no","hint":"ask for another grant"}"#;
    let diagnosis = told(ours, "");
    assert_eq!((diagnosis.service, diagnosis.change.as_deref()), ("oss-vend", Some("ask for another grant")));
}
