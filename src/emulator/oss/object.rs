//! What belongs to an object beside its bytes: its ACL and its tags.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::error::OssError;
use super::super::store::{Attributes, Object};
use super::super::xml;
use super::answer::{document, empty};
use super::attributes::{checked_tags, object_acl};
use super::call::{Call, in_version, versioned};
use super::{body, bucket};

/// `GET /key?acl`.
pub(super) fn acl(call: &Call<'_>) -> Result<Response, OssError> {
    let (_, object) = call.object("oss:GetObjectAcl")?;
    Ok(bucket::access_control_policy(call, &object.attributes.acl))
}

/// `PUT /key?acl`.
pub(super) fn put_acl(call: &Call<'_>) -> Result<Response, OssError> {
    let acl = object_acl(call.head.header("x-oss-object-acl")?.unwrap_or_default())?;
    let action = versioned("oss:PutObjectAcl", call.version_id()?);
    call.allow_object(action, &*call.bucket()?, call.key())?;
    in_version(&*call.bucket()?, call.key(), call.version_id()?)?;
    change(call, |attributes| attributes.acl = acl)?;
    Ok(empty(StatusCode::OK))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    tag_set: TagSet,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagSet {
    #[serde(default)]
    tag: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// `GET /key?tagging`.
pub(super) fn tags(call: &Call<'_>) -> Result<Response, OssError> {
    let (_, object) = call.object("oss:GetObjectTagging")?;
    Ok(document("Tagging", |xml| {
        xml.element("TagSet", |xml| {
            for (key, value) in &object.attributes.tags {
                xml.element("Tag", |xml| {
                    xml.text("Key", key);
                    xml.text("Value", value);
                });
            }
        });
    }))
}

/// `PUT /key?tagging`.
pub(super) async fn put_tags(call: &Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    call.object("oss:PutObjectTagging")?;
    let tagging: Tagging = xml::read(&body::document(call.head, body).await?, "Tagging")?;
    let tags = tagging.tag_set.tag.into_iter().map(|Tag { key, value }| (key, value)).collect();
    let tags = checked_tags(tags)?;
    change(call, |attributes| attributes.tags = tags)?;
    Ok(empty(StatusCode::OK))
}

/// `DELETE /key?tagging`.
pub(super) fn delete_tags(call: &Call<'_>) -> Result<Response, OssError> {
    call.object("oss:DeleteObjectTagging")?;
    change(call, |attributes| attributes.tags.clear())?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn change(call: &Call<'_>, change: impl FnOnce(&mut Attributes)) -> Result<(), OssError> {
    call.bucket()?.amend(call.key(), call.version_id()?, |old| {
        let mut object = Object::clone(old.ok_or_else(|| OssError::no_such_key(call.key()))?);
        change(&mut object.attributes);
        Ok::<_, OssError>(object)
    })?;
    Ok(())
}
