//! Signed URLs: the signature travels in the query, so whoever holds the URL may send that one request.

use std::borrow::Cow;
use std::ops::Range;

use chrono::{DateTime, Utc};

use super::moment::Basic;
use super::v4::{self, Signer};
use super::{Request, encode, v1};
use crate::keys::AccessKey;

/// A request to put into a URL.
#[derive(Clone, Copy, Debug)]
pub struct Presign<'a> {
    /// What the URL is to do. Its headers must be sent with the URL just as they are here; OSS refuses any other
    /// `content-type`, `content-md5` or `x-oss-*`.
    pub request: Request<'a>,
    /// What stands before the key: `https://bucket.host`, `https://custom.domain` or `http://127.0.0.1:9000/bucket`,
    /// without a slash at the end.
    pub base: &'a str,
    /// The life of the URL in seconds: 1 to 604,800 in V4, without a bound in V1. A token ends it earlier.
    pub expires_in: u32,
}

/// A URL signed with V4; it is valid from `at`, for `expires_in` seconds.
#[must_use]
pub fn v4(presign: &Presign<'_>, signer: &Signer, at: DateTime<Utc>) -> String {
    let mut url = String::new();
    push_v4(&mut url, presign, signer, at);
    url
}

/// Appends the same to `out`. Stage 1 is written behind it, since most of it stands in the URL already, and cut off again.
pub fn push_v4(out: &mut String, presign: &Presign<'_>, signer: &Signer, at: DateTime<Utc>) {
    let (request, date, signer) = (&presign.request, Basic::of(at), signer.on_day_of(at));
    let (date, additional) = (date.as_str(), v4::additional_headers(request));
    out.reserve(room(presign) + 2 * signer.room() + room_behind(request));
    let path = push_unsigned(out, presign);
    let parameters = out.len();
    signer.push_parameters(out, &additional, date, presign.expires_in);

    let url = out.len();
    v4::push_start(out, request, |out| out.extend_from_within(path));
    match v4::sorted(request.query, &out[parameters..url]) {
        Cow::Borrowed(_) => out.extend_from_within(parameters..url),
        Cow::Owned(query) => out.push_str(&query),
    }
    v4::push_end(out, request, &additional);
    let signature = signer.signature(date, &out[url..]);
    out.truncate(url);
    out.extend(["&x-oss-signature=", v4::hex(&signature, &mut [0; 64])]);
}

/// A URL signed with V1; it is valid until `expires_in` seconds after `at`, and before `at` too.
#[must_use]
pub fn v1(presign: &Presign<'_>, access_key: &AccessKey, at: DateTime<Utc>) -> String {
    let expires = (at.timestamp() + i64::from(presign.expires_in)).to_string();
    let token = access_key.token.as_ref().map(|token| ("security-token", token.expose()));
    let mut query = presign.request.query.to_vec();
    query.extend(token);
    let text = v1::string_to_sign(&Request { query: &query, ..presign.request }, &expires);
    let signature = v1::signature(&text, &access_key.secret);

    let parameters = [("OSSAccessKeyId", access_key.id.as_str()), ("Expires", &expires)].into_iter().chain(token);
    let mut url = String::with_capacity(room(presign) + 1500);
    push_unsigned(&mut url, presign);
    for (name, value) in parameters.chain([("Signature", signature.as_str())]) {
        push_parameter(&mut url, name, value);
    }
    url.pop();
    url
}

/// How many bytes [`push_unsigned`] writes where the key needs no escapes and the request has no parameters.
fn room(presign: &Presign<'_>) -> usize {
    presign.base.len() + presign.request.key.unwrap_or_default().len() + 2
}

/// How many bytes stage 1 has without its query, where nothing needs escapes.
fn room_behind(request: &Request<'_>) -> usize {
    const REST: usize = 64;
    let headers = request.headers.iter().map(|(name, value)| name.len() + value.len() + 2);
    let resource = request.bucket.unwrap_or_default().len() + request.key.unwrap_or_default().len();
    resource + headers.sum::<usize>() + REST
}

/// Appends the URL as far as the request's own parameters, and says where in it the encoded key stands.
fn push_unsigned(url: &mut String, presign: &Presign<'_>) -> Range<usize> {
    url.push_str(presign.base);
    url.push('/');
    let path = url.len();
    encode::push_path(url, presign.request.key.unwrap_or_default());
    let path = path..url.len();
    url.push('?');
    for (name, value) in presign.request.query {
        push_parameter(url, name, value);
    }
    path
}

