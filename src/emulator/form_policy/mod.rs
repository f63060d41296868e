//! The policy of a posted form, held against its fields and its file.

#[cfg(test)]
mod cases;
mod document;

use chrono::{DateTime, Utc};

use self::document::{Condition, Document, Operator};
use super::error::OssError;
use super::knobs::AbsentField;
use super::wire::FormFields;

/// The file sizes that a policy allows, both ends included, or `None` when it does not say. `Err` when it cannot be read.
pub(crate) fn content_length_range(policy_base64: &str) -> Result<Option<(u64, u64)>, OssError> {
    let document = Document::parse(policy_base64)?;
    let ranges = document.conditions.iter().filter_map(|condition| match condition {
        Condition::Size { least, most } => Some((*least, *most)),
        Condition::Field { .. } => None,
    });
    Ok(ranges.reduce(|one, other| (one.0.max(other.0), one.1.min(other.1))))
}

/// A form that a policy is held against.
pub(crate) struct Posted<'a> {
    /// The bucket that the request addresses.
    pub(crate) bucket: &'a str,
    /// The fields ahead of the file.
    pub(crate) fields: &'a FormFields,
    /// The size of the file in bytes.
    pub(crate) file_size: u64,
}

/// Holds the policy against the form, once its file has been read; `absent` says what a field that is not sent counts as.
///
/// Fields that no condition names pass, unlike at other clouds. `${filename}` in the key is still as the form has it.
pub(crate) fn check_form_policy(
    policy_base64: &str,
    form: &Posted<'_>,
    absent: AbsentField,
    now: DateTime<Utc>,
) -> Result<(), OssError> {
    let document = Document::parse(policy_base64)?;
    if now > document.expiration {
        return Err(against("Policy expired.").ec("0006-00000213"));
    }
    check_bound(&document, form.fields)?;
    // A wrong field is told before a wrong size: the fields came first.
    let (named, sizes): (Vec<_>, Vec<_>) =
        document.conditions.iter().partition(|condition| matches!(condition, Condition::Field { .. }));
    named.into_iter().chain(sizes).try_for_each(|condition| check(condition, form, absent))
}

fn check(condition: &Condition, form: &Posted<'_>, absent: AbsentField) -> Result<(), OssError> {
    match condition {
        Condition::Size { most, .. } if form.file_size > *most => Err(OssError::entity_too_large()),
        Condition::Size { least, .. } if form.file_size < *least => Err(OssError::entity_too_small()),
        Condition::Size { .. } => Ok(()),
        Condition::Field { name, operator } => {
            let sent = if name == "bucket" { Some(form.bucket) } else { field(form.fields, name)? };
            let failed = |ec| Err(against(&format!("Policy Condition failed: {condition}")).ec(ec));
            match (sent, absent) {
                (None, AbsentField::Fails) => failed(ABSENT),
                (None, AbsentField::Empty) if holds(operator, "") => Ok(()),
                (Some(value), _) if holds(operator, value) => Ok(()),
                _ => failed(DIFFERENT),
            }
        }
    }
}

fn holds(operator: &Operator, value: &str) -> bool {
    match operator {
        Operator::Equals(wanted) => value == *wanted,
        Operator::StartsWith(prefix) => value.starts_with(prefix),
        Operator::In(list) => list.iter().any(|wanted| value == *wanted),
        Operator::NotIn(list) => list.iter().all(|unwanted| value != *unwanted),
    }
}

/// The field that a condition names is not sent.
const ABSENT: &str = "0006-00000226";

/// The field that a condition names is sent with another value.
const DIFFERENT: &str = "0006-00000227";

/// Fields of a V4 form that its policy has to name by `eq`.
const BOUND: [&str; 3] = ["x-oss-signature-version", "x-oss-credential", "x-oss-date"];

fn check_bound(document: &Document, fields: &FormFields) -> Result<(), OssError> {
    if fields.first("x-oss-signature-version").is_none() {
        return Ok(());
    }
    let token = fields.first("x-oss-security-token").map(|_| "x-oss-security-token");
    let unbound = BOUND.into_iter().chain(token).find(|name| !document.binds(name));
    unbound.map_or(Ok(()), |name| Err(against(&format!("Policy must contain an eq condition for {name}."))))
}

fn field<'a>(fields: &'a FormFields, name: &str) -> Result<Option<&'a str>, OssError> {
    let repeated = |_| OssError::invalid_argument(name, "", format!("The form field {name} occurs more than once."));
    fields.only(name).map_err(repeated)
}

