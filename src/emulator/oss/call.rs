//! One call whose sender is known: what it addresses, what it carries, and what it may.

use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use chrono::{DateTime, SecondsFormat, Utc};

use super::super::State;
use super::super::access::{Context, authorize};
use super::super::account::Identity;
use super::super::error::OssError;
use super::super::store::{Bucket, Object};
use super::super::wire::{self, Query};
use super::address::Reading;

/// The head of a request.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) raw_path: String,
    pub(super) raw_query: String,
    pub(super) query: Query,
    /// Whether the query could be decoded; if not, it is empty here.
    pub(super) well_formed: bool,
    pub(super) headers: HeaderMap,
    /// Address of the sender.
    pub(super) sender: String,
    /// Whether the body's length is given, or marked by chunks or frames.
    pub(super) measured: bool,
}

impl Head {
    /// The trimmed value of a header that may occur once.
    pub(super) fn header(&self, name: &'static str) -> Result<Option<String>, OssError> {
        wire::only(&self.headers, name).map_err(|_| repeated(name))
    }

    /// The value of a query parameter that may occur once.
    pub(super) fn parameter(&self, name: &'static str) -> Result<Option<&str>, OssError> {
        self.query.only(name).map_err(|_| repeated(name))
    }

    /// The number that a query parameter holds, or `default`; `InvalidArgument` outside `least..=most`.
    pub(super) fn number(&self, name: &'static str, default: u16, least: u16, most: u16) -> Result<u16, OssError> {
        let Some(text) = self.parameter(name)?.filter(|text| !text.is_empty()) else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            OssError::invalid_argument(name, text, format!("{name} must be between {least} and {most}."))
        })
    }

    /// Whether names in the answer are to be percent-encoded.
    pub(super) fn encodes(&self) -> Result<bool, OssError> {
        match self.parameter("encoding-type")? {
            None | Some("") => Ok(false),
            Some("url") => Ok(true),
            Some(other) => {
                Err(OssError::invalid_argument("encoding-type", other, "Invalid Encoding Method specified in Request."))
            }
        }
    }
}

/// A call.
pub(super) struct Call<'a> {
    pub(super) state: &'a State,
    pub(super) head: &'a Head,
    /// The address; of a posted form, the key is filled in from its fields.
    pub(super) reading: Reading,
    pub(super) identity: Identity,
    pub(super) now: DateTime<Utc>,
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

    /// The object addressed, once it is known that the sender may do `action` with it.
    pub(super) fn object(&self, action: &str) -> Result<(Arc<Bucket>, Arc<Object>), OssError> {
        let bucket = self.bucket()?;
        self.allow_object(action, &bucket, self.key())?;
        let object = bucket.object(self.key()).ok_or_else(|| OssError::no_such_key(self.key()))?;
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

    /// Refuses what the sender may not do with an object; an object's own ACL stands before its bucket's.
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
        let headers = &self.head.headers;
        let given = [("acs:UserAgent", "user-agent"), ("oss:x-oss-object-acl", "x-oss-object-acl")];
        let context = Context::default()
            .with("acs:SourceIp", self.head.sender.as_str())
            .with("acs:SecureTransport", "false")
            .with("acs:CurrentTime", self.now.to_rfc3339_opts(SecondsFormat::Secs, true))
            .with("acs:AccessId", self.identity.access_key_id().unwrap_or_default());
        given.into_iter().fold(context, |context, (name, header)| match wire::values(headers, header).next() {
            Some(value) => context.with(name, value),
            None => context,
        })
    }
}

fn repeated(name: &str) -> OssError {
    OssError::invalid_argument(name, "", format!("{name} occurs more than once."))
}
