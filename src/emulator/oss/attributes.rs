//! What an uploader says of an object, in headers or in form fields.

use axum::http::{HeaderName, HeaderValue};

use super::super::error::OssError;
use super::super::store::{Attributes, Bucket};
use super::super::wire::{self, Query};
use super::call::Call;
use super::head::Head;

/// Longest user metadata in bytes, names and values together.
const LONGEST_META: usize = 8 * 1024;

/// Longest of the other kept headers together.
const LONGEST_KEPT: usize = 8 * 1024;

const KEPT: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-oss-server-side-encryption",
    "x-oss-server-side-encryption-key-id",
];
/// Names that choose one of a few values; the other names that are kept are checked for repetition where they are kept.
const CHOICES: [&str; 2] = ["x-oss-object-acl", "x-oss-storage-class"];
const CLASSES: [&str; 5] = ["Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"];
const ACLS: [&str; 4] = ["default", "private", "public-read", "public-read-write"];

/// The attributes in a request's headers.
pub(super) fn of_headers(head: &Head) -> Result<Attributes, OssError> {
    let names = head.headers.keys().map(HeaderName::as_str);
    let pairs = names.flat_map(|name| wire::values(&head.headers, name).map(move |value| (name.to_owned(), value)));
    let mut attributes = of_pairs(pairs)?;
    if let Some(tagging) = head.header("x-oss-tagging")? {
        let tags = Query::parse(&tagging).map(|tags| tags.pairs().to_vec());
        attributes.tags = checked_tags(tags.ok_or_else(|| invalid_tag("x-oss-tagging"))?)?;
    }
    Ok(attributes)
}

/// The attributes among named values; other names are passed over, none may come twice.
pub(super) fn of_pairs(pairs: impl Iterator<Item = (String, String)>) -> Result<Attributes, OssError> {
    let mut attributes =
        Attributes { acl: "default".to_owned(), storage_class: "Standard".to_owned(), ..Attributes::default() };
    let mut chosen = Vec::new();
    for (name, value) in pairs {
        if CHOICES.contains(&name.as_str()) {
            if chosen.contains(&name) {
                return Err(OssError::invalid_argument(&name, &value, format!("{name} occurs more than once.")));
            }
            chosen.push(name.clone());
        }
        match name.as_str() {
            "x-oss-storage-class" => attributes.storage_class = one_of(&CLASSES, &name, value)?,
            "x-oss-object-acl" => attributes.acl = object_acl(value)?,
            kept if KEPT.contains(&kept) || kept.starts_with("x-oss-meta-") => keep(&mut attributes, name, value)?,
            _ => {}
        }
    }
    check_sizes(&attributes)?;
    Ok(attributes)
}

/// Refuses an upload that the sender may not make: tags need a right of their own, and so does an ACL if it is read so.
/// `default` asks for no ACL of the object's own.
pub(super) fn allow(call: &Call<'_>, bucket: &Bucket, key: &str, attributes: &Attributes) -> Result<(), OssError> {
    call.allow_object("oss:PutObject", bucket, key)?;
    if attributes.acl != "default" && call.state.knobs.readings().acl_needs_put_object_acl {
        call.allow_object("oss:PutObjectAcl", bucket, key)?;
    }
    if !attributes.tags.is_empty() {
        call.allow_object("oss:PutObjectTagging", bucket, key)?;
    }
    Ok(())
}

/// The ACL that the completion of an upload gives the object, if it names one that the sender may give.
pub(super) fn chosen_acl(call: &Call<'_>, bucket: &Bucket) -> Result<Option<String>, OssError> {
    let Some(acl) = call.object_acl.clone().map(object_acl).transpose()? else {
        return Ok(None);
    };
    allow(call, bucket, call.key(), &Attributes { acl: acl.clone(), ..Attributes::default() })?;
    Ok(Some(acl))
}

