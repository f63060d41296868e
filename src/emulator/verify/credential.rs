use super::super::error::OssError;
use super::mac::hmac_sha256;

/// `<key id>/<date>/<region>/<product>/aliyun_v4_request`: whose key, and what the key derived from it is good for.
#[derive(Debug)]
pub(super) struct Credential<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) product: &'a str,
}

const TERMINATOR: &str = "aliyun_v4_request";

impl<'a> Credential<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut pieces = text.split('/');
        let credential = Self {
            access_key_id: pieces.next().filter(|id| !id.is_empty())?,
            date: pieces.next()?,
            region: pieces.next()?,
            product: pieces.next()?,
        };
        (pieces.next() == Some(TERMINATOR) && pieces.next().is_none()).then_some(credential)
    }

    /// What follows the key id.
    pub(super) fn scope(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.product)
    }

    /// Refuses a key derived for another day than `date`, another region, or another service.
    pub(super) fn check_scope(&self, date: &str, region: &str) -> Result<(), OssError> {
        let fault = |what: &str| {
            OssError::bad_request("InvalidArgument", format!("Invalid signing {what} in Authorization header."))
        };
        if self.region != region {
            return Err(fault("region").ec("0002-00000226"));
        }
        if self.product != "oss" {
            return Err(fault("product").ec("0002-00000227"));
        }
        if self.date == date { Ok(()) } else { Err(fault("date")) }
    }

    /// The lower-case hex signature of `string_to_sign` by the key derived from `secret`.
    pub(super) fn sign(&self, secret: &str, string_to_sign: &str) -> String {
        let first = format!("aliyun_v4{secret}").into_bytes();
        let steps = [self.date, self.region, self.product, TERMINATOR];
        let key = steps.iter().fold(first, |key, step| hmac_sha256(&key, step.as_bytes()));
        const_hex::encode(hmac_sha256(&key, string_to_sign.as_bytes()))
    }
}
