//! OSS signature V4: HMAC-SHA256 by a derived key over the hash of a canonical request, in the header or in the query.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::account::{Accounts, Identity};
use super::super::error::OssError;
use super::super::wire::{Authorization, compact, to_http_date};
use super::canonical::{PAYLOAD, canonical_request};
use super::credential::Credential;
use super::request::{Request, SKEW, check_skew, explained, too_skewed};
use super::{holder, mac};

pub(super) const ALGORITHM: &str = "OSS4-HMAC-SHA256";
/// The longest life of a signed URL.
pub(super) const LONGEST: TimeDelta = TimeDelta::days(7);

/// Checks an `Authorization` header; `claim` is what follows the scheme.
pub(super) fn from_header(
    accounts: &Accounts,
    request: &Request<'_>,
    claim: &str,
    region: &str,
    now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    let claim = Authorization::parse(claim).ok_or_else(bad_authorization)?;
    let demanded = |name| claim.field(name).filter(|value| !value.is_empty()).ok_or_else(bad_authorization);
    let credential = Credential::parse(demanded("Credential")?).ok_or_else(bad_authorization)?;
    let unverified = demanded("Signature")?;
    let additional = additional_names(claim.field("AdditionalHeaders"));
    check_payload(request)?;
    let id = credential.access_key_id;
    let token = request.header("x-oss-security-token")?;
    let holder = holder::find(accounts, id, token.as_deref(), now).map_err(|fault| fault.at_oss(id))?;
    let at = request.header("x-oss-date")?.unwrap_or_default();
    let no_date = || OssError::access_denied("OSS authentication requires a valid x-oss-date.");
    check_skew(compact(&at).ok_or_else(no_date)?, now)?;
    let claim = Claim { credential, at: &at, additional, unverified };
    claim.check(request, region, &holder)?;
    Ok(holder)
}

/// Checks the `x-oss-…` parameters of a signed URL.
pub(super) fn from_query(
    accounts: &Accounts,
    request: &Request<'_>,
    region: &str,
    now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    if demanded(request, "x-oss-signature-version")? != ALGORITHM {
        return Err(argument_error("x-oss-signature-version is not supported."));
    }
    let bad = || argument_error("x-oss-credential is malformed.");
    let credential = Credential::parse(demanded(request, "x-oss-credential")?).ok_or_else(bad)?;
    let at = demanded(request, "x-oss-date")?;
    let life = demanded(request, "x-oss-expires")?;
    let unverified = demanded(request, "x-oss-signature")?;
    let additional = additional_names(request.parameter("x-oss-additional-headers")?);
    check_life(at, life, now)?;
    let id = credential.access_key_id;
    let token = request.parameter("x-oss-security-token")?;
    let holder = holder::find(accounts, id, token, now).map_err(|fault| fault.at_oss(id))?;
    let claim = Claim { credential, at, additional, unverified };
    claim.check(request, region, &holder)?;
    Ok(holder)
}

/// What a signer says, wherever it said it.
struct Claim<'a> {
    credential: Credential<'a>,
    at: &'a str,
    additional: BTreeSet<String>,
    unverified: &'a str,
}

impl Claim<'_> {
    fn check(&self, request: &Request<'_>, region: &str, holder: &Identity) -> Result<(), OssError> {
        let date = self.at.get(..8).unwrap_or_default();
        self.credential.check_scope(date, region)?;
        let canonical = canonical_request(request, &self.additional)?;
        let text = self.string_to_sign(&canonical);
        if mac::same(&self.credential.sign(holder.secret(), &text), self.unverified) {
            return Ok(());
        }
        let error = OssError::signature_does_not_match("0002-00000201");
        let error = explained(error, self.credential.access_key_id, self.unverified, &text);
        Err(error.with("CanonicalRequest", canonical))
    }

    fn string_to_sign(&self, canonical: &str) -> String {
        let hash = mac::sha256_hex(canonical.as_bytes());
        format!("{ALGORITHM}\n{}\n{}\n{hash}", self.at, self.credential.scope())
    }
}

