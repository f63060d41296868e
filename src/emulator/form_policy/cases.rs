//! What forms their policies let in, row by row. `sure` rows follow the documentation of PostObject; the others are the
//! likeliest reading of what it leaves open, and were never held against the real service.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;

use super::super::knobs::AbsentField;
use super::super::wire::FormFields;
use super::{Posted, check_form_policy};

/// 2030-06-15T12:00:00Z.
const NOW: i64 = 1_907_755_200;

const FORM: [(&str, &str); 4] = [
    ("Key", "in/7/cat.jpg"),
    ("Content-Type", "image/jpeg"),
    ("x-oss-meta-Album", "pets"),
    ("note", "not in the policy"),
];

fn outcome(policy: &str, size: u64) -> &'static str {
    let fields = FormFields::new(FORM.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    let form = Posted { bucket: "pics", fields: &fields, file_size: size };
    check_form_policy(&STANDARD.encode(policy), &form, AbsentField::Fails, now)
        .map_or_else(|error| error.code, |()| "in")
}

/// Whether the documentation says so, the conditions, the size of the file, and what comes of it.
const CONDITIONS: [(bool, &str, u64, &str); 34] = [
    (true, r#"{"bucket":"pics"},{"key":"in/7/cat.jpg"}"#, 9, "in"),
    (true, r#"{"bucket":"other"}"#, 9, "AccessDenied"),
    (true, r#"["eq","$bucket","pics"]"#, 9, "in"),
    (true, r#"["eq","$key","in/7/cat.jpg"]"#, 9, "in"),
    (true, r#"["eq","$key","in/7/Cat.jpg"]"#, 9, "AccessDenied"),
    (true, r#"["starts-with","$key","in/7/"]"#, 9, "in"),
    (true, r#"["starts-with","$key","in/8/"]"#, 9, "AccessDenied"),
    (true, r#"["starts-with","$x-oss-meta-album","pe"]"#, 9, "in"),
    (true, r#"["in","$content-type",["image/png","image/jpeg"]]"#, 9, "in"),
    (true, r#"["in","$content-type",["image/png"]]"#, 9, "AccessDenied"),
    (true, r#"["not-in","$content-type",["text/html"]]"#, 9, "in"),
    (true, r#"["not-in","$content-type",["text/html","image/jpeg"]]"#, 9, "AccessDenied"),
    (true, r#"["content-length-range",9,20]"#, 9, "in"),
    (true, r#"["content-length-range",1,9]"#, 9, "in"),
    (true, r#"["content-length-range",10,20]"#, 9, "EntityTooSmall"),
    (true, r#"["content-length-range",1,8]"#, 9, "EntityTooLarge"),
    (true, r#"["starts-with","$key","in/"],["eq","$content-type","image/png"]"#, 9, "AccessDenied"),
    (true, r#"{"key":"in/7/cat.jpg","bucket":"pics"}"#, 9, "InvalidPolicyDocument"),
    (true, r#"["content-length-range","1","9"]"#, 9, "InvalidPolicyDocument"),
    (true, r#"["starts-with","$bucket","pi"]"#, 9, "InvalidPolicyDocument"),
    (false, r#"["starts-with","$key",""]"#, 9, "in"),
    (false, r#"["starts-with","$note",""]"#, 9, "in"),
    (true, r#"["eq","$absent",""]"#, 9, "AccessDenied"),
    (false, r#"["starts-with","$absent",""]"#, 9, "AccessDenied"),
    (false, r#"["not-in","$absent",["a"]]"#, 9, "AccessDenied"),
    (false, r#"["eq","$KEY","in/7/cat.jpg"]"#, 9, "in"),
    (false, r#"["content-length-range",0,9]"#, 0, "in"),
    (false, r#"["content-length-range",1,9],["content-length-range",5,99]"#, 4, "EntityTooSmall"),
    (false, r#"["matches","$key","in/.*"]"#, 9, "InvalidPolicyDocument"),
    (false, r#"["eq","key","in/7/cat.jpg"]"#, 9, "InvalidPolicyDocument"),
    (false, r#"["EQ","$key","in/7/cat.jpg"]"#, 9, "InvalidPolicyDocument"),
    (false, r#"["eq","$key",7]"#, 9, "InvalidPolicyDocument"),
    (false, "7", 9, "InvalidPolicyDocument"),
    (false, "", 9, "InvalidPolicyDocument"),
];

#[test]
fn forms_come_in_as_the_documentation_says_or_as_is_likeliest() {
    for (sure, conditions, size, expected) in CONDITIONS {
        let policy = format!(r#"{{"expiration":"2030-06-15T12:30:00.000Z","conditions":[{conditions}]}}"#);
        assert_eq!(outcome(&policy, size), expected, "{conditions}, {size} bytes, sure: {sure}");
    }
}

#[test]
fn a_policy_has_an_end_that_lies_ahead() {
    for (sure, expiration, expected) in [
        (true, r#""2030-06-15T12:00:01.000Z""#, "in"),
        (true, r#""2030-06-15T12:00:01Z""#, "in"),
        (true, r#""2030-06-15T11:59:59.000Z""#, "AccessDenied"),
        (false, r#""2030-06-15T20:30:00+08:00""#, "InvalidPolicyDocument"),
        (false, r#""15 Jun 2030""#, "InvalidPolicyDocument"),
        (false, "1907758800", "InvalidPolicyDocument"),
        (false, "null", "InvalidPolicyDocument"),
    ] {
        let policy = format!(r#"{{"expiration":{expiration},"conditions":[{{"bucket":"pics"}}]}}"#);
        assert_eq!(outcome(&policy, 9), expected, "{expiration}, sure: {sure}");
    }
}
