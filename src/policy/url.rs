//! May this caller have a signed URL, and for which request?

use std::borrow::Cow;

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{DateTime, Utc};

use super::denied::Denied;
use super::form::FormKey;
use super::grant::Grant;
use super::method::Method;
use super::object_key::ObjectKey;
use super::object_settings::{ObjectAcl, StorageClass};
use super::process::Process;
use super::response;
use super::session::Session;
use super::template::{Filling, Unfillable};
use super::upload::{self, Life, Naming, SignatureVersion};
use crate::caller::Caller;

/// The speeds that OSS takes as a traffic limit, in bits a second.
const TRAFFIC_LIMITS: std::ops::RangeInclusive<u32> = 819_200..=838_860_800;
/// The longest value that we put into a query: beyond it the URL would pass the limits of common proxies.
const MAX_VALUE: usize = 1_024;

/// What a caller says of the URL it wants; nothing in it is verified.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of /presigned-url, documented there by the same names")]
pub struct UrlAsk<'a> {
    pub method: Option<&'a str>,
    pub naming: Naming<'a>,
    pub expires: Option<u32>,
    pub content_type: Option<&'a str>,
    pub content_md5: Option<&'a str>,
    pub size: Option<u64>,
    pub process: Option<&'a str>,
    pub version_id: Option<&'a str>,
    pub response_content_type: Option<&'a str>,
    pub response_content_disposition: Option<&'a str>,
    pub storage_class: Option<&'a str>,
    pub forbid_overwrite: Option<bool>,
    pub traffic_limit: Option<u32>,
    pub signature: Option<SignatureVersion>,
}

/// The caller may have a URL for exactly this request.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlPermit<'a> {
    /// The session whose key signs.
    pub session: Cow<'a, Session>,
    /// The HTTP method.
    pub method: &'static str,
    /// The object.
    pub key: ObjectKey,
    /// What is signed into the query, besides the signature's own parameters.
    pub query: Vec<(&'static str, Cow<'a, str>)>,
    /// The headers that have to be sent as they are.
    pub headers: UploadHeaders<'a>,
    /// The exact size of the body in bytes, which is signed as `content-length`.
    pub content_length: Option<u64>,
    /// How long the URL is good.
    pub life: Life,
    /// The scheme.
    pub signature: SignatureVersion,
}

/// The headers that an upload has to have; other requests have none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UploadHeaders<'a> {
    /// `Content-Type`.
    pub content_type: Option<Cow<'a, str>>,
    /// `Content-MD5`.
    pub content_md5: Option<&'a str>,
    /// `x-oss-storage-class`.
    pub storage_class: Option<&'static str>,
    /// `x-oss-object-acl`.
    pub object_acl: Option<&'static str>,
    /// `x-oss-forbid-overwrite`.
    pub forbid_overwrite: Option<&'static str>,
}

impl UploadHeaders<'_> {
    /// Names and values of those that there are.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("Content-Type", self.content_type.as_deref()),
            ("Content-MD5", self.content_md5),
            ("x-oss-storage-class", self.storage_class),
            ("x-oss-object-acl", self.object_acl),
            ("x-oss-forbid-overwrite", self.forbid_overwrite),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

