use std::fmt::{self, Debug, Formatter};
use std::ops::Deref;

use chrono::{DateTime, NaiveDate, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::canonical::parameter;
use super::{SCHEME, hash, hex};
use crate::keys::{AccessKey, Secret};
use crate::signing::{encode, keyed, post};

/// The product in the scope of an ordinary bucket; a bucket in a cloud box has `oss-cloudbox`.
pub const PRODUCT: &str = "oss";

/// The key that signs for one day, region and product, as the state of an HMAC that has taken it in.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key from `secret` by four HMACs, which cost more than a signature: keep the outcome.
    #[must_use]
    pub fn derive(secret: &Secret, day: NaiveDate, region: &str, product: &str) -> Self {
        let root = Secret::new(format!("aliyun_v4{}", secret.expose()));
        let day = step(keyed(root.expose()), &day_text(day));
        Self(step(step(step(day, region), product), "aliyun_v4_request"))
    }

    /// Stage 3: the HMAC of `text` in lower-case hexadecimal.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        hex(&self.signature([text]), &mut [0; 64]).to_owned()
    }

    /// Stage 3 for what all `texts` are together, as bytes.
    pub(in crate::signing) fn signature<const N: usize>(&self, texts: [&str; N]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for text in texts {
            mac.update(text.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// The key that signs what begins with `start`, given what follows it.
    pub(in crate::signing) fn after(&self, start: &str) -> Self {
        let mut mac = self.0.clone();
        mac.update(start.as_bytes());
        Self(mac)
    }
}

impl Debug for SigningKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// All that is the same for every V4 signature of one key on one day, made once and kept: it saves four hashes in five.
#[derive(Clone, Debug)]
pub struct Signer {
    access_key: AccessKey,
    region: String,
    product: String,
    day: NaiveDate,
    key: SigningKey,
    credential: String,
    in_url: InUrl,
    opening: post::Opening,
}

/// What stays the same in signed URLs.
#[derive(Clone, Debug)]
struct InUrl {
    /// The parameters before the date, encoded.
    first: String,
    /// The parameters after the life, encoded.
    last: Secret,
    /// The key that has taken in the first line of what is signed.
    key: SigningKey,
    /// What stands between the date and the hash in what is signed: the scope, in a line of its own.
    scope: String,
}

impl Signer {
    /// Prepares `access_key` for the bucket's `region` (`cn-hangzhou`, without `oss-`), `product` and `day` of UTC.
    #[must_use]
    pub fn new(access_key: &AccessKey, region: &str, product: &str, day: NaiveDate) -> Self {
        let credential = format!("{}/{}/{region}/{product}/aliyun_v4_request", access_key.id, day_text(day));
        let key = SigningKey::derive(&access_key.secret, day, region, product);
        Self {
            region: region.to_owned(),
            product: product.to_owned(),
            day,
            in_url: InUrl::new(&credential, access_key, &key),
            opening: post::Opening::new(&credential, access_key.token.as_ref(), &key),
            key,
            credential,
            access_key: access_key.clone(),
        }
    }

    /// Whether this was prepared for the day of `at`. On any other day it signs rightly too, but without its gain.
    #[must_use]
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        self.day == at.date_naive()
    }

    /// What the signature is good for: `20250214/cn-hangzhou/oss/aliyun_v4_request`.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.credential[self.access_key.id.len() + 1..]
    }

    /// The key's id and the scope, joined by a slash.
    #[must_use]
    pub fn credential(&self) -> &str {
        &self.credential
    }

    /// The key of the day.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// This signer, or where `at` is on another day, one for that day.
    pub(in crate::signing) fn on_day_of(&self, at: DateTime<Utc>) -> OfDay<'_> {
        if self.covers(at) {
            return OfDay::This(self);
        }
        OfDay::Other(Box::new(Self::new(&self.access_key, &self.region, &self.product, at.date_naive())))
    }

    pub(in crate::signing) fn token(&self) -> Option<&Secret> {
        self.access_key.token.as_ref()
    }

    /// Appends the parameters of a signed URL but the signature, encoded, sorted and joined.
    pub(in crate::signing) fn push_parameters(&self, url: &mut String, additional: &str, date: &str, expires_in: u32) {
        if !additional.is_empty() {
            url.push_str("x-oss-additional-headers=");
            encode::push_value(url, additional);
            url.push('&');
        }
        let InUrl { first, last, .. } = &self.in_url;
        let mut digits = itoa::Buffer::new();
        url.extend([first, date, "&x-oss-expires=", digits.format(expires_in), last.expose()]);
    }

    /// How many bytes a signature and its parameters add to a URL, at most, where nothing but the host is signed.
    pub(in crate::signing) fn room(&self) -> usize {
        const REST: usize = 16 + "&x-oss-expires=4294967295&x-oss-signature=".len() + 64;
        self.in_url.first.len() + self.in_url.last.expose().len() + REST
    }

    /// Stages 2 and 3 in one, as bytes.
    pub(in crate::signing) fn signature(&self, date: &str, canonical_request: &str) -> [u8; 32] {
        let InUrl { key, scope, .. } = &self.in_url;
        key.signature([date, scope, hex(&hash(canonical_request), &mut [0; 64])])
    }

    /// How the policies of forms begin.
    pub(in crate::signing) fn opening(&self) -> &post::Opening {
        &self.opening
    }
}

