//! OSS signature V1: HMAC-SHA1 over a few lines, in the `Authorization` header or in the query.

use chrono::{DateTime, Utc};

use super::super::account::{Accounts, Identity};
use super::super::error::OssError;
use super::super::wire::{http_date, to_http_date, to_iso8601};
use super::request::{Request, check_skew, explained, header_lines};
use super::{holder, mac, subresource};

/// Checks `OSS <key id>:<signature>`; `claim` is what follows the scheme.
pub(super) fn from_header(
    accounts: &Accounts,
    request: &Request<'_>,
    claim: &str,
    now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    let bad = || OssError::bad_request("InvalidArgument", "Authorization header is invalid.");
    let (id, unverified) = claim.trim().split_once(':').ok_or_else(bad)?;
    let token = request.header("x-oss-security-token")?;
    let holder = holder::find(accounts, id, token.as_deref(), now).map_err(|fault| fault.at_oss(id))?;
    let date = request.header("x-oss-date")?.map_or_else(|| request.header("date"), |date| Ok(Some(date)))?;
    let date = date.unwrap_or_default();
    let no_date = || OssError::access_denied("OSS authentication requires a valid Date.");
    check_skew(http_date(&date).ok_or_else(no_date)?, now)?;
    check(request, &holder, unverified, &date)?;
    Ok(holder)
}

/// Checks the query parameters `OSSAccessKeyId`, `Expires` and `Signature`.
pub(super) fn from_query(accounts: &Accounts, request: &Request<'_>, now: DateTime<Utc>) -> Result<Identity, OssError> {
    let expires = demanded(request, "Expires", ["0002-00000067", "0002-00000068"])?;
    let id = demanded(request, "OSSAccessKeyId", ["0002-00000071", "0002-00000072"])?;
    let unverified = demanded(request, "Signature", ["0002-00000073", "0002-00000074"])?;
    if request.header("x-oss-security-token")?.is_some() {
        let message = "The security token of a signed URL must be in the URL.";
        return Err(OssError::invalid_argument("x-oss-security-token", "", message).ec("0002-00000005"));
    }
    check_life(expires, now)?;
    let token = request.parameter("security-token")?;
    let holder = holder::find(accounts, id, token, now).map_err(|fault| fault.at_oss(id))?;
    check(request, &holder, unverified, expires)?;
    Ok(holder)
}

/// The text that a V1 signature covers. `date` is the `Date` of a header, the `Expires` of a URL.
fn string_to_sign(request: &Request<'_>, date: &str) -> Result<String, OssError> {
    let md5 = request.header("content-md5")?.unwrap_or_default();
    let kind = request.header("content-type")?.unwrap_or_default();
    let headers = header_lines(request.oss_headers()?);
    let resource = request.resource();
    let parameters = subresource::signed(&request.query);
    Ok(format!("{}\n{md5}\n{kind}\n{date}\n{headers}{resource}{parameters}", request.wire.method))
}

fn check(request: &Request<'_>, holder: &Identity, unverified: &str, date: &str) -> Result<(), OssError> {
    let text = string_to_sign(request, date)?;
    if mac::same(&mac::sha1_base64(holder.secret(), &text), unverified) {
        return Ok(());
    }
    let error = OssError::signature_does_not_match("0002-00000040");
    Err(explained(error, holder.access_key_id().unwrap_or_default(), unverified, &text))
}

/// A parameter that a signed URL must have; the codes are for none and for an empty one.
fn demanded<'a>(request: &'a Request<'_>, name: &str, ec: [&'static str; 2]) -> Result<&'a str, OssError> {
    let refused = |ec| {
        let message = "Query string authentication requires the Signature, Expires and OSSAccessKeyId parameters.";
        OssError::access_denied(message).ec(ec)
    };
    let value = request.parameter(name)?.ok_or_else(|| refused(ec[0]))?;
    if value.is_empty() { Err(refused(ec[1])) } else { Ok(value) }
}

