use std::borrow::Cow;

use super::UNSIGNED_PAYLOAD;
use crate::signing::{Request, encode, lower_case};

/// Stage 1: method, resource, query, headers, names of additional headers, payload; a line or a block each.
///
/// Of the query, all is signed but `x-oss-signature`.
#[must_use]
pub fn canonical_request(request: &Request<'_>) -> String {
    canonical_request_with(request, &additional_headers(request), &[])
}

/// Stage 1 with `parameters`, encoded, beside those of the request, and `additional` from [`additional_headers`].
pub(in crate::signing) fn canonical_request_with(
    request: &Request<'_>,
    additional: &str,
    parameters: &[(&str, &str)],
) -> String {
    let room: usize = parameters.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut text = String::with_capacity(room + 512);
    text.push_str(request.method);
    text.push('\n');
    push_resource(&mut text, request);
    text.push('\n');
    push_query(&mut text, request.query, parameters);
    text.push('\n');
    push_headers(&mut text, request.headers, additional);
    text.push('\n');
    text.push_str(additional);
    text.push('\n');
    text.push_str(UNSIGNED_PAYLOAD);
    text
}

/// The names in `request.additional_headers` that count, in lower case, sorted, joined with `;`.
///
/// Those that are not sent do not count, nor do those that are signed anyway.
#[must_use]
pub fn additional_headers(request: &Request<'_>) -> String {
    let sent = |name: &str| request.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
    let mut names: Vec<_> = request.additional_headers.iter().map(|name| lower_case(name)).collect();
    names.retain(|name| sent(name) && !always_signed(name));
    names.sort_unstable();
    names.dedup();
    names.join(";")
}

fn push_resource(text: &mut String, request: &Request<'_>) {
    text.push('/');
    if let Some(bucket) = request.bucket {
        encode::push_path(text, bucket);
        text.push('/');
        encode::push_path(text, request.key.unwrap_or_default());
    }
}

fn push_query(text: &mut String, query: &[(&str, &str)], encoded: &[(&str, &str)]) {
    let query = query.iter().filter(|(name, _)| *name != "x-oss-signature");
    let query = query.map(|(name, value)| (encode::value(name), encode::value(value)));
    let encoded = encoded.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value)));
    let mut parameters: Vec<_> = encoded.chain(query).collect();
    parameters.sort_unstable();
    for (at, (name, value)) in parameters.iter().enumerate() {
        if at > 0 {
            text.push('&');
        }
        push_parameter(text, name, value);
    }
}

/// Appends one encoded parameter, the same way for signing and for sending: a name alone where the value is empty.
pub(in crate::signing) fn push_parameter(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    if !value.is_empty() {
        text.push('=');
        text.push_str(value);
    }
}

fn push_headers(text: &mut String, headers: &[(&str, &str)], additional: &str) {
    let signed = |name: &str| always_signed(name) || additional.split(';').any(|other| other == name);
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (lower_case(name), value.trim())).collect();
    headers.retain(|(name, _)| signed(name));
    headers.sort_by(|one, other| one.0.cmp(&other.0));
    for same_name in headers.chunk_by(|one, other| one.0 == other.0) {
        text.push_str(&same_name[0].0);
        for (at, (_, value)) in same_name.iter().enumerate() {
            text.push(if at == 0 { ':' } else { ',' });
            text.push_str(value);
        }
        text.push('\n');
    }
}

fn always_signed(name: &str) -> bool {
    name.starts_with("x-oss-") || matches!(name, "content-type" | "content-md5")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUERY: [(&str, &str); 5] = [
        ("b", ""),
        ("a b", "1/2"),
        ("response-content-type", "text/plain"),
        ("B", "+"),
        ("x-oss-process", "image/info"),
    ];
    const HEADERS: [(&str, &str); 5] = [
        ("Content-Type", "text/plain"),
        ("x-oss-meta-b", " padded "),
        ("X-Oss-Meta-A", "1"),
        ("Content-Length", "3"),
        ("Range", "bytes=0-1"),
    ];

    fn request<'a>(query: &'a [(&'a str, &'a str)], headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request {
            method: "PUT",
            bucket: Some("b"),
            key: Some("a/b c"),
            query,
            headers,
            additional_headers: &["Content-Length", "content-type", "missing"],
        }
    }

    #[test]
    fn the_canonical_request_has_six_parts() {
        assert_eq!(
            canonical_request(&request(&QUERY, &HEADERS)),
            "PUT\n/b/a/b%20c\n\
             B=%2B&a%20b=1%2F2&b&response-content-type=text%2Fplain&x-oss-process=image%2Finfo\n\
             content-length:3\ncontent-type:text/plain\nx-oss-meta-a:1\nx-oss-meta-b:padded\n\n\
             content-length\nUNSIGNED-PAYLOAD"
        );
    }

    #[test]
    fn the_resource_of_a_bucket_ends_with_a_slash_and_that_of_the_service_is_one() {
        let bucket = Request { method: "GET", bucket: Some("b"), ..Request::default() };
        assert!(canonical_request(&bucket).starts_with("GET\n/b/\n"));
        let service = Request { method: "GET", ..Request::default() };
        assert!(canonical_request(&service).starts_with("GET\n/\n"));
    }

    #[test]
    fn the_signature_itself_is_not_signed() {
        let request = request(&[("x-oss-signature", "00")], &[]);
        assert!(canonical_request(&request).starts_with("PUT\n/b/a/b%20c\n\n"));
    }

    #[test]
    fn values_of_one_header_keep_their_order() {
        let text = canonical_request(&request(&[], &[("x-oss-meta-a", "2"), ("X-Oss-Meta-A", "1")]));
        assert!(text.contains("\nx-oss-meta-a:2,1\n"), "{text}");
    }

    proptest! {
        #[test]
        fn the_order_of_query_and_headers_does_not_matter(
            query in Just(QUERY.to_vec()).prop_shuffle(),
            headers in Just(HEADERS.to_vec()).prop_shuffle(),
        ) {
            prop_assert_eq!(canonical_request(&request(&query, &headers)), canonical_request(&request(&QUERY, &HEADERS)));
        }

        #[test]
        fn no_two_keys_have_the_same_text(one in "\\PC{1,20}", other in "\\PC{1,20}") {
            prop_assume!(one != other);
            let text = |key: &str| canonical_request(&Request { key: Some(key), ..request(&QUERY, &HEADERS) });
            prop_assert_ne!(text(&one), text(&other));
        }
    }
}
