//! A grant of the configuration file as a type.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::byte_size::ByteSize;
use super::duration;
use super::rate::Rate;
use crate::policy::process::DEFAULT_OPERATIONS;
use crate::policy::{
    Audience, ClaimValue, Method, NamedBy, ObjectAcl, ObjectSettings, Reads, Rule, StorageClass, Test, UnsafeId,
};

/// `[grants.<name>]`: what may be vended under one name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct GrantSettings {
    /// The bucket. Never empty once loaded.
    pub bucket: String,
    /// The bucket's region, such as `cn-hangzhou`. Never empty once loaded: where the file has none it follows from
    /// `endpoint`, else from `sts.region`.
    pub region: String,
    /// The address of OSS as `https://host`, in place of the one that follows from `region`; loopback may be `http`.
    pub endpoint: Option<String>,
    /// The custom domain of the bucket as `https://host`; it takes the bucket's place in every URL.
    pub public_host: Option<String>,
    /// The ids of the callers that it is for; without a list, any. Never an empty list once loaded.
    pub callers: Option<Vec<String>>,
    /// What has to be true of a caller's claims, all of it.
    pub require: Vec<RuleSettings>,
    /// The directory that every key begins with: empty, or a template that ends with `/`.
    pub dir: String,
    /// Whether callers may reach directories of other grants, which are refused otherwise.
    pub overlaps: bool,
    /// What becomes of an id that a template cannot take as it is.
    pub unsafe_id: UnsafeId,
    /// The template of a key that the server makes, below `dir`.
    pub key: String,
    /// Who names the objects that are uploaded; without it the server where callers without proof share a directory and
    /// get no credentials, else the caller.
    pub keys: Option<NamedBy>,
    /// What may be vended.
    pub methods: Vec<Method>,
    /// The smallest upload.
    pub min_size: ByteSize,
    /// The largest upload; at most, and without it, the 5 GiB that OSS takes in one request.
    pub max_size: Option<ByteSize>,
    /// Whether a signed URL may upload without a signed size, which then nothing holds to `max_size`.
    pub allow_unsized_put: bool,
    /// The content types that may be uploaded, compared whole; none listed means any.
    pub content_types: Vec<String>,
    /// The content type of an upload that names none.
    pub default_content_type: Option<String>,
    /// What uploads are stored with.
    pub object: GrantObjectSettings,
    /// Whether forms send every field that OSS would otherwise take from the uploader, bound to a fixed value.
    pub strict_form: bool,
    /// What downloads may have processed.
    pub process: ProcessSettings,
    /// The life of a form or URL that asks for none: whole seconds, 1 to 604,800.
    #[serde(deserialize_with = "duration::required")]
    pub expires: Duration,
    /// The longest life of a form or URL: whole seconds, `expires` to 604,800.
    #[serde(deserialize_with = "duration::required")]
    pub max_expires: Duration,
    /// The life of this grant's sessions, in place of `sts.duration`.
    #[serde(deserialize_with = "duration::optional")]
    pub duration: Option<Duration>,
    /// The role of this grant's sessions, in place of `sts.role_arn`.
    pub role_arn: Option<String>,
    /// The `RoleSessionName` that the audit trail shows: a template, 2 to 64 characters of `[A-Za-z0-9.@_-]` when filled.
    pub session_name: String,
    /// What narrows the role.
    pub policy: PolicySource,
    /// How GET and HEAD are signed; without it, confined to the caller's directory wherever symbolic links could be planted.
    pub reads: Option<Reads>,
    /// The OSS signature versions that may be asked for, the preferred one first.
    pub signature_versions: Vec<SignatureVersion>,
    /// How often may be asked of this grant by all callers together.
    pub limit: Rate,
}

/// `[grants.<name>.object]`: what uploads are stored with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct GrantObjectSettings {
    /// The storage class of every upload that chooses none; without it, the bucket's.
    pub storage_class: Option<StorageClass>,
    /// The storage classes that a URL may choose by `storageClass`.
    pub storage_classes: Vec<StorageClass>,
    /// The ACL of every upload.
    pub acl: Option<ObjectAcl>,
    /// `Cache-Control` of objects that forms upload.
    pub cache_control: Option<String>,
    /// `Content-Disposition` of objects that forms upload.
    pub content_disposition: Option<String>,
    /// `Content-Encoding` of objects that forms upload.
    pub content_encoding: Option<String>,
}

