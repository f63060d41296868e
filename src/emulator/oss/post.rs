//! `PostObject`: an upload by a form, whose fields carry the signature.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::super::account::Identity;
use super::super::error::OssError;
use super::super::form_policy::{Posted, check_form_policy, content_length_range};
use super::super::store::{Attributes, Bucket, Object};
use super::super::verify::authenticate_form;
use super::super::wire::{FormFields, encode_path};
use super::super::xml::Xml;
use super::address::check_key;
use super::answer::{empty, quoted, set_written, xml};
use super::attributes;
use super::body::LONGEST;
use super::call::Call;
use super::callback;
use super::form::Form;
use super::head::Head;
use super::put::{Overwrite, keep, whole};

/// Reads the form, finds who signed it, and stores its file. Who it was goes into `call` for the record.
pub(super) async fn post(call: &mut Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    let bucket = call.bucket()?;
    let content_type = call.head.header("content-type")?.unwrap_or_default();
    let mut form = Form::read(&content_type, body).await?;
    let given = only(&form.fields, "key")?.filter(|key| !key.is_empty()).ok_or_else(no_key)?;
    let key = given.replace("${filename}", &form.file_name);
    check_key(&key)?;
    call.reading.key = Some(key.clone());
    call.identity = authenticate_form(&call.state.accounts, &form.fields, &call.state.region, call.now)?;
    if let Some(acl) = only(&form.fields, "x-oss-object-acl")? {
        call.object_acl = Some(acl.to_owned()).filter(|acl| !acl.is_empty());
    }
    let attributes = attributes_of(&form, call.object_acl.as_deref())?;
    attributes::allow(call, &bucket, &key, &attributes)?;
    let order = callback::of_fields(call, &form.fields)?;
    let overwrite = Overwrite::from_text(only(&form.fields, "x-oss-forbid-overwrite")?)?;
    overwrite.check(bucket.object(&key).as_deref())?;
    let object = receive(call, &bucket, &mut form, attributes).await?;
    let object = keep(&bucket, &key, object, overwrite)?;
    let usual = answer(call.head, &bucket, &key, &form.fields, &object)?;
    Ok(callback::answer(call, order, &object, usual).await)
}

/// Reads the file within the sizes that the policy allows, and holds the policy against the form.
async fn receive(
    call: &Call<'_>,
    bucket: &Bucket,
    form: &mut Form<'_>,
    attributes: Attributes,
) -> Result<Object, OssError> {
    let policy = only(&form.fields, "policy")?.map(str::to_owned);
    let range = policy.as_deref().map(content_length_range).transpose()?.flatten();
    let (least, most) = range.unwrap_or((0, LONGEST));
    // First with a size that fits: what is refused for another reason need not be read.
    check(call, bucket, &form.fields, policy.as_deref(), least)?;
    let mut writer = call.state.store.writer().await?;
    while let Some(chunk) = form.chunk().await? {
        if writer.size() + chunk.len() as u64 > most.min(LONGEST) {
            return Err(OssError::entity_too_large());
        }
        writer.write(&chunk).await?;
    }
    let written = writer.finish().await?;
    if written.content.size() < least {
        return Err(OssError::entity_too_small());
    }
    check(call, bucket, &form.fields, policy.as_deref(), written.content.size())?;
    Ok(whole(call, written, attributes))
}

fn check(
    call: &Call<'_>,
    bucket: &Bucket,
    fields: &FormFields,
    policy: Option<&str>,
    file_size: u64,
) -> Result<(), OssError> {
    match (policy, &call.identity) {
        (None, _) | (Some(""), Identity::Anonymous) => Ok(()),
        (Some(policy), _) => {
            let form = Posted { bucket: &bucket.name, fields, file_size };
            check_form_policy(policy, &form, call.state.knobs.readings().absent_form_field, call.now)
        }
    }
}

/// What the fields say of the object, with this ACL. There is no field for tags in OSS: `x-oss-tagging` says nothing.
fn attributes_of(form: &Form<'_>, acl: Option<&str>) -> Result<Attributes, OssError> {
    let named = |name| only(&form.fields, name).map(|value| value.filter(|value| !value.is_empty()));
    let content_type = match (named("x-oss-content-type")?, named("content-type")?) {
        (Some(first), _) | (None, Some(first)) => Some(first.to_owned()),
        (None, None) => form.file_type.clone(),
    };
    let others = form.fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let elsewhere = ["content-type", "x-oss-object-acl"];
    let others = others.filter(|(name, value)| !elsewhere.contains(&name.as_str()) && !value.is_empty());
    let own = [("content-type", content_type), ("x-oss-object-acl", acl.map(str::to_owned))];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    attributes::of_pairs(own.chain(others))
}

fn answer(head: &Head, bucket: &Bucket, key: &str, fields: &FormFields, object: &Object) -> Result<Response, OssError> {
    let redirect = only(fields, "success_action_redirect")?.filter(|target| !target.is_empty());
    let mut response = match (redirect, only(fields, "success_action_status")?) {
        (Some(target), _) => see_other(target)?,
        (None, Some("200")) => empty(StatusCode::OK),
        (None, Some("201")) => xml(StatusCode::CREATED, created(head, bucket, key, object)),
        (None, _) => empty(StatusCode::NO_CONTENT),
    };
    set_written(response.headers_mut(), object);
    Ok(response)
}

fn see_other(target: &str) -> Result<Response, OssError> {
    let location = HeaderValue::from_bytes(target.as_bytes()).map_err(|_| {
        OssError::invalid_argument("success_action_redirect", target, "The address cannot stand in a header.")
    })?;
    let mut response = empty(StatusCode::SEE_OTHER);
    response.headers_mut().insert("location", location);
    Ok(response)
}

fn created(head: &Head, bucket: &Bucket, key: &str, object: &Object) -> String {
    let path = head.raw_path.trim_end_matches('/');
    Xml::document("PostResponse", |xml| {
        xml.text("Bucket", &bucket.name);
        xml.text("Location", format_args!("http://{}{path}/{}", head.host, encode_path(key)));
        xml.text("Key", key);
        xml.text("ETag", quoted(&object.facts.etag));
    })
}

fn only<'f>(fields: &'f FormFields, name: &str) -> Result<Option<&'f str>, OssError> {
    fields.only(name).map_err(|_| OssError::invalid_argument(name, "", format!("{name} occurs more than once.")))
}

fn no_key() -> OssError {
    let message =
        "The bucket POST must contain the specified 'key'. If it is specified, please check the order of the fields.";
    OssError::invalid_argument("key", "", message)
}