/// Refuses more tags than ten, and what can be none.
pub(super) fn checked_tags(tags: Vec<(String, String)>) -> Result<Vec<(String, String)>, OssError> {
    let fits = |(name, value): &(String, String)| {
        !name.is_empty() && name.chars().count() <= 128 && value.chars().count() <= 256
    };
    let repeats = (1..tags.len()).any(|at| tags[..at].iter().any(|(name, _)| *name == tags[at].0));
    if tags.len() <= 10 && tags.iter().all(fits) && !repeats { Ok(tags) } else { Err(invalid_tag("Tagging")) }
}

/// The canonical spelling of an ACL of an object.
pub(super) fn object_acl(value: String) -> Result<String, OssError> {
    one_of(&ACLS, "x-oss-object-acl", value)
}

fn keep(attributes: &mut Attributes, name: String, value: String) -> Result<(), OssError> {
    let writable = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_bytes(value.as_bytes()).is_ok();
    if !writable || attributes.headers.contains_key(&name) {
        return Err(OssError::invalid_argument(&name, &value, "The header cannot be stored."));
    }
    attributes.headers.insert(name, value);
    Ok(())
}

fn check_sizes(attributes: &Attributes) -> Result<(), OssError> {
    let (meta, kept): (Vec<_>, Vec<_>) =
        attributes.headers.iter().partition(|(name, _)| name.starts_with("x-oss-meta-"));
    let size =
        |pairs: Vec<(&String, &String)>| pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if size(meta) <= LONGEST_META && size(kept) <= LONGEST_KEPT {
        Ok(())
    } else {
        Err(OssError::invalid_argument("x-oss-meta-*", "", "The metadata is longer than 8 KB."))
    }
}

fn one_of(known: &[&str], name: &str, value: String) -> Result<String, OssError> {
    if known.contains(&value.as_str()) {
        Ok(value)
    } else {
        Err(OssError::invalid_argument(name, &value, format!("{name} is none of {}.", known.join(", "))))
    }
}

fn invalid_tag(name: &str) -> OssError {
    OssError::bad_request("InvalidTag", "The tags you provided are not valid.").with("ArgumentName", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Attributes, &'static str> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        of_pairs(pairs).map_err(|error| error.code)
    }

    #[test]
    fn only_what_belongs_to_the_object_is_kept() {
        let attributes = of(&[
            ("content-type", "text/plain"),
            ("x-oss-meta-a", "1"),
            ("x-oss-storage-class", "IA"),
            ("x-oss-object-acl", "private"),
            ("authorization", "OSS a:b"),
            ("x-oss-date", "20250101T000000Z"),
        ]);
        let attributes = attributes.expect("they are all right");
        assert_eq!(attributes.headers.keys().collect::<Vec<_>>(), ["content-type", "x-oss-meta-a"]);
        assert_eq!((attributes.storage_class.as_str(), attributes.acl.as_str()), ("IA", "private"));
    }

    #[test]
    fn what_cannot_come_back_as_a_header_is_refused() {
        for pairs in [
            &[("x-oss-meta-a", "1\r\nSet-Cookie: x")][..],
            &[("x-oss-meta-a b", "1")],
            &[("x-oss-meta-a", "1"), ("x-oss-meta-a", "2")],
            &[("x-oss-storage-class", "Cheap")],
            &[("x-oss-object-acl", "public")],
            &[("x-oss-object-acl", "PUBLIC-READ")],
            &[("x-oss-object-acl", "private"), ("x-oss-object-acl", "public-read")],
            &[("x-oss-storage-class", "Standard"), ("x-oss-storage-class", "Standard")],
            &[("x-oss-meta-a", &"x".repeat(8 * 1024))],
        ] {
            assert_eq!(of(pairs), Err("InvalidArgument"), "{pairs:?}");
        }
    }

    #[test]
    fn tags_are_ten_at_most_and_each_name_comes_once() {
        let tags = |count: usize| (0..count).map(|number| (number.to_string(), String::new())).collect::<Vec<_>>();
        assert!(checked_tags(tags(10)).is_ok());
        assert!(checked_tags(tags(11)).is_err());
        assert!(checked_tags([tags(1), tags(1)].concat()).is_err());
    }
}
