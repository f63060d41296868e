//! Signatures of posted forms: the Base64 text of the policy is itself the text that is signed.

use chrono::{DateTime, Utc};

use super::super::account::{Accounts, Identity};
use super::super::error::OssError;
use super::super::wire::{FormFields, compact, to_http_date};
use super::credential::Credential;
use super::request::{SKEW, explained, repeated, too_skewed};
use super::{holder, mac, v4};

/// Finds who signed a posted form; a form without a policy is anonymous.
pub(crate) fn authenticate_form(
    accounts: &Accounts,
    fields: &FormFields,
    region: &str,
    now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    let Some(policy) = only(fields, "policy")? else {
        return without_policy(fields);
    };
    match only(fields, "x-oss-signature-version")? {
        None => by_v1(accounts, fields, policy, now),
        Some(v4::ALGORITHM) => by_v4(accounts, fields, policy, region, now),
        Some(other) => {
            let message = "The signature version of the form is not supported.";
            Err(OssError::invalid_argument("x-oss-signature-version", other, message))
        }
    }
}

fn by_v1(accounts: &Accounts, fields: &FormFields, policy: &str, now: DateTime<Utc>) -> Result<Identity, OssError> {
    let id = demanded(fields, "OSSAccessKeyId", "accessKeyId", ["0002-00000706", "0002-00000707"])?;
    let unverified = demanded(fields, "Signature", "signature", ["0002-00000703", "0002-00000704"])?;
    let token = only(fields, "x-oss-security-token")?;
    let holder = holder::find(accounts, id, token, now).map_err(|fault| fault.at_oss(id))?;
    let ours = mac::sha1_base64(holder.secret(), policy);
    if mac::same(&ours, unverified) { Ok(holder) } else { Err(mismatch(id, unverified, policy)) }
}

fn by_v4(
    accounts: &Accounts,
    fields: &FormFields,
    policy: &str,
    region: &str,
    now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    let claimed = only(fields, "x-oss-credential")?.unwrap_or_default();
    let message = "The x-oss-credential of the form is malformed.";
    let bad = || OssError::invalid_argument("x-oss-credential", claimed, message).ec("0002-00000710");
    let credential = Credential::parse(claimed).ok_or_else(bad)?;
    let unverified = demanded(fields, "x-oss-signature", "signature", ["0002-00000703", "0002-00000704"])?;
    let at = only(fields, "x-oss-date")?.unwrap_or_default();
    let id = credential.access_key_id;
    let token = only(fields, "x-oss-security-token")?;
    let holder = holder::find(accounts, id, token, now).map_err(|fault| fault.at_oss(id))?;
    check_life(at, now)?;
    credential.check_scope(at.get(..8).unwrap_or_default(), region)?;
    let ours = credential.sign(holder.secret(), policy);
    if mac::same(&ours, unverified) { Ok(holder) } else { Err(mismatch(id, unverified, policy)) }
}

/// Whatever its policy says, a V4 form dies seven days after its date.
fn check_life(at: &str, now: DateTime<Utc>) -> Result<(), OssError> {
    let bad = || OssError::invalid_argument("x-oss-date", at, "The x-oss-date of the form is malformed.");
    let start = compact(at).ok_or_else(bad)?;
    if start - now > SKEW {
        return Err(too_skewed(start, now));
    }
    let expired = || OssError::access_denied("Request has expired.").with("ServerTime", to_http_date(now));
    if now - start <= v4::LONGEST { Ok(()) } else { Err(expired()) }
}

/// A form that is signed in part means to be signed.
fn without_policy(fields: &FormFields) -> Result<Identity, OssError> {
    let signed = ["Signature", "OSSAccessKeyId", "x-oss-signature", "x-oss-credential"];
    if signed.iter().all(|name| fields.first(name).is_none()) {
        return Ok(Identity::Anonymous);
    }
    Err(OssError::invalid_argument("policy", "", "Post request policy is empty.").ec("0002-00000702"))
}

fn demanded<'a>(fields: &'a FormFields, name: &str, said: &str, ec: [&'static str; 2]) -> Result<&'a str, OssError> {
    let refused = |ec| OssError::invalid_argument(name, "", format!("Post request {said} is empty.")).ec(ec);
    let value = only(fields, name)?.ok_or_else(|| refused(ec[0]))?;
    if value.is_empty() { Err(refused(ec[1])) } else { Ok(value) }
}

fn only<'a>(fields: &'a FormFields, name: &str) -> Result<Option<&'a str>, OssError> {
    fields.only(name).map_err(|_| repeated(name))
}

fn mismatch(id: &str, unverified: &str, policy: &str) -> OssError {
    explained(OssError::signature_does_not_match("0002-00000705"), id, unverified, policy)
}