/// Names in lower case and sorted: oss2 sorts its list by the first letter only.
fn additional_names(list: Option<&str>) -> BTreeSet<String> {
    let names = list.unwrap_or_default().split(';').map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

fn check_payload(request: &Request<'_>) -> Result<(), OssError> {
    let payload = request.header("x-oss-content-sha256")?.unwrap_or_default();
    let message = "x-oss-content-sha256 must be UNSIGNED-PAYLOAD.";
    let refused = || OssError::invalid_argument("x-oss-content-sha256", &payload, message);
    if payload == PAYLOAD { Ok(()) } else { Err(refused()) }
}

/// A signed URL lives from a little before its date to `life` seconds after.
fn check_life(at: &str, life: &str, now: DateTime<Utc>) -> Result<(), OssError> {
    let start = compact(at).ok_or_else(|| argument_error("x-oss-date is malformed."))?;
    let seconds = life.bytes().all(|digit| digit.is_ascii_digit()).then(|| life.parse::<u32>().ok()).flatten();
    let life = seconds.map(|seconds| TimeDelta::seconds(seconds.into())).filter(|life| !life.is_zero());
    let range = || argument_error("x-oss-expires must be from 1 to 604800 seconds.").ec("0002-00000232");
    let end = start + life.filter(|life| *life <= LONGEST).ok_or_else(range)?;
    if start - now > SKEW {
        return Err(too_skewed(start, now));
    }
    let expired = OssError::forbidden("AuthorizationArgumentError", "Request has expired.").ec("0002-00000236");
    let expired = expired.with("Expires", to_http_date(end)).with("ServerTime", to_http_date(now));
    if now <= end { Ok(()) } else { Err(expired) }
}

fn demanded<'a>(request: &'a Request<'_>, name: &str) -> Result<&'a str, OssError> {
    let missing = || argument_error(&format!("{name} is missing.")).ec("0002-00000215");
    let value = request.parameter(name)?.ok_or_else(missing)?;
    let empty = || argument_error(&format!("{name} is empty.")).ec("0002-00000216");
    if value.is_empty() { Err(empty()) } else { Ok(value) }
}

pub(super) fn argument_error(message: &str) -> OssError {
    OssError::bad_request("AuthorizationArgumentError", message)
}

fn bad_authorization() -> OssError {
    OssError::bad_request("InvalidArgument", "Authorization header is invalid.")
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    const CREDENTIAL: &str = "LTAIuser/20250214/cn-hangzhou/oss/aliyun_v4_request";
    const SIGNATURE: &str = "950f572886fa3f03533d609814832364bd110675c6edfcf1893d32fdbd5627ba";

    fn by_header() -> Sample {
        let headers = [
            ("content-type", "text/plain"),
            ("content-length", "5"),
            ("host", "photos.example"),
            ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-oss-date", "20250214T080910Z"),
        ];
        let mut sample = Sample::new("PUT", "acl", &headers);
        sample.set("authorization", &authorization(CREDENTIAL, "host;content-length"));
        sample
    }

    fn authorization(credential: &str, additional: &str) -> String {
        format!("{ALGORITHM} Signature={SIGNATURE}, Credential={credential}, AdditionalHeaders={additional}")
    }

    fn by_query() -> Sample {
        let query = "x-oss-date=20250214T080910Z&acl=&x-oss-expires=600\
                     &x-oss-credential=STS.sample%2F20250214%2Fcn-hangzhou%2Foss%2Faliyun_v4_request\
                     &x-oss-security-token=CAIS%2B%2F8%2Ftoken%3D%3D&x-oss-signature-version=OSS4-HMAC-SHA256\
                     &x-oss-signature=d94aede9deded1a416ac08d8685258647c190fb655d802436c20cb432584465f";
        Sample::new("GET", query, &[])
    }

    #[test]
    fn a_right_signature_names_its_key() {
        assert_eq!(by_header().sent().unwrap().access_key_id(), Some("LTAIuser"));
        assert_eq!(by_query().sent().unwrap().access_key_id(), Some("STS.sample"));
    }

    #[test]
    fn a_wrong_signature_is_answered_with_the_canonical_request() {
        let error = by_query().bent(|sample| sample.key = "a".into()).sent().err().unwrap();
        let (name, text) = error.details.last().unwrap();
        assert_eq!((*name, error.ec), ("CanonicalRequest", Some("0002-00000201")));
        assert!(text.starts_with("GET\n/photos/a\nacl&x-oss-credential=STS.sample%2F"), "{text}");
        assert!(text.ends_with("\n\n\nUNSIGNED-PAYLOAD"), "{text}");
    }

    #[test]
    fn a_signed_length_admits_that_length_alone() {
        assert_eq!(by_header().bent(|sample| sample.set("content-length", "6")).code(), "SignatureDoesNotMatch");
        let absent = by_header().bent(|sample| drop(sample.headers.remove("content-length")));
        assert_eq!(absent.code(), "AuthorizationArgumentError");
    }

    #[test]
    fn a_key_derived_for_elsewhere_is_told_apart() {
        let with =
            |credential: &str| by_header().bent(|sample| sample.set("authorization", &authorization(credential, "")));
        let elsewhere = by_header().bent(|sample| sample.region = "us-west-1");
        assert_eq!((elsewhere.code(), elsewhere.ec()), ("InvalidArgument", Some("0002-00000226")));
        assert_eq!(with(&CREDENTIAL.replace("/oss/", "/sls/")).ec(), Some("0002-00000227"));
        assert_eq!(with(&CREDENTIAL.replace("14/", "15/")).code(), "InvalidArgument");
        for malformed in ["LTAIuser", "/20250214/cn-hangzhou/oss/aliyun_v4_request", "LTAIuser/a/b/c/aws4_request"] {
            assert_eq!(with(malformed).code(), "InvalidArgument", "{malformed}");
        }
        assert_eq!(with(&CREDENTIAL.replace("LTAIuser", "LTAInobody")).code(), "InvalidAccessKeyId");
    }

    #[test]
    fn the_payload_line_is_one_literal() {
        let hashed = by_header().bent(|sample| sample.set("x-oss-content-sha256", "e3b0"));
        assert_eq!(hashed.code(), "InvalidArgument");
        let absent = by_header().bent(|sample| drop(sample.headers.remove("x-oss-content-sha256")));
        assert_eq!(absent.code(), "InvalidArgument");
    }

    #[test]
    fn a_url_lives_from_its_date_to_its_last_second() {
        for (seconds, ec) in [(600, None), (601, Some("0002-00000236")), (-900, None), (-901, Some("0002-00000504"))] {
            let moved = by_query().bent(|sample| sample.at += TimeDelta::seconds(seconds));
            assert_eq!(moved.ec(), ec, "{seconds}");
        }
        for life in ["0", "604801", "-5", "+5", "x", "1e3"] {
            let query = by_query().query.replace("expires=600", &format!("expires={life}"));
            assert_eq!(by_query().bent(|sample| sample.query = query).ec(), Some("0002-00000232"), "{life}");
        }
        let longest = by_query().query.replace("expires=600", "expires=604800");
        assert_eq!(by_query().bent(|sample| sample.query = longest).code(), "SignatureDoesNotMatch");
    }

    #[test]
    fn a_url_dies_with_its_token() {
        let late = by_query().bent(|sample| {
            sample.at += TimeDelta::hours(1);
            sample.query = sample.query.replace("expires=600", "expires=9000");
        });
        assert_eq!(late.code(), "SecurityTokenExpired");
    }

    #[test]
    fn tokens_and_keys_must_belong_together() {
        let token = |value: &str| {
            let query = by_query().query.replace("CAIS%2B%2F8%2Ftoken%3D%3D", value);
            by_query().bent(|sample| sample.query = query).code()
        };
        assert_eq!(token(""), "InvalidSecurityToken");
        assert_eq!(token("garbage"), "InvalidSecurityToken");
        assert_eq!(token("CAIS%2B%2F8%2Fother%3D%3D"), "AccessKeyIdAndSecurityTokenNotMatch");
        let user = by_header().bent(|sample| sample.set("x-oss-security-token", "t"));
        assert_eq!(user.code(), "InvalidAccessKeyId");
        let disabled = authorization(&CREDENTIAL.replace("LTAIuser", "LTAIdisabled"), "");
        assert_eq!(by_header().bent(|sample| sample.set("authorization", &disabled)).code(), "InvalidAccessKeyId");
    }

    #[test]
    fn a_repeated_part_is_refused() {
        for part in ["x-oss-expires=600", "x-oss-date=20250214T080910Z", "x-oss-security-token=t", "x-oss-signature=a"]
        {
            let repeated = by_query().bent(|sample| sample.query = format!("{}&{part}", sample.query));
            assert_eq!(repeated.code(), "InvalidArgument", "{part}");
        }
        let mut doubled = by_header();
        doubled.headers.append("content-type", "text/plain".parse().unwrap());
        assert_eq!(doubled.code(), "InvalidArgument");
    }

    #[test]
    fn what_no_signer_foresaw_breaks_the_signature() {
        for sample in [by_header(), by_query()] {
            for (name, value) in [("x-oss-object-acl", "public-read"), ("content-type", "a/b"), ("content-md5", "x")] {
                assert_eq!(sample.bent(|sample| sample.set(name, value)).code(), "SignatureDoesNotMatch", "{name}");
            }
            assert_eq!(sample.bent(|sample| sample.query += "&a=b").code(), "SignatureDoesNotMatch");
            assert_eq!(sample.bent(|sample| sample.set("range", "bytes=0-1")).code(), "accepted");
        }
    }
}
