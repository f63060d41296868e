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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::sample::{TOKEN, accounts, now};
    use super::*;

    const CALL: &str = "AccessKeyId=LTAIuser&Action=GetCallerIdentity&Format=JSON&SignatureMethod=HMAC-SHA1\
                        &SignatureNonce=n-1&SignatureVersion=1.0&Timestamp=2025-02-14T08%3A09%3A10Z\
                        &Version=2015-04-01&Odd=a+b*~%C3%A9&Signature=i5SeeEt%2FCJaTeUIuJyHdivnlbGE%3D";

    fn code(call: &str, at: DateTime<Utc>) -> String {
        let parameters = Query::parse(call).unwrap();
        authenticate_rpc(&accounts(), "GET", &parameters, at).map_or_else(|error| error.code, |signed| signed.nonce)
    }

    #[test]
    fn a_right_signature_passes_however_sloppily_the_wire_is_written() {
        assert_eq!(code(CALL, now()), "n-1");
        assert_eq!(code(&CALL.replace("a+b*~", "a%20b%2a%7e"), now()), "n-1");
    }

    #[test]
    fn each_fault_has_its_code() {
        for (from, to, expected) in [
            ("Odd=a", "Odd=b", "SignatureDoesNotMatch"),
            ("AccessKeyId=LTAIuser&", "", "MissingAccessKeyId"),
            ("SignatureNonce=n-1", "SignatureNonce=", "MissingSignatureNonce"),
            ("LTAIuser", "LTAInobody", "InvalidAccessKeyId.NotFound"),
            ("LTAIuser", "LTAIdisabled", "InvalidAccessKeyId.Inactive"),
            ("LTAIuser", "STS.sample", "MissingSecurityToken"),
            ("HMAC-SHA1", "HMAC-MD5", "InvalidSignatureMethod"),
            ("SignatureVersion=1.0", "SignatureVersion=2.0", "InvalidSignatureVersion"),
            ("T08%3A", " 08%3A", "InvalidTimeStamp.Format"),
            ("Odd=", "Action=x&Odd=", "SignatureDoesNotMatch"),
            ("Odd=", "Timestamp=x&Odd=", "InvalidParameter"),
        ] {
            assert_eq!(code(&CALL.replace(from, to), now()), expected, "{from} {to}");
        }
    }

    #[test]
    fn tokens_are_told_apart() {
        let with = |id: &str, token: &str, hours| {
            let call = CALL.replace("LTAIuser", id) + "&SecurityToken=" + &encode(token);
            let at = now() + TimeDelta::hours(hours);
            code(&call, at)
        };
        assert_eq!(with("STS.sample", TOKEN, 0), "SignatureDoesNotMatch");
        assert_eq!(with("STS.other", TOKEN, 0), "InvalidSecurityToken.MismatchWithAccessKey");
        assert_eq!(with("STS.sample", "garbage", 0), "InvalidSecurityToken.Malformed");
        assert_eq!(with("STS.sample", TOKEN, 1), "InvalidSecurityToken.Expired");
        assert_eq!(with("LTAIuser", TOKEN, 0), "InvalidSecurityToken.MismatchWithAccessKey");
    }

    #[test]
    fn the_clock_may_be_fifteen_minutes_off_and_no_more() {
        for (seconds, expected) in [(900, "n-1"), (-900, "n-1"), (901, "InvalidTimeStamp.Expired")] {
            assert_eq!(code(CALL, now() + TimeDelta::seconds(seconds)), expected);
        }
    }
}