fn against(what: &str) -> OssError {
    OssError::access_denied(format!("Invalid according to Policy: {what}"))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_739_520_550; // 2025-02-14T08:09:10Z

    fn refusal(conditions: &str, form: &[(&str, &str)], size: u64) -> Option<(u16, &'static str, String)> {
        let policy = format!(r#"{{"expiration":"2025-02-14T09:00:00.000Z","conditions":{conditions}}}"#);
        check_text(&policy, form, size).err().map(|error| (error.status.as_u16(), error.code, error.message))
    }

    fn check_text(policy: &str, form: &[(&str, &str)], size: u64) -> Result<(), OssError> {
        let fields = FormFields::new(form.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let form = Posted { bucket: "photos", fields: &fields, file_size: size };
        check_form_policy(&STANDARD.encode(policy), &form, AbsentField::Fails, now)
    }

    #[test]
    fn every_kind_of_condition_holds_or_fails_as_written() {
        let form = [("Key", "u/1/a.png"), ("content-type", "image/png")];
        let table = [
            (r#"[{"bucket":"photos"}]"#, true),
            (r#"[{"bucket":"videos"}]"#, false),
            (r#"[["eq","$key","u/1/a.png"]]"#, true),
            (r#"[["eq","$key","U/1/a.png"]]"#, false),
            (r#"[["starts-with","$KEY","u/1/"]]"#, true),
            (r#"[["starts-with","$key","u/2/"]]"#, false),
            (r#"[["in","$Content-Type",["image/png","image/gif"]]]"#, true),
            (r#"[["in","$content-type",["image/gif"]]]"#, false),
            (r#"[["not-in","$content-type",["image/gif"]]]"#, true),
            (r#"[["not-in","$content-type",["image/png"]]]"#, false),
            (r#"[["not-in","$expires",["0"]]]"#, false),
            (r#"[["in","$expires",[""]]]"#, false),
            (r#"[["eq","$expires",""]]"#, false),
            (r#"[["eq","$expires","0"]]"#, false),
            (r#"[["starts-with","$expires",""]]"#, false),
        ];
        for (conditions, passes) in table {
            assert_eq!(refusal(conditions, &form, 1).is_none(), passes, "{conditions}");
        }
    }

    #[test]
    fn a_condition_on_an_absent_field_fails_unless_absent_counts_as_empty() {
        let at = DateTime::from_timestamp(NOW, 0).unwrap();
        let fields = FormFields::new(vec![("key".into(), "a".into())]);
        let form = Posted { bucket: "photos", fields: &fields, file_size: 1 };
        for (condition, if_empty) in [
            (r#"["eq","$expires",""]"#, None),
            (r#"["eq","$expires","0"]"#, Some(DIFFERENT)),
            (r#"["starts-with","$expires",""]"#, None),
            (r#"["in","$expires",["0"]]"#, Some(DIFFERENT)),
            (r#"["not-in","$expires",["0"]]"#, None),
            (r#"{"expires":"0"}"#, Some(DIFFERENT)),
        ] {
            let policy = format!(r#"{{"expiration":"2025-02-14T09:00:00.000Z","conditions":[{condition}]}}"#);
            let policy = STANDARD.encode(policy);
            let ec = |absent| check_form_policy(&policy, &form, absent, at).err().map(|error| error.ec.unwrap());
            assert_eq!(ec(AbsentField::Fails), Some(ABSENT), "{condition}");
            assert_eq!(ec(AbsentField::Empty), if_empty, "{condition}");
        }
    }

    #[test]
    fn a_failed_condition_is_named_in_the_spelling_of_oss() {
        let (status, code, message) = refusal(r#"[{"key":"a\"b"}]"#, &[("key", "c")], 1).unwrap();
        assert_eq!((status, code), (403, "AccessDenied"));
        assert_eq!(message, r#"Invalid according to Policy: Policy Condition failed: ["eq", "$key", "a\"b"]"#);
    }

    #[test]
    fn both_ends_of_the_size_range_are_included() {
        let code = |size| refusal(r#"[["content-length-range",2,4]]"#, &[], size).map(|refusal| refusal.1);
        assert_eq!([code(1), code(2), code(4), code(5)], [Some("EntityTooSmall"), None, None, Some("EntityTooLarge")]);
    }

    #[test]
    fn several_size_ranges_narrow_one_another() {
        let policy = r#"{"expiration":"2025-02-14T09:00:00Z","conditions":[["content-length-range",0,9],["content-length-range",3,99]]}"#;
        assert_eq!(content_length_range(&STANDARD.encode(policy)).unwrap(), Some((3, 9)));
    }

    #[test]
    fn a_field_that_the_policy_names_may_not_be_repeated() {
        let form = [("key", "u/1"), ("Key", "u/2")];
        assert_eq!(refusal(r#"[["starts-with","$key","u/"]]"#, &form, 1).unwrap().1, "InvalidArgument");
    }

    #[test]
    fn a_v4_form_is_bound_to_its_own_credential_date_and_token() {
        let form = [
            ("x-oss-signature-version", "OSS4-HMAC-SHA256"),
            ("x-oss-credential", "id/20250214/r/oss/aliyun_v4_request"),
            ("x-oss-date", "20250214T080910Z"),
            ("x-oss-security-token", "t"),
        ];
        let all: Vec<_> = form.iter().map(|(name, value)| format!(r#"{{"{name}":"{value}"}}"#)).collect();
        assert_eq!(refusal(&format!("[{}]", all.join(",")), &form, 1), None);
        for left_out in 0..all.len() {
            let mut some = all.clone();
            some.remove(left_out);
            assert_eq!(refusal(&format!("[{}]", some.join(",")), &form, 1).unwrap().1, "AccessDenied");
        }
    }

    #[test]
    fn a_policy_ends_after_the_second_it_names() {
        let at = |expiration: &str| {
            check_text(&format!(r#"{{"expiration":"{expiration}","conditions":[{{"key":"a"}}]}}"#), &[("key", "a")], 1)
        };
        assert!(at("2025-02-14T08:09:10Z").is_ok());
        assert_eq!(at("2025-02-14T08:09:09.000Z").unwrap_err().ec, Some("0006-00000213"));
    }

    proptest! {
        #[test]
        fn no_policy_makes_the_check_panic(text in ".*", conditions in r#"[\[\]{}"$,:a-z0-9-]{0,60}"#) {
            let _ = check_text(&text, &[("key", "a")], 1);
            let _ = refusal(&conditions, &[("key", "a")], 1);
            let _ = content_length_range(&text);
        }
    }
}