/// `[grants.<name>.process]`: what downloads may have processed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ProcessSettings {
    /// The operations: names such as `image/resize` and `video/snapshot`, and styles such as `style/thumbnail`.
    pub allow: Vec<String>,
}

impl From<GrantObjectSettings> for ObjectSettings {
    fn from(settings: GrantObjectSettings) -> Self {
        Self {
            storage_class: settings.storage_class,
            storage_classes: settings.storage_classes,
            acl: settings.acl,
            cache_control: settings.cache_control,
            content_disposition: settings.content_disposition,
            content_encoding: settings.content_encoding,
            strict_form: false,
        }
    }
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self { allow: DEFAULT_OPERATIONS.map(str::to_owned).to_vec() }
    }
}

/// `[[grants.<name>.require]]`: a claim and what it has to be. Exactly one of the three tests is there once loaded.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct RuleSettings {
    /// The claim's name.
    pub claim: String,
    /// Its value.
    pub equals: Option<ClaimValue>,
    /// The values of which it is one, or of which its list has one.
    pub any_of: Option<Vec<ClaimValue>>,
    /// The values that its list has.
    pub all_of: Option<Vec<ClaimValue>>,
}

impl GrantSettings {
    /// For whom it is.
    pub(super) fn audience(&self) -> Audience {
        Audience { callers: self.callers.clone(), rules: self.require.iter().map(RuleSettings::rule).collect() }
    }
}

impl RuleSettings {
    /// The rule; one without a test, which is refused at load, would be met by nobody.
    fn rule(&self) -> Rule {
        let test = match (&self.equals, &self.any_of, &self.all_of) {
            (Some(value), _, _) => Test::Equals(value.clone()),
            (None, _, Some(values)) => Test::AllOf(values.clone()),
            (None, values, None) => Test::AnyOf(values.clone().unwrap_or_default()),
        };
        Rule { claim: self.claim.clone(), test }
    }
}

/// The versions of OSS's signature.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum SignatureVersion {
    /// OSS4-HMAC-SHA256.
    V4,
    /// HMAC-SHA1, which OSS closes to new buckets; only old ones need it.
    V1,
}

/// What narrows a grant's role: the inline policy of its sessions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub enum PolicySource {
    /// `"generated"`: made from the grant's bucket, directory and methods.
    Generated,
    /// `"role"`: no inline policy, so a session has the full rights of its role.
    Role,
    /// Anything else: a JSON file, a template; its text is in `Loaded::policy_texts`.
    File(PathBuf),
}

impl From<String> for PolicySource {
    fn from(text: String) -> Self {
        match text.as_str() {
            "generated" => Self::Generated,
            "role" => Self::Role,
            _ => Self::File(text.into()),
        }
    }
}

impl Default for GrantSettings {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            region: String::new(),
            endpoint: None,
            public_host: None,
            callers: None,
            require: Vec::new(),
            // Not the whole bucket: that has to be written.
            dir: "uploads/".to_owned(),
            overlaps: false,
            unsafe_id: UnsafeId::Refuse,
            key: "${uuid}${ext}".to_owned(),
            keys: None,
            methods: vec![Method::Post, Method::Put],
            min_size: ByteSize::new(0),
            max_size: None,
            allow_unsized_put: false,
            content_types: Vec::new(),
            default_content_type: None,
            object: GrantObjectSettings::default(),
            strict_form: false,
            process: ProcessSettings::default(),
            expires: Duration::from_mins(15),
            max_expires: Duration::from_hours(1),
            duration: None,
            role_arn: None,
            session_name: "oss-vend".to_owned(),
            policy: PolicySource::Generated,
            reads: None,
            signature_versions: vec![SignatureVersion::V4],
            limit: Rate::OFF,
        }
    }
}
