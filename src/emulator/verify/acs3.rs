//! ACS3-HMAC-SHA256: HMAC-SHA256 over a canonical request whose headers the signer chose.

use chrono::{DateTime, Utc};

use super::super::account::Accounts;
use super::super::error::StsError;
use super::super::wire::{self, Authorization, Query, decode, encode, encode_path};
use super::request::header_lines;
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
    let text = string_to_sign(&canonical_request(wire, &hash_of(wire, body)?, &names)?);
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

/// The hash that the request claims for its body, once it is found to be right.
fn hash_of(wire: &WireRequest<'_>, body: &[u8]) -> Result<String, StsError> {
    let hash = mac::sha256_hex(body);
    let message = "The x-acs-content-sha256 is not the SHA-256 of the body.";
    let claimed = header(wire, "x-acs-content-sha256")?.unwrap_or_default();
    if mac::same(&hash, &claimed) { Ok(hash) } else { Err(StsError::bad_request("SignatureDoesNotMatch", message)) }
}

fn string_to_sign(canonical: &str) -> String {
    format!("{ALGORITHM}\n{}", mac::sha256_hex(canonical.as_bytes()))
}

fn canonical_request(wire: &WireRequest<'_>, body_hash: &str, names: &[&str]) -> Result<String, StsError> {
    let bad = || StsError::bad_request("InvalidParameter", "The URL is not percent-encoded UTF-8.");
    let path = encode_path(&decode(wire.raw_path).ok_or_else(bad)?);
    let query = canonical_query(&Query::parse(wire.raw_query).ok_or_else(bad)?);
    let headers = header_lines(names.iter().map(|name| ((*name).to_owned(), joined(wire, name))));
    Ok(format!("{}\n{path}\n{query}\n{headers}\n{}\n{body_hash}", wire.method, names.join(";")))
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use proptest::prelude::*;

    use super::super::sample::{accounts, now};
    use super::*;

    const BODY: &str = "RoleArn=a%2Bb&Odd=";
    const NAMES: &str =
        "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
    const SIGNATURE: &str = "fc8efae15618c11874f4ae99c85f598ea8ea6f4c6c07d7591d4f71b87b019996";

    fn headers() -> HeaderMap {
        let headers = [
            ("host", "sts.example"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-acs-action", "AssumeRole"),
            ("x-acs-version", "2015-04-01"),
            ("x-acs-date", "2025-02-14T08:09:10Z"),
            ("x-acs-signature-nonce", "n-2"),
            ("x-acs-content-sha256", "1b797a52f3c151cb6021b3a0718f7f153f6346106069689f84564785c64f378e"),
        ];
        headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn code(headers: &HeaderMap, query: &str, body: &str, claim: &str) -> String {
        let wire = WireRequest { method: "POST", raw_path: "/", raw_query: query, headers };
        let outcome = authenticate_acs3(&accounts(), &wire, body.as_bytes(), claim, now());
        outcome.map_or_else(|error| error.code, |signed| signed.nonce)
    }

    fn claim(names: &str) -> String {
        format!("Credential=LTAIuser,SignedHeaders={names},Signature={SIGNATURE}")
    }

    #[test]
    fn a_right_signature_covers_query_headers_and_body() {
        let right = claim(NAMES);
        assert_eq!(code(&headers(), "q=a+b&Empty=", BODY, &right), "n-2");
        assert_eq!(code(&headers(), "q=a+c&Empty=", BODY, &right), "SignatureDoesNotMatch");
        assert_eq!(code(&headers(), "q=a+b&Empty=", "", &right), "SignatureDoesNotMatch");
        for name in NAMES.split(';') {
            let mut bent = headers();
            bent.insert(name, "1".parse().unwrap());
            assert_ne!(code(&bent, "q=a+b&Empty=", BODY, &right), "n-2", "{name}");
        }
    }

    #[test]
    fn every_header_that_matters_must_be_signed_and_be_there_once() {
        for name in DEMANDED {
            let shorter: Vec<_> = NAMES.split(';').filter(|signed| *signed != name).collect();
            assert_eq!(code(&headers(), "", BODY, &claim(&shorter.join(";"))), "IncompleteSignature", "{name}");
            let mut twice = headers();
            twice.append(name, "x".parse().unwrap());
            assert_eq!(code(&twice, "", BODY, &claim(NAMES)), "InvalidParameter", "{name}");
        }
        let mut token = headers();
        token.insert("x-acs-security-token", "t".parse().unwrap());
        assert_eq!(code(&token, "", BODY, &claim(NAMES)), "IncompleteSignature");
        assert_eq!(code(&headers(), "", BODY, &claim(&format!("{NAMES};accept"))), "IncompleteSignature");
    }

    proptest! {
        #[test]
        fn no_claim_and_no_query_make_the_check_panic(text in ".*", names in "[a-z;-]{0,40}", query in ".*") {
            let _ = code(&headers(), &query, BODY, &text);
            let _ = code(&headers(), &query, BODY, &claim(&names));
        }
    }
}
