use std::borrow::Cow;

use super::UNSIGNED_PAYLOAD;
use crate::signing::{Request, encode, is_lower_case, lower_case};

/// Stage 1: method, resource, query, headers, names of additional headers, payload; a line or a block each.
///
/// Of the query, all is signed but `x-oss-signature`.
#[must_use]
pub fn canonical_request(request: &Request<'_>) -> String {
    let key = request.key.unwrap_or_default();
    let mut text = String::with_capacity(key.len() + 512);
    push_start(&mut text, request, |text| encode::push_path(text, key));
    text.push_str(&sorted(request.query, ""));
    push_end(&mut text, request, &additional_headers(request));
    text
}

/// What stands in stage 1 before the query; `push_key` writes the key as a path.
pub(in crate::signing) fn push_start(out: &mut String, request: &Request<'_>, push_key: impl FnOnce(&mut String)) {
    out.extend([request.method, "\n/"]);
    if let Some(bucket) = request.bucket {
        encode::push_path(out, bucket);
        out.push('/');
        push_key(out);
    }
    out.push('\n');
}

/// What stands in stage 1 behind the query; `additional` comes from [`additional_headers`].
pub(in crate::signing) fn push_end(out: &mut String, request: &Request<'_>, additional: &str) {
    out.push('\n');
    push_headers(out, request.headers, additional);
    out.push('\n');
    out.push_str(additional);
    out.push('\n');
    out.push_str(UNSIGNED_PAYLOAD);
}

/// The names in `request.additional_headers` that count, in lower case, sorted, joined with `;`.
///
/// Those that are not sent do not count, nor do those that are signed anyway.
#[must_use]
pub fn additional_headers<'a>(request: &Request<'a>) -> Cow<'a, str> {
    let is = |header: &str, name: &str| header == name || header.eq_ignore_ascii_case(name);
    let sent = |name: &str| request.headers.iter().any(|(header, _)| is(header, name));
    let names = request.additional_headers.iter().map(|name| lower_case(name));
    let mut counting = names.filter(|name| sent(name) && !always_signed(name));
    match (counting.next(), counting.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => only,
        (Some(one), Some(other)) => {
            let mut names: Vec<_> = [one, other].into_iter().chain(counting).collect();
            names.sort_unstable();
            names.dedup();
            Cow::Owned(names.join(";"))
        }
    }
}

/// The line of `query` and of further `parameters`, which are encoded, sorted and joined already.
pub(in crate::signing) fn sorted<'p>(query: &[(&str, &str)], parameters: &'p str) -> Cow<'p, str> {
    if query.is_empty() {
        return Cow::Borrowed(parameters);
    }
    let query = query.iter().filter(|(name, _)| *name != "x-oss-signature");
    let query: Vec<_> = query.map(|(name, value)| parameter(name, value)).collect();
    let query = query.iter().map(String::as_str);
    let mut all: Vec<_> = query.chain(parameters.split('&').filter(|one| !one.is_empty())).collect();
    // Names decide before values do: `a=1` precedes `a-b=1`, though `=` follows `-`.
    all.sort_unstable_by_key(|one| one.split_once('=').unwrap_or((one, "")));
    Cow::Owned(all.join("&"))
}

/// One parameter encoded, alike for signing and for sending: a name alone where the value is empty.
pub(super) fn parameter(name: &str, value: &str) -> String {
    let (name, value) = (encode::value(name), encode::value(value));
    if value.is_empty() { name.into_owned() } else { [&*name, "=", &*value].concat() }
}

/// Headers that come in lower case and sorted are neither copied nor sorted.
fn push_headers(out: &mut String, headers: &[(&str, &str)], additional: &str) {
    let ready = headers.iter().all(|(name, _)| is_lower_case(name)) && headers.is_sorted_by(|one, next| one.0 < next.0);
    if ready {
        return push_sorted(out, headers, additional);
    }
    let mut lower: Vec<_> = headers.iter().map(|(name, value)| (lower_case(name), *value)).collect();
    lower.sort_by(|one, other| one.0.cmp(&other.0));
    let headers: Vec<_> = lower.iter().map(|(name, value)| (&**name, *value)).collect();
    push_sorted(out, &headers, additional);
}

fn push_sorted(out: &mut String, headers: &[(&str, &str)], additional: &str) {
    let is_additional = |name: &str| additional == name || additional.split(';').any(|other| other == name);
    let signed = |name: &str| always_signed(name) || is_additional(name);
    for same_name in headers.chunk_by(|one, other| one.0 == other.0).filter(|same_name| signed(same_name[0].0)) {
        out.push_str(same_name[0].0);
        for (at, (_, value)) in same_name.iter().enumerate() {
            out.push(if at == 0 { ':' } else { ',' });
            out.push_str(trimmed(value));
        }
        out.push('\n');
    }
}

/// `value` without white space around it, which next to none has.
fn trimmed(value: &str) -> &str {
    let bare = |end: Option<&u8>| end.is_some_and(u8::is_ascii_graphic);
    if bare(value.as_bytes().first()) && bare(value.as_bytes().last()) { value } else { value.trim() }
}

fn always_signed(name: &str) -> bool {
    name.starts_with("x-oss-") || matches!(name, "content-type" | "content-md5")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUERY: [(&str, &str); 7] = [
        ("b", ""),
        ("a-b", ""),
        ("a", "1"),
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
             B=%2B&a=1&a%20b=1%2F2&a-b&b&response-content-type=text%2Fplain&x-oss-process=image%2Finfo\n\
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
