//! What uploaded objects are stored with: fixed by the grant, or chosen by the caller from a list.
//!
//! OSS signs `x-oss-*` headers of a URL and no others, and accepts every field of a form that no condition names. So a
//! fixed value is a signed header where there is one, and in a form a field that is sent and bound.

use serde::Deserialize;

use super::denied::Denied;
use super::response::is_attachment;

/// What uploaded objects are stored with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ObjectSettings {
    /// The storage class of every upload that chooses none; without it, the bucket's.
    pub storage_class: Option<StorageClass>,
    /// The storage classes that a URL may choose.
    pub storage_classes: Vec<StorageClass>,
    /// The ACL of every upload.
    pub acl: Option<ObjectAcl>,
    /// `Cache-Control` of every form's object.
    pub cache_control: Option<String>,
    /// `Content-Disposition` of every form's object.
    pub content_disposition: Option<String>,
    /// `Content-Encoding` of every form's object.
    pub content_encoding: Option<String>,
    /// Whether forms bind every field that they can, also those that are not configured.
    pub strict_form: bool,
}

/// The storage classes of OSS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum StorageClass {
    /// `Standard`.
    Standard,
    /// `IA`, infrequent access.
    #[serde(rename = "IA")]
    InfrequentAccess,
    /// `Archive`.
    Archive,
    /// `ColdArchive`.
    ColdArchive,
    /// `DeepColdArchive`.
    DeepColdArchive,
}

/// The ACLs that a grant may fix. The public ones are left to the bucket.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum ObjectAcl {
    /// The bucket's.
    Default,
    /// Readable by the owner alone.
    Private,
}

/// A field that every form of a grant sends, bound to its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FormField {
    /// The name as it is sent.
    pub name: &'static str,
    /// The name in a condition.
    pub condition: &'static str,
    /// The value.
    pub value: String,
}

/// The values of `Content-Encoding` that OSS documents.
const ENCODINGS: [&str; 5] = ["identity", "gzip", "compress", "deflate", "br"];
/// The longest value of a header in bytes.
const MAX_HEADER: usize = 255;

impl StorageClass {
    /// Every class, from the most to the least accessible.
    pub const ALL: [Self; 5] =
        [Self::Standard, Self::InfrequentAccess, Self::Archive, Self::ColdArchive, Self::DeepColdArchive];

    /// The name in OSS.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::InfrequentAccess => "IA",
            Self::Archive => "Archive",
            Self::ColdArchive => "ColdArchive",
            Self::DeepColdArchive => "DeepColdArchive",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl ObjectAcl {
    /// The name in OSS.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Private => "private",
        }
    }
}

impl ObjectSettings {
    /// The fields that every form sends with a fixed value. A strict form sends a value that changes nothing for those
    /// that are not configured; `Cache-Control` has no such value, and the storage class depends on the bucket.
    #[must_use]
    pub fn form_fields(&self) -> Vec<FormField> {
        let or_neutral = |value: Option<&str>, neutral: &str| {
            value.map(str::to_owned).or_else(|| self.strict_form.then(|| neutral.to_owned()))
        };
        let fields = [
            ("Cache-Control", "cache-control", self.cache_control.clone()),
            ("Content-Disposition", "content-disposition", or_neutral(self.content_disposition.as_deref(), "inline")),
            ("Content-Encoding", "content-encoding", or_neutral(self.content_encoding.as_deref(), "identity")),
            ("x-oss-object-acl", "x-oss-object-acl", or_neutral(self.acl.map(ObjectAcl::name), "default")),
            ("x-oss-storage-class", "x-oss-storage-class", self.storage_class.map(|class| class.name().to_owned())),
        ];
        let field =
            |(name, condition, value): (_, _, Option<String>)| Some(FormField { name, condition, value: value? });
        fields.into_iter().filter_map(field).collect()
    }

    /// The storage classes that a URL may name, each once.
    pub fn choices(&self) -> impl Iterator<Item = StorageClass> {
        let listed = |class: &StorageClass| self.storage_class == Some(*class) || self.storage_classes.contains(class);
        StorageClass::ALL.into_iter().filter(listed)
    }

    /// Whether a URL of a download has to keep the objects as attachments.
    pub(super) fn forces_attachment(&self) -> bool {
        self.content_disposition.as_deref().is_some_and(is_attachment)
    }

    /// The storage class of an upload by URL, which may have asked for one.
    pub(super) fn url_storage_class(&self, unverified: Option<&str>) -> Result<Option<StorageClass>, Denied> {
        let Some(text) = unverified else { return Ok(self.storage_class) };
        let Some(asked) = StorageClass::parse(text) else {
            let names = StorageClass::ALL.map(StorageClass::name).join(", ");
            return Err(Denied::parameter("storageClass", format!("is one of {names}")));
        };
        if self.choices().any(|class| class == asked) {
            return Ok(Some(asked));
        }
        Err(Denied::StorageClass { asked: asked.name(), allowed: self.choices().map(StorageClass::name).collect() })
    }

