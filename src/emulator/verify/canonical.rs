//! The canonical request of V4.

use std::collections::BTreeSet;

use super::super::error::OssError;
use super::super::wire::{encode, encode_path};
use super::request::{Request, header_lines};
use super::v4::argument_error;

/// The body is never covered: this stands where other clouds have its hash.
pub(super) const PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The text whose hash a V4 signature covers.
pub(super) fn canonical_request(request: &Request<'_>, additional: &BTreeSet<String>) -> Result<String, OssError> {
    let method = request.wire.method;
    let path = encode_path(&request.resource());
    let query = canonical_query(request);
    let headers = canonical_headers(request, additional)?;
    let names = additional.iter().map(String::as_str).collect::<Vec<_>>().join(";");
    Ok(format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{PAYLOAD}"))
}

/// Every parameter but the signature; an empty value loses its equals sign.
fn canonical_query(request: &Request<'_>) -> String {
    let pairs = request.query.pairs().iter().filter(|(name, _)| name != "x-oss-signature");
    let mut encoded: Vec<_> = pairs.map(|(name, value)| (encode(name), encode(value))).collect();
    encoded.sort();
    let spelled = encoded.into_iter().map(|(name, value)| match value.as_str() {
        "" => name,
        value => format!("{name}={value}"),
    });
    spelled.collect::<Vec<_>>().join("&")
}

/// The headers that are always covered and the additional ones, which must be there.
fn canonical_headers(request: &Request<'_>, additional: &BTreeSet<String>) -> Result<String, OssError> {
    let mut headers = request.oss_headers()?;
    for name in ["content-type", "content-md5"] {
        headers.extend(request.header(name)?.map(|value| (name.to_owned(), value)));
    }
    for name in additional {
        let missing = || argument_error(&format!("The additional header {name} is missing."));
        headers.insert(name.clone(), request.header(name)?.ok_or_else(missing)?);
    }
    Ok(header_lines(headers))
}