impl Grant {
    /// Decides on a URL; `uuid` names a new object.
    pub fn url<'a>(
        &'a self,
        caller: &Caller,
        ask: &UrlAsk<'a>,
        uuid: &str,
        now: DateTime<Utc>,
    ) -> Result<UrlPermit<'a>, Denied> {
        let (method, http_method) = http_method(ask.method.unwrap_or("PUT"))?;
        self.allow(caller, method)?;
        misplaced(ask, http_method)?;
        let signature = upload::signature(self, ask.signature)?;
        let upload = method == Method::Put;
        if upload {
            upload::allow_naming(self, &ask.naming)?;
        }
        let dir = self.dir_of_key(caller, now)?;
        let dir_length = dir.len();
        let FormKey::Exact(key) = upload::key(self, &self.filling(caller, now, ""), dir, &ask.naming, uuid)? else {
            let why = "a URL is for one object; a PUT may send \"filename\" instead";
            return Err(Denied::Missing { name: "key", why });
        };
        let content_length = if upload { self.url_size(ask.size, signature)? } else { None };
        let query = self.query(caller, ask)?;
        if signature == SignatureVersion::V1 {
            unambiguous(&key, &query)?;
        }
        Ok(UrlPermit {
            session: self.url_session(method, &self.filling(caller, now, &key.as_str()[..dir_length]))?,
            method: http_method,
            query,
            headers: if upload { self.upload_headers(ask)? } else { UploadHeaders::default() },
            content_length,
            life: upload::life(self, ask.expires)?,
            signature,
            key,
        })
    }

    /// The URL of the published samples: an upload of a new object with the grant's own type and no size, since those
    /// pages send nothing.
    pub fn classic_url(&self, caller: &Caller, uuid: &str, now: DateTime<Utc>) -> Result<UrlPermit<'_>, Denied> {
        self.allow(caller, Method::Put)?;
        let content_length = self.url_size(None, SignatureVersion::V4)?;
        let dir = self.dir_of_key(caller, now)?;
        let session = self.signing_session(&self.filling(caller, now, &dir));
        let content_type = upload::content_type(self, None, "")?;
        let extensions = mime_guess::get_mime_extensions_str(&content_type).unwrap_or_default();
        let filename = extensions.last().map_or_else(|| "object".to_owned(), |ext| format!("object.{ext}"));
        Ok(UrlPermit {
            session: session?,
            method: "PUT",
            key: upload::made(self, &self.filling(caller, now, ""), dir, &filename, uuid)?,
            query: Vec::new(),
            headers: UploadHeaders { content_type: Some(content_type), ..UploadHeaders::default() },
            content_length,
            life: upload::life(self, None)?,
            signature: SignatureVersion::V4,
        })
    }

    fn url_session(&self, method: Method, filling: &Filling<'_>) -> Result<Cow<'_, Session>, Unfillable> {
        match method {
            Method::Get | Method::Head => self.reading_session(filling),
            _ => self.signing_session(filling),
        }
    }

    /// Without a size nothing in a signed PUT limits what is uploaded, so a grant with a limit asks for it. Only V4
    /// signs it.
    fn url_size(&self, size: Option<u64>, signature: SignatureVersion) -> Result<Option<u64>, Denied> {
        match size {
            Some(_) if signature == SignatureVersion::V1 => {
                Err(Denied::parameter("size", "can only be signed by signature version v4"))
            }
            Some(exact) => upload::size(self, exact).map(|()| size),
            None if self.size_required => Err(Denied::Missing {
                name: "size",
                why: "this grant limits the size, and only a signed size holds a PUT to it",
            }),
            None => Ok(None),
        }
    }

    fn upload_headers<'a>(&'a self, ask: &UrlAsk<'a>) -> Result<UploadHeaders<'a>, Denied> {
        Ok(UploadHeaders {
            content_type: Some(upload::content_type(self, ask.content_type, ask.naming.name())?),
            content_md5: ask.content_md5.map(content_md5).transpose()?,
            storage_class: self.object.url_storage_class(ask.storage_class)?.map(StorageClass::name),
            object_acl: self.object.acl.map(ObjectAcl::name),
            forbid_overwrite: (ask.forbid_overwrite == Some(true)).then_some("true"),
        })
    }

    fn query<'a>(&self, caller: &Caller, ask: &UrlAsk<'a>) -> Result<Vec<(&'static str, Cow<'a, str>)>, Denied> {
        let mut query = Vec::new();
        let mut push = |parameter, name, value: Option<&'a str>| -> Result<(), Denied> {
            if let Some(value) = value {
                query.push((name, Cow::Borrowed(plain(parameter, value)?)));
            }
            Ok(())
        };
        let process = ask.process.map(|unverified| self.processing.check(unverified)).transpose()?;
        push("process", "x-oss-process", process.map(Process::as_str))?;
        push("versionId", "versionId", ask.version_id)?;
        push("responseContentType", "response-content-type", ask.response_content_type)?;
        push("responseContentDisposition", "response-content-disposition", ask.response_content_disposition)?;
        response::check(self, ask.response_content_type, ask.response_content_disposition)?;
        if ask.version_id.is_some() {
            self.allow(caller, Method::GetVersion)?;
        }
        if let Some(limit) = ask.traffic_limit {
            if !TRAFFIC_LIMITS.contains(&limit) {
                return Err(Denied::parameter("trafficLimit", "is 819,200 to 838,860,800 bits a second"));
            }
            query.push(("x-oss-traffic-limit", limit.to_string().into()));
        }
        Ok(query)
    }
}

