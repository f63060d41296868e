//! One call whose sender is known: what it addresses and what it may.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::super::State;
use super::super::access::{Context, authorize};
use super::super::account::Identity;
use super::super::error::OssError;
use super::super::store::{Bucket, Marker, Object, Version};
use super::super::wire;
use super::address::Reading;
use super::head::Head;

/// A call.
pub(super) struct Call<'a> {
    pub(super) state: &'a State,
    pub(super) head: &'a Head,
    /// The address; of a posted form, the key is filled in from its fields.
    pub(super) reading: Reading,
    pub(super) identity: Identity,
    /// The ACL that the request asks for: of its header, or of a posted form's field.
    pub(super) object_acl: Option<String>,
    pub(super) now: DateTime<Utc>,
    pub(super) operation: &'a str,
    pub(super) request_id: String,
}

impl Call<'_> {
    /// The bucket addressed.
    pub(super) fn bucket(&self) -> Result<Arc<Bucket>, OssError> {
        let name = self.reading.bucket.as_deref().unwrap_or_default();
        self.state.store.bucket(name).ok_or_else(|| OssError::no_such_bucket(name))
    }

    /// The key addressed; empty at bucket level.
    pub(super) fn key(&self) -> &str {
        self.reading.key.as_deref().unwrap_or_default()
    }

    /// The version addressed, if one is.
    pub(super) fn version_id(&self) -> Result<Option<&str>, OssError> {
        match self.head.parameter("versionId")? {
            Some("") => Err(OssError::invalid_argument("versionId", "", "Version id cannot be the empty string")),
            id => Ok(id),
        }
    }

    /// The object or version addressed, once it is known that the sender may do `action` with it.
    pub(super) fn object(&self, action: &'static str) -> Result<(Arc<Bucket>, Arc<Object>), OssError> {
        let (bucket, version) = (self.bucket()?, self.version_id()?);
        self.allow_object(versioned(action, version), &bucket, self.key())?;
        let object = in_version(&bucket, self.key(), version)?;
        Ok((bucket, object))
    }

    /// Refuses what the sender may not do with a bucket.
    pub(super) fn allow_bucket(&self, action: &str, bucket: &Bucket) -> Result<(), OssError> {
        self.allow(action, &bucket.name, &self.context(), &bucket.settings().acl)
    }

    /// Refuses a listing that the sender may not see.
    pub(super) fn allow_list(
        &self,
        action: &str,
        bucket: &Bucket,
        prefix: &str,
        delimiter: &str,
    ) -> Result<(), OssError> {
        let context = self.context().with("oss:Prefix", prefix).with("oss:Delimiter", delimiter);
        self.allow(action, &bucket.name, &context, &bucket.settings().acl)
    }

    /// Refuses to read an object that the sender may not read; of a link, its target as well.
    pub(super) fn allow_read(&self, bucket: &Bucket, key: &str) -> Result<(), OssError> {
        self.allow_object("oss:GetObject", bucket, key)?;
        match bucket.object(key).and_then(|object| object.attributes.target.clone()) {
            Some(target) => self.allow_object("oss:GetObject", bucket, &target),
            None => Ok(()),
        }
    }

    /// Refuses what the sender may not do with an object. Its own ACL stands before its bucket's.
    pub(super) fn allow_object(&self, action: &str, bucket: &Bucket, key: &str) -> Result<(), OssError> {
        let own = bucket.object(key).map(|object| object.attributes.acl.clone());
        let acl = own.filter(|acl| acl != "default").unwrap_or_else(|| bucket.settings().acl);
        self.allow(action, &format!("{}/{key}", bucket.name), &self.context(), &acl)
    }

    /// Refuses what the sender may not do with all buckets, or with one that is not there yet.
    pub(super) fn allow_name(&self, action: &str, name: &str) -> Result<(), OssError> {
        self.allow(action, name, &self.context(), "private")
    }

    fn allow(&self, action: &str, relative: &str, context: &Context, acl: &str) -> Result<(), OssError> {
        let resource = format!("acs:oss:*:{}:{relative}", self.state.owner);
        authorize(&self.identity, action, &resource, context, acl)
    }

    fn context(&self) -> Context {
        let context = Context::default()
            .with("acs:SourceIp", self.head.sender.as_str())
            .with("acs:SecureTransport", "false")
            .with("acs:CurrentTime", self.now.to_rfc3339_opts(SecondsFormat::Secs, true))
            .with("acs:AccessId", self.identity.access_key_id().unwrap_or_default());
        let header = |name| wire::values(&self.head.headers, name).next();
        let asked = [
            ("acs:UserAgent", header("user-agent")),
            ("oss:x-oss-acl", header("x-oss-acl")),
            ("oss:x-oss-object-acl", self.object_acl.clone()),
        ];
        asked.into_iter().fold(context, |context, (key, value)| match value {
            Some(value) => context.with(key, value),
            None => context,
        })
    }
}

/// The action as RAM names it where a version is addressed.
pub(super) fn versioned(action: &'static str, version: Option<&str>) -> &'static str {
    match (version, action) {
        (None, action) => action,
        (Some(_), "oss:GetObject") => "oss:GetObjectVersion",
        (Some(_), "oss:DeleteObject") => "oss:DeleteObjectVersion",
        (Some(_), "oss:GetObjectAcl") => "oss:GetObjectVersionAcl",
        (Some(_), "oss:PutObjectAcl") => "oss:PutObjectVersionAcl",
        (Some(_), "oss:GetObjectTagging") => "oss:GetObjectVersionTagging",
        (Some(_), "oss:PutObjectTagging") => "oss:PutObjectVersionTagging",
        (Some(_), "oss:DeleteObjectTagging") => "oss:DeleteObjectVersionTagging",
        (Some(_), "oss:RestoreObject") => "oss:RestoreObjectVersion",
        (Some(_), other) => other,
    }
}

/// The object of a key, or its version of that id.
pub(super) fn in_version(bucket: &Bucket, key: &str, id: Option<&str>) -> Result<Arc<Object>, OssError> {
    match (bucket.version(key, id), id) {
        (Some(Version::Object(object)), _) => Ok(object),
        (Some(Version::Marker(marker)), None) => Err(marked(OssError::no_such_key(key), &marker)),
        (Some(Version::Marker(marker)), Some(_)) => {
            Err(marked(OssError::method_not_allowed(), &marker).header("allow", "DELETE"))
        }
        (None, None) => Err(OssError::no_such_key(key)),
        (None, Some(id)) => Err(OssError::no_such_version(key, id)),
    }
}

/// A refusal that tells of a marker.
fn marked(error: OssError, marker: &Marker) -> OssError {
    error.header("x-oss-delete-marker", "true").header("x-oss-version-id", &marker.id)
}
