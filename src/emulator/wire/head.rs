use axum::http::HeaderMap;

use super::query::Repeated;

/// The trimmed value of a header that may occur once; `Err` if it occurs more often. Bytes that are no UTF-8 become `U+FFFD`.
pub(crate) fn only(headers: &HeaderMap, name: &str) -> Result<Option<String>, Repeated> {
    let mut values = values(headers, name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Repeated),
        (first, None) => Ok(first),
    }
}

/// The trimmed values of a header in the order they came.
pub(crate) fn values(headers: &HeaderMap, name: &str) -> impl Iterator<Item = String> {
    headers
        .get_all(name)
        .into_iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim_matches([' ', '\t']).to_owned())
}
