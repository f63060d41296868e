//! A grant as the configuration says it.

use super::super::audience::Audience;
use super::super::method::Methods;
use super::super::named_by::NamedBy;
use super::super::object_settings::ObjectSettings;
use super::super::reads::Reads;
use super::super::template::UnsafeId;

/// Where a grant's inline policy comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PolicySource {
    /// Written from the grant's methods and directory.
    Generated,
    /// None at all: the session has all rights of the role.
    Role,
    /// The text of an operator's file.
    Text(String),
}

/// A grant as the configuration says it, not yet checked.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the configuration room documents each key of the same name")]
pub struct GrantSpec {
    pub name: String,
    pub audience: Audience,
    pub bucket: String,
    pub region: String,
    pub endpoint: Option<String>,
    pub public_host: Option<String>,
    pub dir: String,
    pub unsafe_id: UnsafeId,
    pub key: String,
    pub keys: Option<NamedBy>,
    /// Whether the server serves callers without proof.
    pub serves_anonymous: bool,
    pub methods: Methods,
    pub min_size: u64,
    pub max_size: Option<u64>,
    pub allow_unsized_put: bool,
    pub content_types: Vec<String>,
    pub default_content_type: Option<String>,
    pub object: ObjectSettings,
    pub process_allow: Vec<String>,
    pub expires: u32,
    pub max_expires: u32,
    pub signature_v1: bool,
    pub role_arn: String,
    pub session_name: String,
    pub duration: u32,
    pub external_id: Option<String>,
    pub source_identity: Option<String>,
    pub policy: PolicySource,
    pub reads: Option<Reads>,
}

/// A key of a grant whose value cannot stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidGrant {
    /// The key in the configuration; in a list, with the index behind a dot.
    pub key: String,
    /// What is wrong with its value, as a predicate: "must be …".
    pub problem: String,
}
