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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::super::sample::{TOKEN, accounts, now};
    use super::*;

    const POLICY: &str =
        "eyJleHBpcmF0aW9uIjoiMjAyNS0wMi0xNFQwOTowMDowMFoiLCJjb25kaXRpb25zIjpbeyJidWNrZXQiOiJwaG90b3MifV19";

    const V1: [(&str, &str); 4] = [
        ("policy", POLICY),
        ("OSSAccessKeyId", "STS.sample"),
        ("Signature", "V0Nq3FgCsJDU+Wpa8d6IoHvJRjI="),
        ("x-oss-security-token", TOKEN),
    ];

    const V4: [(&str, &str); 5] = [
        ("policy", POLICY),
        ("x-oss-signature-version", "OSS4-HMAC-SHA256"),
        ("x-oss-credential", "LTAIuser/20250214/cn-hangzhou/oss/aliyun_v4_request"),
        ("x-oss-date", "20250214T080910Z"),
        ("x-oss-signature", "2c8fac7ec53e70cd12d51ee4709731c1e7bcf90e0a3de8a276308d76093bb728"),
    ];

    fn send(form: &[(&str, &str)], at: DateTime<Utc>) -> Result<Identity, OssError> {
        let fields = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        authenticate_form(&accounts(), &FormFields::new(fields), "cn-hangzhou", at)
    }

    /// The form with one field given another value, or left out.
    fn bent<'a>(form: &[(&'a str, &'a str)], name: &str, value: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
        let kept = form.iter().filter(|field| field.0 != name || value.is_some());
        kept.map(|field| if field.0 == name { (field.0, value.unwrap()) } else { *field }).collect()
    }

    fn ec(form: &[(&str, &str)]) -> Option<&'static str> {
        send(form, now()).err().and_then(|error| error.ec)
    }

    #[test]
    fn a_right_signature_names_its_key_in_any_spelling_of_the_field_names() {
        assert_eq!(send(&V1, now()).unwrap().access_key_id(), Some("STS.sample"));
        assert_eq!(send(&V4, now()).unwrap().access_key_id(), Some("LTAIuser"));
        let lower: Vec<_> = V1.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
        let lower: Vec<_> = lower.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert!(send(&lower, now()).is_ok());
    }

    #[test]
    fn a_form_without_a_policy_is_anonymous_unless_it_is_signed_in_part() {
        assert_eq!(send(&[("key", "a")], now()).unwrap().access_key_id(), None);
        assert_eq!(ec(&V1[1..]), Some("0002-00000702"));
    }

    #[test]
    fn each_part_that_is_missing_or_empty_has_its_code() {
        for (form, name, value, expected) in [
            (&V1[..], "Signature", None, "0002-00000703"),
            (&V1[..], "Signature", Some(""), "0002-00000704"),
            (&V1[..], "OSSAccessKeyId", Some(""), "0002-00000707"),
            (&V1[..], "Signature", Some("AAAA"), "0002-00000705"),
            (&V4[..], "x-oss-credential", None, "0002-00000710"),
            (&V4[..], "x-oss-credential", Some("LTAIuser/20250214"), "0002-00000710"),
            (&V4[..], "x-oss-signature", None, "0002-00000703"),
            (&V4[..], "policy", Some("e30="), "0002-00000705"),
        ] {
            assert_eq!(ec(&bent(form, name, value)), Some(expected), "{name} {value:?}");
        }
    }

    #[test]
    fn the_token_of_a_form_is_checked() {
        let code = |value| send(&bent(&V1, "x-oss-security-token", value), now()).err().map(|error| error.code);
        assert_eq!(code(None), Some("InvalidSecurityToken"));
        assert_eq!(code(Some("garbage")), Some("InvalidSecurityToken"));
        let late = send(&V1, now() + TimeDelta::hours(1)).err().map(|error| error.code);
        assert_eq!(late, Some("SecurityTokenExpired"));
    }

    #[test]
    fn a_v4_form_lives_from_its_date_for_seven_days() {
        let code = |by| send(&V4, now() + by).err().map(|error| error.code);
        assert_eq!(code(TimeDelta::days(7)), None);
        assert_eq!(code(TimeDelta::days(7) + TimeDelta::seconds(1)), Some("AccessDenied"));
        assert_eq!(code(TimeDelta::seconds(-900)), None);
        assert_eq!(code(TimeDelta::seconds(-901)), Some("RequestTimeTooSkewed"));
    }

    #[test]
    fn a_repeated_field_is_refused() {
        for form in [&V1[..], &V4[..]] {
            for field in form {
                let mut repeated = form.to_vec();
                repeated.push(*field);
                assert_eq!(
                    send(&repeated, now()).err().map(|error| error.code),
                    Some("InvalidArgument"),
                    "{}",
                    field.0
                );
            }
        }
    }

    proptest! {
        #[test]
        fn no_form_makes_the_check_panic(policy in ".*", credential in ".*", date in ".*", version in "(OSS4-HMAC-SHA256|.*)") {
            let form = [
                ("policy", policy.as_str()),
                ("x-oss-credential", &credential),
                ("x-oss-date", &date),
                ("x-oss-signature-version", &version),
                ("x-oss-signature", "00"),
            ];
            prop_assert!(send(&form, now()).is_err());
        }
    }
}