/// Expiry is found out before the signature is looked at.
fn check_life(expires: &str, now: DateTime<Utc>) -> Result<(), OssError> {
    let seconds = expires.bytes().all(|digit| digit.is_ascii_digit()).then(|| expires.parse().ok()).flatten();
    let Some(end) = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) else {
        let message = "Invalid date (should be seconds since epoch).";
        return Err(OssError::access_denied(message).ec("0002-00000068"));
    };
    if now <= end {
        return Ok(());
    }
    let error = OssError::access_denied("Request has expired.").ec("0002-00000069");
    Err(error.with("Expires", to_iso8601(end)).with("ServerTime", to_http_date(now)))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::super::sample::Sample;

    const DATE: &str = "Fri, 14 Feb 2025 08:09:10 GMT";

    fn by_header() -> Sample {
        let headers = [
            ("authorization", "OSS LTAIuser:qQL4mw0yrtPE+cl/owjfFWL9J3o="),
            ("content-type", "text/plain"),
            ("x-oss-date", DATE),
            ("x-oss-meta-a", " 1 "),
        ];
        Sample::new("PUT", "acl=&unsigned=1", &headers)
    }

    fn by_query() -> Sample {
        let query = "OSSAccessKeyId=STS.sample&Expires=1739524150&response-content-type=text/html\
                     &security-token=CAIS%2B%2F8%2Ftoken%3D%3D&Signature=tbWrmrOcuTdFBjI3I%2FuMg3A58ZE%3D";
        Sample::new("GET", query, &[])
    }

    #[test]
    fn a_right_signature_names_its_key() {
        assert_eq!(by_header().sent().unwrap().access_key_id(), Some("LTAIuser"));
        assert_eq!(by_query().sent().unwrap().access_key_id(), Some("STS.sample"));
    }

    #[test]
    fn a_wrong_signature_is_answered_with_the_text_that_it_should_cover() {
        let error = by_header().bent(|sample| sample.key = "other".into()).sent().err().unwrap();
        let names: Vec<_> = error.details.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["OSSAccessKeyId", "SignatureProvided", "StringToSign", "StringToSignBytes"]);
        let text = format!("PUT\n\ntext/plain\n{DATE}\nx-oss-date:{DATE}\nx-oss-meta-a:1\n/photos/other?acl");
        assert_eq!(error.details[2].1, text);
        assert!(error.details[3].1.starts_with("50 55 54 0A 0A"));
    }

    #[test]
    fn the_clock_may_be_fifteen_minutes_off_and_no_more() {
        for (seconds, code) in [(900, "accepted"), (-900, "accepted"), (901, "RequestTimeTooSkewed")] {
            let moved = by_header().bent(|sample| sample.at += TimeDelta::seconds(seconds));
            assert_eq!(moved.code(), code, "{seconds}");
        }
        let undated = by_header().bent(|sample| sample.set("x-oss-date", "yesterday"));
        assert_eq!(undated.code(), "AccessDenied");
    }

    #[test]
    fn a_url_dies_at_its_end_before_its_signature_is_looked_at() {
        let late = by_query().bent(|sample| {
            sample.at += TimeDelta::seconds(3601);
            sample.key = "other".into();
        });
        assert_eq!(late.ec(), Some("0002-00000069"));
    }

    #[test]
    fn a_url_lacking_or_repeating_a_part_is_refused() {
        for (part, ec) in [
            ("Expires=1739524150&", "0002-00000067"),
            ("OSSAccessKeyId=STS.sample&", "0002-00000071"),
            ("&Signature=tbWrmrOcuTdFBjI3I%2FuMg3A58ZE%3D", "0002-00000073"),
        ] {
            let lacking = by_query().bent(|sample| sample.query = sample.query.replace(part, ""));
            assert_eq!(lacking.ec(), Some(ec), "{part}");
            let repeated = by_query().bent(|sample| sample.query = format!("{}&{part}", sample.query));
            assert_eq!(repeated.code(), "InvalidArgument", "{part}");
        }
        for wrong in ["Expires=soon", "Expires=-1", "Expires=+5", "Expires=99999999999999999999"] {
            let wrong = by_query().bent(|sample| sample.query = sample.query.replace("Expires=1739524150", wrong));
            assert_eq!(wrong.ec(), Some("0002-00000068"));
        }
    }

    #[test]
    fn the_token_of_a_url_belongs_in_the_url() {
        let headed = by_query().bent(|sample| sample.set("x-oss-security-token", "t"));
        assert_eq!(headed.ec(), Some("0002-00000005"));
    }

    #[test]
    fn what_no_signer_foresaw_breaks_the_signature() {
        for sample in [by_header(), by_query()] {
            assert_eq!(sample.bent(|sample| sample.set("x-oss-acl", "public")).code(), "SignatureDoesNotMatch");
            assert_eq!(sample.bent(|sample| sample.set("content-type", "text/html")).code(), "SignatureDoesNotMatch");
            assert_eq!(sample.bent(|sample| sample.query += "&uploads").code(), "SignatureDoesNotMatch");
            assert_eq!(sample.bent(|sample| sample.query += "&prefix=a").code(), "accepted");
        }
    }

    proptest! {
        #[test]
        fn one_changed_byte_of_the_key_or_the_signature_is_refused(at in 0..80_usize, letter in "[a-z]") {
            let changed = |text: &str| {
                let mut letters: Vec<_> = text.chars().map(String::from).collect();
                let at = at % letters.len();
                letters[at].clone_from(&letter);
                letters.concat()
            };
            let sample = by_header().bent(|sample| sample.key = changed(&sample.key));
            prop_assert_eq!(sample.key == by_header().key, sample.sent().is_ok());
            let signature = "qQL4mw0yrtPE+cl/owjfFWL9J3o=";
            let sample = by_header().bent(|sample| sample.set("authorization", &format!("OSS LTAIuser:{}", changed(signature))));
            prop_assert_eq!(changed(signature) == signature, sample.sent().is_ok());
        }
    }
}
