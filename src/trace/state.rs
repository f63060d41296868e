//! `tracestate`: what those who called want to be told back. It is read only to see whether it is one.

use http::HeaderValue;
use http::header::GetAll;

/// The most members of a list, and the most bytes that are passed on (W3C Trace Context §3.3.1).
const MEMBERS: usize = 32;
const BYTES: usize = 512;

/// The values of all its headers as one, if together they are a valid list.
pub(super) fn joined(headers: &GetAll<'_, HeaderValue>) -> Option<HeaderValue> {
    let texts: Vec<_> = headers.iter().map(|value| value.to_str().ok()).collect::<Option<_>>()?;
    let joined = texts.join(",");
    let members =
        || joined.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty());
    let fits = joined.len() <= BYTES && (1..=MEMBERS).contains(&members().count());
    (fits && members().all(is_member)).then(|| HeaderValue::from_str(&joined).ok()).flatten()
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let in_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let in_value = |byte: u8| (b' '..=b'~').contains(&byte) && !b",=".contains(&byte);
    let starts_well = key.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    let lengths = key.len() <= 256 && (1..=256).contains(&value.len());
    starts_well && lengths && key.bytes().all(in_key) && value.bytes().all(in_value)
}