    /// What cannot be sent: the key of the configuration, and the predicate.
    pub(super) fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let header = "must be 1 to 255 printable ASCII characters, without a space at either end";
        let disposition = "must be \"inline\" or \"attachment\", with or without parameters behind a semicolon";
        let encoding = "must be \"identity\", \"gzip\", \"compress\", \"deflate\" or \"br\"";
        let broken = |value: &Option<String>, fits: fn(&str) -> bool| value.as_deref().is_some_and(|text| !fits(text));
        let problems = [
            (broken(&self.cache_control, is_header), ("object.cache_control", header)),
            (broken(&self.content_disposition, is_header), ("object.content_disposition", header)),
            (broken(&self.content_disposition, is_disposition), ("object.content_disposition", disposition)),
            (broken(&self.content_encoding, |text| ENCODINGS.contains(&text)), ("object.content_encoding", encoding)),
        ];
        problems.into_iter().filter_map(|(broken, problem)| broken.then_some(problem)).collect()
    }
}

fn is_header(text: &str) -> bool {
    (1..=MAX_HEADER).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && text.trim_ascii() == text
}

fn is_disposition(text: &str) -> bool {
    is_attachment(text)
        || text.split(';').next().is_some_and(|kind| kind.trim_ascii_end().eq_ignore_ascii_case("inline"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(fields: &[FormField]) -> Vec<(&str, &str)> {
        fields.iter().map(|field| (field.name, field.value.as_str())).collect()
    }

    #[test]
    fn a_strict_form_sends_a_value_for_every_field_that_has_a_neutral_one() {
        assert_eq!(ObjectSettings::default().form_fields(), []);
        let strict = ObjectSettings { strict_form: true, ..ObjectSettings::default() }.form_fields();
        let expected =
            [("Content-Disposition", "inline"), ("Content-Encoding", "identity"), ("x-oss-object-acl", "default")];
        assert_eq!(names(&strict), expected);
        assert!(strict.iter().all(|field| field.condition == field.name.to_ascii_lowercase()));
    }

    #[test]
    fn configured_values_are_sent_by_every_form() {
        let mut settings = ObjectSettings {
            storage_class: Some(StorageClass::InfrequentAccess),
            acl: Some(ObjectAcl::Private),
            cache_control: Some("no-store".into()),
            content_disposition: Some("attachment".into()),
            content_encoding: Some("br".into()),
            ..ObjectSettings::default()
        };
        let expected = [
            ("Cache-Control", "no-store"),
            ("Content-Disposition", "attachment"),
            ("Content-Encoding", "br"),
            ("x-oss-object-acl", "private"),
            ("x-oss-storage-class", "IA"),
        ];
        assert_eq!(names(&settings.form_fields()), expected);
        settings.strict_form = true;
        assert_eq!(names(&settings.form_fields()), expected);
    }

    #[test]
    fn a_storage_class_is_chosen_from_the_list_alone() {
        let open = ObjectSettings { storage_classes: vec![StorageClass::Archive], ..ObjectSettings::default() };
        assert_eq!(open.url_storage_class(None), Ok(None));
        assert_eq!(open.url_storage_class(Some("Archive")), Ok(Some(StorageClass::Archive)));
        for asked in ["IA", "Standard", "ColdArchive", "DeepColdArchive"] {
            assert!(matches!(open.url_storage_class(Some(asked)), Err(Denied::StorageClass { .. })), "{asked}");
        }
        for odd in ["", "archive", "ARCHIVE", "Archive ", "Archive,IA", "Ａrchive", "Archive\n"] {
            assert!(matches!(open.url_storage_class(Some(odd)), Err(Denied::Parameter { .. })), "{odd:?}");
        }
        let fixed = ObjectSettings { storage_class: Some(StorageClass::InfrequentAccess), ..ObjectSettings::default() };
        assert_eq!(fixed.url_storage_class(None), Ok(Some(StorageClass::InfrequentAccess)));
        assert_eq!(fixed.url_storage_class(Some("IA")), Ok(Some(StorageClass::InfrequentAccess)));
        assert!(fixed.url_storage_class(Some("Standard")).is_err());
    }

    #[test]
    fn a_value_that_no_header_can_have_is_a_problem() {
        for value in ["", " a", "a ", "a\r\nb", "é", &"x".repeat(256)] {
            let value = Some(value.to_owned());
            let settings = ObjectSettings {
                cache_control: value.clone(),
                content_disposition: value.clone(),
                content_encoding: value,
                ..ObjectSettings::default()
            };
            let keys: Vec<_> = settings.problems().into_iter().map(|(key, _)| key).collect();
            assert!(keys.contains(&"object.cache_control") && keys.contains(&"object.content_encoding"), "{keys:?}");
            assert!(keys.contains(&"object.content_disposition"), "{keys:?}");
        }
        let disposition = |text: &str| {
            ObjectSettings { content_disposition: Some(text.into()), ..ObjectSettings::default() }.problems().is_empty()
        };
        assert!(disposition("inline") && disposition("attachment; filename=\"a\"") && disposition("Inline; a=b"));
        assert!(!disposition("attach") && !disposition("form-data") && !disposition("inlined"));
    }
}
