use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use md5::{Digest as _, Md5};
use serde::Deserialize;

use super::super::super::error::OssError;
use super::super::super::store::{Content, Facts, Kind, Object, Part, Upload, combine};
use super::super::super::xml;
use super::super::answer::{document, quoted, set_written};
use super::super::call::Call;
use super::super::callback;
use super::super::put::{Overwrite, keep};
use super::super::{attributes, body};
use super::{shown, upload};

/// Parts but the last have at least this size, which is seen when the upload is completed.
const SHORTEST_PART: u64 = 100 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Completion {
    #[serde(default)]
    part: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
}

/// `POST /key?uploadId=U`.
pub(in super::super) async fn complete(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let (bucket, upload) = upload(call, "oss:PutObject")?;
    let encodes = call.head.encodes()?;
    let order = callback::of_head(call)?;
    let acl = attributes::chosen_acl(call, &bucket)?;
    let overwrite = Overwrite::of(call.head)?;
    let sent = body::document(call.head, body).await?;
    let all = call.head.header("x-oss-complete-all")?.is_some_and(|all| all.eq_ignore_ascii_case("yes"));
    let parts = match all {
        true if sent.is_empty() => upload.parts().into_iter().collect(),
        true => return Err(OssError::invalid_argument("x-oss-complete-all", "yes", "The body must be empty.")),
        false => chosen(&xml::read::<Completion>(&sent, "CompleteMultipartUpload")?.part, &upload.parts())?,
    };
    let mut object = joined(call, &upload, &parts)?;
    if let Some(acl) = acl {
        object.attributes.acl = acl;
    }
    overwrite.check(bucket.object(call.key()).as_deref())?;
    // Two may complete the same upload at once: one of them has it.
    let ended = bucket.end(&upload).ok_or_else(|| OssError::no_such_upload(&upload.id))?;
    let object = keep(&bucket, &ended.key, object, overwrite)?;
    let mut response = document("CompleteMultipartUploadResult", |xml| {
        if encodes {
            xml.text("EncodingType", "url");
        }
        xml.text("Location", format_args!("http://{}{}", call.head.host, call.head.raw_path));
        xml.text("Bucket", &bucket.name);
        xml.text("Key", shown(call.key(), encodes));
        xml.text("ETag", quoted(&object.facts.etag));
    });
    set_written(response.headers_mut(), &object);
    Ok(callback::answer(call, order, &object, response).await)
}

/// The parts that a completion names, which must be there and in order.
fn chosen(named: &[Named], parts: &BTreeMap<u16, Part>) -> Result<Vec<(u16, Part)>, OssError> {
    if !named.is_sorted_by(|one, next| one.part_number < next.part_number) {
        let message =
            "The list of parts was not in ascending order. Parts list must specified in order by part number.";
        return Err(OssError::bad_request("InvalidPartOrder", message));
    }
    named.iter().map(|wanted| find(wanted, parts)).collect()
}

fn find(wanted: &Named, parts: &BTreeMap<u16, Part>) -> Result<(u16, Part), OssError> {
    let etag = wanted.etag.trim().trim_matches('"');
    let number = u16::try_from(wanted.part_number).ok();
    let found = number.and_then(|number| Some((number, parts.get(&number)?)));
    let found = found.filter(|(_, part)| part.etag().eq_ignore_ascii_case(etag));
    found.map(|(number, part)| (number, part.clone())).ok_or_else(|| {
        let message = "One or more of the specified parts could not be found or the specified entity tag might not have \
                       matched the part's entity tag.";
        OssError::bad_request("InvalidPart", message).with("PartNumber", wanted.part_number.to_string())
    })
}

fn joined(call: &Call<'_>, upload: &Upload, parts: &[(u16, Part)]) -> Result<Object, OssError> {
    let Some((_, but_last)) = parts.split_last() else {
        return Err(OssError::malformed_xml());
    };
    if let Some((number, part)) = but_last.iter().find(|(_, part)| part.written.content.size() < SHORTEST_PART) {
        let error = OssError::entity_too_small().with("MinSizeAllowed", SHORTEST_PART.to_string());
        let error = error.with("ProposedSize", part.written.content.size().to_string());
        return Err(error.with("PartNumber", number.to_string()));
    }
    let (mut content, mut crc64, mut md5) = (Content::default(), 0, Md5::new());
    for (_, Part { written, .. }) in parts {
        content.push(&written.content);
        crc64 = combine(crc64, written.crc64, written.content.size());
        md5.update(written.md5);
    }
    let etag = format!("{}-{}", const_hex::encode_upper(md5.finalize()), parts.len());
    let facts = Facts {
        etag,
        content_md5: None,
        crc64,
        kind: Kind::Multipart,
        modified: call.now,
        version: None,
        restored: None,
    };
    Ok(Object { content, attributes: upload.attributes.clone(), facts })
}

#[cfg(test)]
mod tests {
    use super::super::super::super::store::Written;
    use super::*;

    fn part(number: u8) -> Part {
        let written = Written { content: Content::default(), md5: [number; 16], crc64: 0 };
        Part { written, modified: chrono::DateTime::UNIX_EPOCH }
    }

    fn chosen_of(text: &str) -> Result<Vec<u16>, String> {
        let parts = BTreeMap::from([(1, part(1)), (3, part(3)), (7, part(7))]);
        let document = format!("<CompleteMultipartUpload>{text}</CompleteMultipartUpload>");
        let chosen = xml::read::<Completion>(document.as_bytes(), "CompleteMultipartUpload")
            .and_then(|completion| chosen(&completion.part, &parts));
        chosen.map(|parts| parts.into_iter().map(|(number, _)| number).collect()).map_err(|error| error.code.to_owned())
    }

    fn named(number: i64, etag: &str) -> String {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    }

    #[test]
    fn parts_are_named_in_order_with_tags_in_any_quotes() {
        let (one, three) = ("01".repeat(16), "03".repeat(16));
        for quoted in [one.clone(), format!("\"{one}\""), format!("&quot;{one}&quot;"), format!(" \"{one}\" ")] {
            assert_eq!(chosen_of(&named(1, &quoted)), Ok(vec![1]), "{quoted}");
        }
        assert_eq!(chosen_of(&(named(1, &one) + &named(3, &three))), Ok(vec![1, 3]));
        for (text, code) in [
            (named(3, &three) + &named(1, &one), "InvalidPartOrder"),
            (named(1, &one) + &named(1, &one), "InvalidPartOrder"),
            (named(2, &one), "InvalidPart"),
            (named(1, &three), "InvalidPart"),
            (named(65_537, &one), "InvalidPart"),
            (named(-1, &one), "MalformedXML"),
            ("<Part><PartNumber>1</PartNumber></Part>".to_owned(), "MalformedXML"),
        ] {
            assert_eq!(chosen_of(&text), Err(code.to_owned()), "{text}");
        }
    }
}
