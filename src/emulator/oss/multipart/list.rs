use axum::response::Response;

use super::super::super::error::OssError;
use super::super::super::store::{Part, Upload};
use super::super::super::xml::Xml;
use super::super::answer::{document, quoted, xml_time};
use super::super::call::Call;
use super::{MOST_PARTS, shown, upload};

/// `GET /key?uploadId=U`.
pub(in super::super) fn parts(call: &Call<'_>) -> Result<Response, OssError> {
    let (bucket, upload) = upload(call, "oss:ListParts")?;
    let encodes = call.head.encodes()?;
    let marker = call.head.number("part-number-marker", 0, 0, MOST_PARTS)?;
    let max = call.head.number("max-parts", 1000, 1, 1000)?;
    let parts = upload.parts();
    let mut behind = parts.range(marker + 1..);
    let page: Vec<_> = behind.by_ref().take(max.into()).collect();
    let more = behind.next().is_some();
    Ok(document("ListPartsResult", |xml| {
        if encodes {
            xml.text("EncodingType", "url");
        }
        xml.text("Bucket", &bucket.name);
        xml.text("Key", shown(call.key(), encodes));
        xml.text("UploadId", &upload.id);
        xml.text("StorageClass", &upload.attributes.storage_class);
        xml.text("PartNumberMarker", marker);
        xml.text("NextPartNumberMarker", page.last().map_or(marker, |(number, _)| **number));
        xml.text("MaxParts", max);
        xml.text("IsTruncated", more);
        for (number, part) in page {
            write_part(xml, *number, part);
        }
    }))
}

/// `GET /?uploads`.
pub(in super::super) fn uploads(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let encodes = call.head.encodes()?;
    let text = |name| call.head.parameter(name).map(Option::unwrap_or_default);
    let (prefix, key_marker, id_marker) = (text("prefix")?, text("key-marker")?, text("upload-id-marker")?);
    if !text("delimiter")?.is_empty() {
        return Err(OssError::not_implemented("a delimiter in a listing of uploads"));
    }
    let max = call.head.number("max-uploads", 1000, 1, 1000)?;
    call.allow_list("oss:ListMultipartUploads", &bucket, prefix, "")?;
    // Without an id, a key as marker means all uploads of that key: no id is higher than this one.
    let id = if key_marker.is_empty() || !id_marker.is_empty() { id_marker } else { "~" };
    let (uploads, more) = bucket.uploads(prefix, (key_marker.to_owned(), id.to_owned()), max.into());
    Ok(document("ListMultipartUploadsResult", |xml| {
        if encodes {
            xml.text("EncodingType", "url");
        }
        xml.text("Bucket", &bucket.name);
        xml.text("KeyMarker", shown(key_marker, encodes));
        xml.text("UploadIdMarker", id_marker);
        xml.text("NextKeyMarker", uploads.last().map_or_else(String::new, |last| shown(&last.key, encodes)));
        xml.text("NextUploadIdMarker", uploads.last().map_or("", |last| last.id.as_str()));
        xml.text("Prefix", shown(prefix, encodes));
        xml.text("MaxUploads", max);
        xml.text("IsTruncated", more);
        for upload in &uploads {
            write_upload(xml, upload, encodes);
        }
    }))
}

fn write_part(xml: &mut Xml, number: u16, part: &Part) {
    xml.element("Part", |xml| {
        xml.text("PartNumber", number);
        xml.text("LastModified", xml_time(part.modified));
        xml.text("ETag", quoted(&part.etag()));
        xml.text("HashCrc64ecma", part.written.crc64);
        xml.text("Size", part.written.content.size());
    });
}

fn write_upload(xml: &mut Xml, upload: &Upload, encodes: bool) {
    xml.element("Upload", |xml| {
        xml.text("Key", shown(&upload.key, encodes));
        xml.text("UploadId", &upload.id);
        xml.text("StorageClass", &upload.attributes.storage_class);
        xml.text("Initiated", xml_time(upload.initiated));
    });
}
