//! OSS4-HMAC-SHA256, the scheme of OSS today.
//!
//! <https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4>

mod canonical;
mod signer;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

pub use self::canonical::{additional_headers, canonical_request};
pub(super) use self::canonical::{push_end, push_start, sorted};
pub(super) use self::signer::OfDay;
pub use self::signer::{PRODUCT, Signer, SigningKey};
use super::Request;
use super::moment::Basic;

/// The name of the scheme, as it stands in strings to sign, headers, URLs and forms.
pub const SCHEME: &str = "OSS4-HMAC-SHA256";

/// OSS signs no body: this stands where its hash would, in the canonical request and in `x-oss-content-sha256`.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The `x-oss-date` of `at`: `20250214T080910Z`.
#[must_use]
pub fn date(at: DateTime<Utc>) -> String {
    Basic::of(at).as_str().to_owned()
}

/// Stage 2: scheme, [`date`], scope (see [`Signer::scope`]) and the hash of stage 1, a line each.
#[must_use]
pub fn string_to_sign(date: &str, scope: &str, canonical_request: &str) -> String {
    [SCHEME, date, scope, hex(&hash(canonical_request), &mut [0; 64])].join("\n")
}

fn hash(canonical_request: &str) -> [u8; 32] {
    Sha256::digest(canonical_request.as_bytes()).into()
}

/// Stage 4 in headers: those that sign `request`; they go out beside those it already has.
///
/// One of them is the key's token: keep them out of logs. OSS allows the clock to be 15 minutes off.
#[must_use]
pub fn sign_headers(request: &Request<'_>, signer: &Signer, at: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let signer = signer.on_day_of(at);
    let date = date(at);
    let mut added = vec![("x-oss-content-sha256", UNSIGNED_PAYLOAD.to_owned()), ("x-oss-date", date.clone())];
    added.extend(signer.token().map(|token| ("x-oss-security-token", token.expose().to_owned())));

    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let canonical = canonical_request(&Request { headers: &headers, ..*request });
    let signature = signer.key().sign(&string_to_sign(&date, signer.scope(), &canonical));

    let additional = match additional_headers(request) {
        names if names.is_empty() => String::new(),
        names => format!("AdditionalHeaders={names},"),
    };
    let credential = signer.credential();
    added.push(("authorization", format!("{SCHEME} Credential={credential},{additional}Signature={signature}")));
    added
}

/// Writes a hash or a signature in lower-case hexadecimal into `buffer`, which stays where it is: to move what was just
/// written by wide instructions makes the processor wait.
pub(super) fn hex<'b>(bytes: &[u8; 32], buffer: &'b mut [u8; 64]) -> &'b str {
    const_hex::encode_to_str(bytes, buffer).expect("64 digits hold 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{AccessKey, Secret};

    fn signer(token: Option<&str>) -> Signer {
        let access_key = AccessKey { id: "ak".into(), secret: Secret::new("sk"), token: token.map(Secret::new) };
        Signer::new(&access_key, "cn-hangzhou", PRODUCT, at().date_naive())
    }

    fn at() -> DateTime<Utc> {
        "2023-12-16T16:20:57Z".parse().unwrap()
    }

    fn request() -> Request<'static> {
        Request {
            method: "PUT",
            bucket: Some("bucket"),
            key: Some("1234+-/123/1.txt"),
            headers: &[("ZAbc", "value"), ("XYZ", "value"), ("content-type", "text/plain")],
            ..Request::default()
        }
    }

    fn authorization(request: &Request<'_>, signer: &Signer) -> String {
        sign_headers(request, signer, at()).pop().unwrap().1
    }

    #[test]
    fn the_header_names_the_additional_headers_only_where_there_are_some() {
        let text = authorization(&request(), &signer(None));
        assert!(
            text.starts_with("OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,Signature=")
        );
        let text = authorization(&Request { additional_headers: &["ZAbc", "missing"], ..request() }, &signer(None));
        assert!(text.contains("/aliyun_v4_request,AdditionalHeaders=zabc,Signature="), "{text}");
    }

    #[test]
    fn a_token_is_added_and_signed() {
        let added = sign_headers(&request(), &signer(Some("to+ken/=")), at());
        assert!(added.contains(&("x-oss-security-token", "to+ken/=".into())));
        assert_ne!(added.last().unwrap().1, authorization(&request(), &signer(Some("token"))));
    }

    #[test]
    fn a_signer_of_another_day_signs_for_the_day_it_is() {
        let access_key = AccessKey { id: "ak".into(), secret: Secret::new("sk"), token: None };
        let stale = Signer::new(&access_key, "cn-hangzhou", PRODUCT, at().date_naive().pred_opt().unwrap());
        assert!(!stale.covers(at()));
        assert_eq!(authorization(&request(), &stale), authorization(&request(), &signer(None)));
    }
}
