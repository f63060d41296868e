//! RPC signature 1.0: HMAC-SHA1 over all parameters, wherever they travelled.

use chrono::{DateTime, Utc};

use super::super::account::Accounts;
use super::super::error::StsError;
use super::super::wire::{Query, encode, iso8601};
use super::request::SKEW;
use super::{Signed, holder, mac};

/// Finds who signed a call; `parameters` are those of the query followed by those of the body.
pub(crate) fn authenticate_rpc(
    accounts: &Accounts,
    method: &str,
    parameters: &Query,
    now: DateTime<Utc>,
) -> Result<Signed, StsError> {
    let id = demanded(parameters, "AccessKeyId")?;
    let unverified = demanded(parameters, "Signature")?;
    let nonce = demanded(parameters, "SignatureNonce")?;
    let at = demanded(parameters, "Timestamp")?;
    check_constant(parameters, "SignatureMethod", "HMAC-SHA1")?;
    check_constant(parameters, "SignatureVersion", "1.0")?;
    let token = only(parameters, "SecurityToken")?;
    let identity = holder::find(accounts, id, token, now).map_err(holder::Fault::at_sts)?;
    check_time(at, now)?;
    let text = string_to_sign(method, parameters);
    let ours = mac::sha1_base64(&format!("{}&", identity.secret()), &text);
    let signed = Signed { identity, nonce: nonce.to_owned() };
    if mac::same(&ours, unverified) { Ok(signed) } else { Err(StsError::signature_does_not_match(&text)) }
}

/// Refuses a time too far from `now`, and one that is not written as the API wants it.
pub(super) fn check_time(at: &str, now: DateTime<Utc>) -> Result<(), StsError> {
    let refused = StsError::bad_request;
    let Some(at) = iso8601(at) else {
        return Err(refused("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."));
    };
    let expired = || refused("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.");
    if (now - at).abs() <= SKEW { Ok(()) } else { Err(expired()) }
}

/// The method, the path and all parameters but the signature, sorted; values end up encoded twice.
fn string_to_sign(method: &str, parameters: &Query) -> String {
    let mut pairs: Vec<_> = parameters.pairs().iter().filter(|(name, _)| name != "Signature").collect();
    pairs.sort();
    let spelled: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    format!("{method}&%2F&{}", encode(&spelled.join("&")))
}

fn demanded<'a>(parameters: &'a Query, name: &str) -> Result<&'a str, StsError> {
    only(parameters, name)?.filter(|value| !value.is_empty()).ok_or_else(|| StsError::missing(name))
}

fn only<'a>(parameters: &'a Query, name: &str) -> Result<Option<&'a str>, StsError> {
    parameters.only(name).map_err(|_| StsError::repeated(name))
}

fn check_constant(parameters: &Query, name: &str, value: &str) -> Result<(), StsError> {
    let message = format!("Specified {name} is not supported.");
    let known = demanded(parameters, name)? == value;
    if known { Ok(()) } else { Err(StsError::bad_request(format!("Invalid{name}"), message)) }
}
