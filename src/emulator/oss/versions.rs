//! Versioning of a bucket, and the listing of its versions.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::error::OssError;
use super::super::store::{Listed, Listing, Version, VersionPage, Versioning};
use super::super::wire::encode;
use super::super::xml::{self, Xml};
use super::answer::{document, empty, owner, quoted, xml_time};
use super::body;
use super::call::Call;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    status: Status,
}

#[derive(Deserialize)]
enum Status {
    Enabled,
    Suspended,
}

/// `PUT /?versioning`. What was switched on can only be suspended.
pub(super) async fn put(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:PutBucketVersioning", &bucket)?;
    let wanted: Configuration = xml::read(&body::document(call.head, body).await?, "VersioningConfiguration")?;
    bucket.change(|settings| {
        settings.versioning = match wanted.status {
            Status::Enabled => Versioning::Enabled,
            Status::Suspended => Versioning::Suspended,
        }
    })?;
    Ok(empty(StatusCode::OK))
}

/// `GET /?versioning`.
pub(super) fn read(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:GetBucketVersioning", &bucket)?;
    Ok(document("VersioningConfiguration", |xml| {
        if let Some(status) = status(bucket.settings().versioning) {
            xml.text("Status", status);
        }
    }))
}

/// As documents name it; nothing for a bucket that never had versions.
pub(super) fn status(versioning: Versioning) -> Option<&'static str> {
    match versioning {
        Versioning::Off => None,
        Versioning::Enabled => Some("Enabled"),
        Versioning::Suspended => Some("Suspended"),
    }
}

/// `GET /?versions`.
pub(super) fn list(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let encodes = call.head.encodes()?;
    let text = |name| call.head.parameter(name).map(Option::unwrap_or_default);
    let version_marker = text("version-id-marker")?;
    let listing = Listing {
        prefix: text("prefix")?.to_owned(),
        delimiter: text("delimiter")?.to_owned(),
        after: text("key-marker")?.to_owned(),
        max: call.head.number("max-keys", 100, 1, 1000)?.into(),
    };
    if listing.after.is_empty() && !version_marker.is_empty() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(OssError::invalid_argument("version-id-marker", version_marker, message));
    }
    call.allow_list("oss:ListObjectVersions", &bucket, &listing.prefix, &listing.delimiter)?;
    let page = bucket.list_versions(&listing, version_marker);
    let shown = |name: &str| if encodes { encode(name) } else { name.to_owned() };
    Ok(document("ListVersionsResult", |xml| {
        xml.text("Name", &bucket.name);
        xml.text("Prefix", shown(&listing.prefix));
        xml.text("KeyMarker", shown(&listing.after));
        xml.text("VersionIdMarker", version_marker);
        xml.text("MaxKeys", listing.max);
        xml.text("Delimiter", shown(&listing.delimiter));
        if encodes {
            xml.text("EncodingType", "url");
        }
        write_page(xml, &call.state.owner, &page, shown);
    }))
}

fn write_page(xml: &mut Xml, account: &str, page: &VersionPage, shown: impl Fn(&str) -> String) {
    xml.text("IsTruncated", page.next.is_some());
    if let Some((key, version)) = &page.next {
        xml.text("NextKeyMarker", shown(key));
        xml.text("NextVersionIdMarker", version);
    }
    for listed in &page.versions {
        let name = if listed.version.object().is_some() { "Version" } else { "DeleteMarker" };
        xml.element(name, |xml| write_version(xml, account, listed, &shown));
    }
    for prefix in &page.prefixes {
        xml.element("CommonPrefixes", |xml| xml.text("Prefix", shown(prefix)));
    }
}

fn write_version(xml: &mut Xml, account: &str, listed: &Listed, shown: impl Fn(&str) -> String) {
    xml.text("Key", shown(&listed.key));
    xml.text("VersionId", listed.version.id());
    xml.text("IsLatest", listed.latest);
    match &listed.version {
        Version::Marker(marker) => xml.text("LastModified", xml_time(marker.modified)),
        Version::Object(object) => {
            xml.text("LastModified", xml_time(object.facts.modified));
            xml.text("ETag", quoted(&object.facts.etag));
            xml.text("Type", object.facts.kind.name());
            xml.text("Size", object.content.size());
            xml.text("StorageClass", &object.attributes.storage_class);
        }
    }
    owner(xml, account);
}