/// A signer for a day: the one that was at hand, or another.
pub(in crate::signing) enum OfDay<'a> {
    This(&'a Signer),
    Other(Box<Signer>),
}

impl Deref for OfDay<'_> {
    type Target = Signer;

    fn deref(&self) -> &Signer {
        match self {
            Self::This(signer) => signer,
            Self::Other(signer) => signer,
        }
    }
}

impl InUrl {
    fn new(credential: &str, access_key: &AccessKey, key: &SigningKey) -> Self {
        let token = access_key.token.as_ref();
        let token = token.map(|token| format!("&{}", parameter("x-oss-security-token", token.expose())));
        Self {
            first: parameter("x-oss-credential", credential) + "&x-oss-date=",
            last: Secret::new(token.unwrap_or_default() + "&x-oss-signature-version=" + SCHEME),
            key: key.after(&format!("{SCHEME}\n")),
            scope: format!("\n{}\n", &credential[access_key.id.len() + 1..]),
        }
    }
}

fn step(mut mac: Hmac<Sha256>, text: &str) -> Hmac<Sha256> {
    mac.update(text.as_bytes());
    keyed(mac.finalize().into_bytes())
}

fn day_text(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access_key() -> AccessKey {
        AccessKey { id: "id".into(), secret: Secret::new("hidden-secret"), token: Some(Secret::new("hidden+token")) }
    }

    fn signer() -> Signer {
        Signer::new(&access_key(), "cn-hangzhou", PRODUCT, NaiveDate::from_ymd_opt(2025, 2, 14).unwrap())
    }

    #[test]
    fn scope_and_credential_have_the_documented_form() {
        assert_eq!(signer().scope(), "20250214/cn-hangzhou/oss/aliyun_v4_request");
        assert_eq!(signer().credential(), "id/20250214/cn-hangzhou/oss/aliyun_v4_request");
    }

    #[test]
    fn the_key_depends_on_every_part() {
        let day = NaiveDate::from_ymd_opt(2025, 2, 14).unwrap();
        let sign = |secret: &str, day, region, product| {
            SigningKey::derive(&Secret::new(secret), day, region, product).sign("text")
        };
        let mut signatures = vec![
            sign("s", day, "cn-hangzhou", "oss"),
            sign("t", day, "cn-hangzhou", "oss"),
            sign("s", day.succ_opt().unwrap(), "cn-hangzhou", "oss"),
            sign("s", day, "cn-beijing", "oss"),
            sign("s", day, "cn-hangzhou", "oss-cloudbox"),
        ];
        signatures.sort_unstable();
        signatures.dedup();
        assert_eq!(signatures.len(), 5);
    }

    #[test]
    fn neither_secret_nor_token_is_printed() {
        assert!(!format!("{:?}", signer()).contains("hidden"));
    }
}