fn http_method(name: &str) -> Result<(Method, &'static str), Denied> {
    Ok(match name {
        "PUT" => (Method::Put, "PUT"),
        "GET" => (Method::Get, "GET"),
        "HEAD" => (Method::Head, "HEAD"),
        "DELETE" => (Method::Delete, "DELETE"),
        _ => return Err(Denied::parameter("method", "is PUT, GET, HEAD or DELETE, in capitals")),
    })
}

/// A parameter that this method has no use for is a misunderstanding, and silence would hide it.
fn misplaced(ask: &UrlAsk<'_>, method: &'static str) -> Result<(), Denied> {
    let reads = matches!(method, "GET" | "HEAD");
    let rules: [(&'static str, bool, bool); 10] = [
        ("filename", ask.naming.filename.is_some(), method == "PUT"),
        ("contentType", ask.content_type.is_some(), method == "PUT"),
        ("contentMd5", ask.content_md5.is_some(), method == "PUT"),
        ("size", ask.size.is_some(), method == "PUT"),
        ("storageClass", ask.storage_class.is_some(), method == "PUT"),
        ("forbidOverwrite", ask.forbid_overwrite.is_some(), method == "PUT"),
        ("process", ask.process.is_some(), method == "GET"),
        ("versionId", ask.version_id.is_some(), reads),
        ("responseContentType", ask.response_content_type.is_some(), method == "GET"),
        ("responseContentDisposition", ask.response_content_disposition.is_some(), method == "GET"),
    ];
    match rules.into_iter().find(|(_, given, fits)| *given && !fits) {
        Some((name, ..)) => Err(Denied::parameter(name, format!("has no meaning for {method}"))),
        None if ask.traffic_limit.is_some() && !matches!(method, "PUT" | "GET") => {
            Err(Denied::parameter("trafficLimit", format!("has no meaning for {method}")))
        }
        None => Ok(()),
    }
}

fn content_md5(text: &str) -> Result<&str, Denied> {
    match BASE64_STANDARD.decode(text) {
        Ok(digest) if digest.len() == 16 => Ok(text),
        _ => Err(Denied::parameter("contentMd5", "is not the Base64 of an MD5 digest's 16 bytes")),
    }
}

/// Signature version v1 signs key and query as they are meant, not as they are encoded: a `?` in a key and an `&` in a
/// value would be signed just like a sub-resource or a parameter that nobody checked, such as `?acl`.
fn unambiguous(key: &ObjectKey, query: &[(&'static str, Cow<'_, str>)]) -> Result<(), Denied> {
    if key.as_str().contains('?') {
        return Err(Denied::parameter("signatureVersion", "v1 cannot sign a key with a \"?\": use v4"));
    }
    match query.iter().find(|(_, value)| value.contains('&')) {
        Some((name, _)) => Err(Denied::parameter(
            "signatureVersion",
            format!("v1 cannot sign a value of {name} with an \"&\": use v4"),
        )),
        None => Ok(()),
    }
}

fn plain<'a>(name: &'static str, value: &'a str) -> Result<&'a str, Denied> {
    if value.is_empty() || value.len() > MAX_VALUE || value.chars().any(char::is_control) {
        return Err(Denied::parameter(name, "is 1 to 1,024 bytes without control characters"));
    }
    Ok(value)
}