fn push_parameter(url: &mut String, name: &str, value: &str) {
    encode::push_value(url, name);
    if !value.is_empty() {
        url.push('=');
        encode::push_value(url, value);
    }
    url.push('&');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::Secret;
    use crate::signing::v4::PRODUCT;

    const TOKEN: &str = "to+ken/=";

    fn at() -> DateTime<Utc> {
        "2025-02-14T08:09:10Z".parse().unwrap()
    }

    fn access_key() -> AccessKey {
        AccessKey { id: "STS.ak".into(), secret: Secret::new("sk"), token: Some(Secret::new(TOKEN)) }
    }

    fn signer() -> Signer {
        Signer::new(&access_key(), "cn-hangzhou", PRODUCT, at().date_naive())
    }

    fn presign<'a>(key: &'a str, query: &'a [(&'a str, &'a str)], headers: &'a [(&'a str, &'a str)]) -> Presign<'a> {
        let additional_headers = &["content-length"];
        let request = Request { method: "PUT", bucket: Some("b"), key: Some(key), query, headers, additional_headers };
        Presign { request, base: "https://b.example.com", expires_in: 600 }
    }

    /// What a server reads from `url`: the key and the parameters, decoded.
    fn read(url: &str) -> (String, Vec<(String, String)>) {
        let url = url::Url::parse(url).unwrap();
        let path = format!("={}", &url.path()[1..]);
        let key = url::form_urlencoded::parse(path.as_bytes()).next().unwrap().1.into_owned();
        (key, url.query_pairs().into_owned().collect())
    }

    #[test]
    fn a_v4_url_has_the_requests_parameters_first_and_the_signature_last() {
        let url =
            v4(&presign("a/b c", &[("partNumber", "1"), ("uploads", "")], &[("Content-Length", "3")]), &signer(), at());
        let (head, signature) = url.rsplit_once("&x-oss-signature=").unwrap();
        assert_eq!(
            head,
            "https://b.example.com/a/b%20c?partNumber=1&uploads&x-oss-additional-headers=content-length\
             &x-oss-credential=STS.ak%2F20250214%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20250214T080910Z\
             &x-oss-expires=600&x-oss-security-token=to%2Bken%2F%3D&x-oss-signature-version=OSS4-HMAC-SHA256"
        );
        assert_eq!(signature.len(), 64);
    }

    #[test]
    fn a_v1_url_has_the_token_among_the_signed_parameters() {
        let url = v1(&presign("k", &[("x-oss-process", "image/info")], &[]), &access_key(), at());
        let head = "https://b.example.com/k?x-oss-process=image%2Finfo&OSSAccessKeyId=STS.ak&Expires=1739521150\
                    &security-token=to%2Bken%2F%3D&Signature=";
        assert!(url.starts_with(head), "{url}");
        let text = "PUT\n\n\n1739521150\n/b/k?security-token=to+ken/=&x-oss-process=image/info";
        let (_, query) = read(&url);
        assert_eq!(query.last().unwrap().1, v1::signature(text, &access_key().secret));
    }

    /// The signature that a server finds, given what it reads from `url` and the same headers.
    fn signature_of(url: &str, presign: &Presign<'_>) -> String {
        let (key, query) = read(url);
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let canonical = v4::canonical_request(&Request { key: Some(&key), query: &query, ..presign.request });
        signer().key().sign(&v4::string_to_sign("20250214T080910Z", signer().scope(), &canonical))
    }

    proptest! {
        #[test]
        fn what_a_server_reads_from_a_v4_url_has_the_signature_it_carries(
            key in "[^./\\\\][^./\\\\\\x00-\\x1f\\x7f]{0,30}",
            name in "[^\\x00-\\x1f]{1,10}",
            value in "[^\\x00-\\x1f]{0,20}",
        ) {
            let (query, headers) = ([(name.as_str(), value.as_str())], [("content-type", "text/plain")]);
            let presign = presign(&key, &query, &headers);
            let url = v4(&presign, &signer(), at());
            let found = signature_of(&url, &presign);
            prop_assert!(url.ends_with(&format!("&x-oss-signature={found}")), "{url}");
        }

        #[test]
        fn a_change_of_any_input_changes_both_signatures(one in "[a-z/+ é]{1,20}", other in "[a-z/+ é]{1,20}") {
            prop_assume!(one != other);
            let urls = |presign: &Presign<'_>, key: &AccessKey| {
                let signer = Signer::new(key, "cn-hangzhou", PRODUCT, at().date_naive());
                let last = |url: String| url.rsplit_once('=').unwrap().1.to_owned();
                (last(v4(presign, &signer, at())), last(v1(presign, key, at())))
            };
            let key = |secret: &str, token: &str| {
                AccessKey { secret: Secret::new(secret), token: Some(Secret::new(token)), ..access_key() }
            };
            let all = |text: &str| {
                // White space around a header is no part of it.
                let header = format!("|{text}|");
                let (query, headers) = ([("x-oss-process", text)], [("content-type", header.as_str())]);
                let plain = presign("k", &[], &[]);
                let method = Presign { request: Request { method: text, ..plain.request }, ..plain };
                let bucket = Presign { request: Request { bucket: Some(text), ..plain.request }, ..plain };
                let life = Presign { expires_in: u32::try_from(text.len()).unwrap(), ..plain };
                let mut signatures = vec![
                    urls(&method, &key("s", "t")),
                    urls(&bucket, &key("s", "t")),
                    urls(&presign(text, &[], &[]), &key("s", "t")),
                    urls(&presign("k", &query, &[]), &key("s", "t")),
                    urls(&presign("k", &[], &headers), &key("s", "t")),
                    urls(&plain, &key(text, "t")),
                    urls(&plain, &key("s", text)),
                ];
                signatures.extend((one.len() != other.len()).then(|| urls(&life, &key("s", "t"))));
                signatures
            };
            for (one, other) in all(&one).into_iter().zip(all(&other)) {
                prop_assert_ne!(one.0, other.0);
                prop_assert_ne!(one.1, other.1);
            }
        }
    }
}
