//! OSS signature V4: HMAC-SHA256 by a derived key over the hash of a canonical request, in the header or in the query.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::account::{Accounts, Identity};
use super::super::error::OssError;
use super::super::wire::{Authorization, compact, encode, encode_path, to_http_date};
use super::credential::Credential;
use super::request::{Request, SKEW, check_skew, explained, too_skewed};
use super::{holder, mac};

pub(super) const ALGORITHM: &str = "OSS4-HMAC-SHA256";
/// The body is never covered: this stands where other clouds have its hash.
const PAYLOAD: &str = "UNSIGNED-PAYLOAD";
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

fn canonical_request(request: &Request<'_>, additional: &BTreeSet<String>) -> Result<String, OssError> {
    let method = request.wire.method;
    let path = encode_path(&request.resource());
    let query = canonical_query(request);
    let headers = canonical_headers(request, additional)?;
    let names = additional.iter().map(String::as_str).collect::<Vec<_>>().join(";");
    Ok(format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{PAYLOAD}"))
}

/// Every parameter but the signature; an empty value loses its equals sign.
fn canonical_query(request: &Request<'_>) -> String {
    let pairs = request.query.pairs().iter().filter(|(name, _)| name != "x-oss-signature");
    let mut encoded: Vec<_> = pairs.map(|(name, value)| (encode(name), encode(value))).collect();
    encoded.sort();
    let spelled = encoded.into_iter().map(|(name, value)| match value.as_str() {
        "" => name,
        value => format!("{name}={value}"),
    });
    spelled.collect::<Vec<_>>().join("&")
}

/// The headers that are always covered and the additional ones, which must be there.
fn canonical_headers(request: &Request<'_>, additional: &BTreeSet<String>) -> Result<String, OssError> {
    let mut headers = request.oss_headers()?;
    for name in ["content-type", "content-md5"] {
        headers.extend(request.header(name)?.map(|value| (name.to_owned(), value)));
    }
    for name in additional {
        let missing = || argument_error(&format!("The additional header {name} is missing."));
        headers.insert(name.clone(), request.header(name)?.ok_or_else(missing)?);
    }
    Ok(headers.into_iter().map(|(name, value)| format!("{name}:{value}\n")).collect())
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

fn argument_error(message: &str) -> OssError {
    OssError::bad_request("AuthorizationArgumentError", message)
}

fn bad_authorization() -> OssError {
    OssError::bad_request("InvalidArgument", "Authorization header is invalid.")
}
