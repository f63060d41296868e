//! Listings of a bucket's objects, in both versions.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::error::OssError;
use super::super::store::{Listing, Object, Page};
use super::super::wire::encode;
use super::super::xml::Xml;
use super::answer::{document, owner, quoted, xml_time};
use super::call::Call;
use super::head::Head;

/// `GET /`.
pub(super) fn v1(call: &Call<'_>) -> Result<Response, OssError> {
    let shown = Shown { encodes: call.head.encodes()?, owner: Some(&call.state.owner) };
    let marker = call.head.parameter("marker")?.unwrap_or_default();
    let listing = listing(call.head, marker)?;
    let page = page(call, &listing)?;
    Ok(document("ListBucketResult", |xml| {
        shown.head(xml, call, &listing);
        shown.text(xml, "Marker", marker);
        xml.text("IsTruncated", page.next.is_some());
        if let Some(next) = &page.next {
            shown.text(xml, "NextMarker", next);
        }
        shown.entries(xml, &page);
    }))
}

/// `GET /?list-type=2`.
pub(super) fn v2(call: &Call<'_>) -> Result<Response, OssError> {
    let fetch_owner = call.head.parameter("fetch-owner")? == Some("true");
    let shown = Shown { encodes: call.head.encodes()?, owner: fetch_owner.then_some(&call.state.owner) };
    let start_after = call.head.parameter("start-after")?.unwrap_or_default();
    // oss2 sends an empty one for the first page.
    let token = call.head.parameter("continuation-token")?.filter(|token| !token.is_empty());
    let after = token.map(after_token).transpose()?;
    let listing = listing(call.head, after.as_deref().unwrap_or(start_after))?;
    let page = page(call, &listing)?;
    Ok(document("ListBucketResult", |xml| {
        shown.head(xml, call, &listing);
        shown.text(xml, "StartAfter", start_after);
        if let Some(token) = token {
            xml.text("ContinuationToken", token);
        }
        xml.text("IsTruncated", page.next.is_some());
        if let Some(next) = &page.next {
            xml.text("NextContinuationToken", URL_SAFE_NO_PAD.encode(next));
        }
        xml.text("KeyCount", page.entries.len() + page.prefixes.len());
        shown.entries(xml, &page);
    }))
}

fn page(call: &Call<'_>, listing: &Listing) -> Result<Page<Arc<Object>>, OssError> {
    let bucket = call.bucket()?;
    call.allow_list("oss:ListObjects", &bucket, &listing.prefix, &listing.delimiter)?;
    Ok(bucket.list(listing))
}

fn listing(head: &Head, after: &str) -> Result<Listing, OssError> {
    let text = |name| head.parameter(name).map(|text| text.unwrap_or_default().to_owned());
    Ok(Listing {
        prefix: text("prefix")?,
        delimiter: text("delimiter")?,
        after: after.to_owned(),
        max: head.number("max-keys", 100, 1, 1000)?.into(),
    })
}

fn after_token(token: &str) -> Result<String, OssError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let after = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    after.ok_or_else(|| OssError::invalid_argument("continuation-token", token, "The continuation token is invalid."))
}

/// How a listing shows what it lists.
struct Shown<'a> {
    encodes: bool,
    /// The account to name as owner, if one is to be named.
    owner: Option<&'a String>,
}

impl Shown<'_> {
    fn head(&self, xml: &mut Xml, call: &Call<'_>, listing: &Listing) {
        xml.text("Name", call.reading.bucket.as_deref().unwrap_or_default());
        self.text(xml, "Prefix", &listing.prefix);
        xml.text("MaxKeys", listing.max);
        self.text(xml, "Delimiter", &listing.delimiter);
        if self.encodes {
            xml.text("EncodingType", "url");
        }
    }

    fn entries(&self, xml: &mut Xml, page: &Page<Arc<Object>>) {
        for (key, object) in &page.entries {
            xml.element("Contents", |xml| self.entry(xml, key, object));
        }
        for prefix in &page.prefixes {
            xml.element("CommonPrefixes", |xml| self.text(xml, "Prefix", prefix));
        }
    }

    fn entry(&self, xml: &mut Xml, key: &str, object: &Object) {
        self.text(xml, "Key", key);
        xml.text("LastModified", xml_time(object.facts.modified));
        xml.text("ETag", quoted(&object.facts.etag));
        xml.text("Type", object.facts.kind.name());
        xml.text("Size", object.content.size());
        xml.text("StorageClass", &object.attributes.storage_class);
        if let Some(account) = self.owner {
            owner(xml, account);
        }
    }

    fn text(&self, xml: &mut Xml, name: &str, text: &str) {
        if self.encodes { xml.text(name, encode(text)) } else { xml.text(name, text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_no_listing_gave_is_refused() {
        assert_eq!(after_token(&URL_SAFE_NO_PAD.encode("a/é")).map_err(|error| error.code), Ok("a/é".to_owned()));
        for token in ["!", "a", "_w"] {
            assert_eq!(after_token(token).map_err(|error| error.code), Err("InvalidArgument"), "{token}");
        }
    }
}
