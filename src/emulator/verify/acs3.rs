//! ACS3-HMAC-SHA256: HMAC-SHA256 over a canonical request whose headers the signer chose.

use chrono::{DateTime, Utc};

use super::super::account::Accounts;
use super::super::error::StsError;
use super::super::wire::{self, Authorization, Query, decode, encode, encode_path};
use super::{Signed, WireRequest, holder, mac, rpc};

pub(crate) const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What has to be among the signed headers.
const DEMANDED: [&str; 6] =
    ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];

/// Finds who signed a call; `claim` is what follows the scheme in the `Authorization` header.
pub(crate) fn authenticate_acs3(
    accounts: &Accounts,
    wire: &WireRequest<'_>,
    body: &[u8],
    claim: &str,
    now: DateTime<Utc>,
) -> Result<Signed, StsError> {
    let bad = || StsError::incomplete_signature("The Authorization header is not well formed.");
    let claim = Authorization::parse(claim).ok_or_else(bad)?;
    let id = claim.field("Credential").ok_or_else(bad)?;
    let unverified = claim.field("Signature").ok_or_else(bad)?;
    let names: Vec<_> = claim.field("SignedHeaders").ok_or_else(bad)?.split(';').collect();
    check_names(wire, &names)?;
    let token = header(wire, "x-acs-security-token")?;
    let identity = holder::find(accounts, id, token.as_deref(), now).map_err(holder::Fault::at_sts)?;
    rpc::check_time(&header(wire, "x-acs-date")?.unwrap_or_default(), now)?;
    let text = string_to_sign(&canonical_request(wire, body, &names)?);
    if !mac::same(&mac::sha256_hmac_hex(identity.secret(), &text), unverified) {
        return Err(StsError::signature_does_not_match(&text));
    }
    let nonce = header(wire, "x-acs-signature-nonce")?.unwrap_or_default();
    Ok(Signed { identity, nonce })
}

/// Each listed header is there, and each that matters is listed and there once.
fn check_names(wire: &WireRequest<'_>, names: &[&str]) -> Result<(), StsError> {
    let token = wire.headers.contains_key("x-acs-security-token").then_some("x-acs-security-token");
    for name in DEMANDED.into_iter().chain(token) {
        let value = header(wire, name)?.unwrap_or_default();
        if value.is_empty() || !names.contains(&name) {
            return Err(StsError::incomplete_signature(format!("The header {name} must be present and signed.")));
        }
    }
    let absent = names.iter().find(|name| name.is_empty() || !wire.headers.contains_key(**name));
    absent.map_or(Ok(()), |name| {
        Err(StsError::incomplete_signature(format!("The signed header {name} is not in the request.")))
    })
}

fn string_to_sign(canonical: &str) -> String {
    format!("{ALGORITHM}\n{}", mac::sha256_hex(canonical.as_bytes()))
}

fn canonical_request(wire: &WireRequest<'_>, body: &[u8], names: &[&str]) -> Result<String, StsError> {
    let bad = || StsError::bad_request("InvalidParameter", "The URL is not percent-encoded UTF-8.");
    let path = encode_path(&decode(wire.raw_path).ok_or_else(bad)?);
    let query = canonical_query(&Query::parse(wire.raw_query).ok_or_else(bad)?);
    let headers: String = names.iter().map(|name| format!("{name}:{}\n", joined(wire, name))).collect();
    let hash = mac::sha256_hex(body);
    if !mac::same(&hash, &header(wire, "x-acs-content-sha256")?.unwrap_or_default()) {
        let message = "The x-acs-content-sha256 is not the SHA-256 of the body.";
        return Err(StsError::bad_request("SignatureDoesNotMatch", message));
    }
    Ok(format!("{}\n{path}\n{query}\n{headers}\n{}\n{hash}", wire.method, names.join(";")))
}

/// All parameters sorted by their decoded names; unlike in OSS V4, an empty value keeps its equals sign.
fn canonical_query(query: &Query) -> String {
    let mut pairs: Vec<_> = query.pairs().iter().collect();
    pairs.sort();
    let spelled: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    spelled.join("&")
}

/// The SDKs sort the values of a repeated header and join them by commas.
fn joined(wire: &WireRequest<'_>, name: &str) -> String {
    let mut values: Vec<_> = wire::values(wire.headers, name).collect();
    values.sort();
    values.join(",")
}

fn header(wire: &WireRequest<'_>, name: &str) -> Result<Option<String>, StsError> {
    wire::only(wire.headers, name).map_err(|_| StsError::repeated(name))
}
