//! OSS signature V1: HMAC-SHA1 over a few lines, in the `Authorization` header or in the query.

use chrono::{DateTime, Utc};

use super::super::account::{Accounts, Identity};
use super::super::error::OssError;
use super::super::wire::{http_date, to_http_date, to_iso8601};
use super::request::{Request, check_skew, explained};
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
    let headers = request.oss_headers()?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
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
