//! Buckets themselves: which there are, what is known of one, and making one.

use std::io;

use axum::http::StatusCode;
use axum::response::Response;

use super::super::error::OssError;
use super::super::store::{Bucket, Settings};
use super::super::xml::Xml;
use super::answer::{document, empty, named, owner, set, xml_time};
use super::call::Call;
use super::versions;

/// ACLs that a bucket may have.
const ACLS: [&str; 3] = ["private", "public-read", "public-read-write"];

/// `GET /` at the service's own address.
pub(super) fn list(call: &Call<'_>) -> Result<Response, OssError> {
    named(&call.identity)?;
    call.allow_name("oss:ListBuckets", "*")?;
    Ok(document("ListAllMyBucketsResult", |xml| {
        owner(xml, &call.state.owner);
        xml.element("Buckets", |xml| {
            for bucket in call.state.store.buckets() {
                xml.element("Bucket", |xml| describe(xml, call, &bucket));
            }
        });
    }))
}

/// `PUT /`.
pub(super) fn put(call: &Call<'_>) -> Result<Response, OssError> {
    named(&call.identity)?;
    let name = call.reading.bucket.as_deref().unwrap_or_default();
    call.allow_name("oss:PutBucket", name)?;
    let acl = acl_header(call)?;
    call.state.store.create(name, Settings::new(acl, call.now))?;
    let mut response = empty(StatusCode::OK);
    set(response.headers_mut(), "location", &format!("/{name}"));
    Ok(response)
}

/// `PUT /?acl`.
pub(super) fn put_acl(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:PutBucketAcl", &bucket)?;
    let acl = acl_header(call)?;
    bucket.change(|settings| settings.acl = acl)?;
    Ok(empty(StatusCode::OK))
}

/// `DELETE /`: a bucket goes when nothing is left in it.
pub(super) fn delete(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:DeleteBucket", &bucket)?;
    match call.state.store.remove(&bucket.name) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            let message = "The bucket you tried to delete is not empty. Please try again after confirmation.";
            Err(OssError::conflict("BucketNotEmpty", message).with("BucketName", &bucket.name))
        }
        outcome => Ok(outcome.map(|()| empty(StatusCode::NO_CONTENT))?),
    }
}

/// `GET /?stat`.
pub(super) fn stat(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:GetBucketStat", &bucket)?;
    let (objects, bytes, uploads) = bucket.stat();
    Ok(document("BucketStat", |xml| {
        xml.text("Storage", bytes);
        xml.text("ObjectCount", objects);
        xml.text("MultipartUploadCount", uploads);
        xml.text("LiveChannelCount", 0);
        xml.text("LastModifiedTime", call.now.timestamp());
        xml.text("StandardStorage", bytes);
        xml.text("StandardObjectCount", objects);
    }))
}

/// `GET /?bucketInfo`.
pub(super) fn info(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:GetBucketInfo", &bucket)?;
    Ok(document("BucketInfo", |xml| {
        xml.element("Bucket", |xml| {
            describe(xml, call, &bucket);
            owner(xml, &call.state.owner);
            grant(xml, &bucket.settings().acl);
            if let Some(status) = versions::status(bucket.settings().versioning) {
                xml.text("Versioning", status);
            }
        });
    }))
}

/// `GET /?location`.
pub(super) fn location(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:GetBucketLocation", &bucket)?;
    Ok(document("LocationConstraint", |xml| xml.bare(format_args!("oss-{}", call.state.region))))
}

/// `GET /?acl`.
pub(super) fn acl(call: &Call<'_>) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    call.allow_bucket("oss:GetBucketAcl", &bucket)?;
    Ok(access_control_policy(call, &bucket.settings().acl))
}

/// The document that tells an ACL.
pub(super) fn access_control_policy(call: &Call<'_>, acl: &str) -> Response {
    document("AccessControlPolicy", |xml| {
        owner(xml, &call.state.owner);
        grant(xml, acl);
    })
}

fn acl_header(call: &Call<'_>) -> Result<String, OssError> {
    let acl = call.head.header("x-oss-acl")?.unwrap_or_else(|| "private".to_owned());
    if ACLS.contains(&acl.as_str()) {
        Ok(acl)
    } else {
        Err(OssError::invalid_argument("x-oss-acl", &acl, "No such bucket access control exists."))
    }
}

fn grant(xml: &mut Xml, acl: &str) {
    xml.element("AccessControlList", |xml| xml.text("Grant", acl));
}

fn describe(xml: &mut Xml, call: &Call<'_>, bucket: &Bucket) {
    let region = &call.state.region;
    xml.text("CreationDate", xml_time(bucket.settings().created));
    xml.text("ExtranetEndpoint", format_args!("oss-{region}.aliyuncs.com"));
    xml.text("IntranetEndpoint", format_args!("oss-{region}-internal.aliyuncs.com"));
    xml.text("Location", format_args!("oss-{region}"));
    xml.text("Name", &bucket.name);
    xml.text("Region", region);
    xml.text("StorageClass", "Standard");
}
