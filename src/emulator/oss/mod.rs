//! The object service: who asks → what for → may they → do it → say so, in OSS's own words.

mod address;
mod answer;
mod attributes;
mod body;
mod bucket;
mod call;
mod callback;
mod conditions;
mod copy_source;
mod cors;
mod delete;
mod form;
mod get;
mod head;
mod lifecycle;
mod list;
mod multipart;
mod object;
mod operation;
mod parameters;
mod post;
mod process;
mod put;
mod restore;
mod serve;
mod symlink;
mod versions;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use chrono::{DateTime, Utc};

use self::operation::{NAMES, Operation};
use super::error::OssError;
use super::store::{Settings, Store};
use super::{BucketOptions, State};

pub(super) use self::callback::{Callbacks, KEY_PATH};
#[cfg(fuzzing)]
pub(super) use self::form::fuzz as fuzz_form;

/// Every address of the service.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new().fallback(serve::serve).with_state(state)
}

/// Whether calls are recorded under that name here.
pub(super) fn is_operation(name: &str) -> bool {
    name == serve::UNKNOWN || NAMES.contains(&name)
}

/// Makes the buckets of the options; those that a data folder brings along stay as they are.
pub(super) fn make_buckets(store: &Store, buckets: &[BucketOptions], now: DateTime<Utc>) -> io::Result<()> {
    for bucket in buckets {
        if !address::is_bucket_name(&bucket.name) {
            let message = format!("{} is no name of a bucket", bucket.name);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let cors = bucket.cors.then(cors::allow_all).into_iter().collect();
        store.create(&bucket.name, Settings { cors, ..Settings::new(bucket.acl.clone(), now) })?;
    }
    Ok(())
}

/// Does what a call asks for.
async fn perform(operation: Operation, call: &mut call::Call<'_>, body: &mut Body) -> Result<Response, OssError> {
    match operation {
        Operation::AbortMultipartUpload => multipart::abort(call),
        Operation::AppendObject => put::append(call, body).await,
        Operation::CompleteMultipartUpload => multipart::complete(call, body).await,
        Operation::CopyObject => put::copy(call),
        Operation::DeleteBucket => bucket::delete(call),
        Operation::DeleteBucketLifecycle => lifecycle::delete(call),
        Operation::DeleteBucketCors => cors::delete(call),
        Operation::DeleteMultipleObjects => delete::many(call, body).await,
        Operation::DeleteObject => delete::one(call),
        Operation::DeleteObjectTagging => object::delete_tags(call),
        Operation::GetBucketAcl => bucket::acl(call),
        Operation::GetBucketCors => cors::read(call),
        Operation::GetBucketInfo => bucket::info(call),
        Operation::GetBucketLifecycle => lifecycle::read(call),
        Operation::GetBucketStat => bucket::stat(call),
        Operation::GetBucketVersioning => versions::read(call),
        Operation::GetBucketLocation => bucket::location(call),
        Operation::GetObject => get::get(call).await,
        Operation::GetObjectAcl => object::acl(call),
        Operation::GetObjectMeta => get::meta(call),
        Operation::GetObjectTagging => object::tags(call),
        Operation::GetSymlink => symlink::read(call),
        Operation::HeadObject => get::head(call).await,
        Operation::InitiateMultipartUpload => multipart::initiate(call),
        Operation::ListBuckets => bucket::list(call),
        Operation::ListMultipartUploads => multipart::uploads(call),
        Operation::ListObjectVersions => versions::list(call),
        Operation::ListObjects => list::v1(call),
        Operation::ListObjectsV2 => list::v2(call),
        Operation::ListParts => multipart::parts(call),
        Operation::OptionObject => cors::preflight(call),
        Operation::PostObject => post::post(call, body).await,
        Operation::PutBucket => bucket::put(call),
        Operation::PutBucketAcl => bucket::put_acl(call),
        Operation::PutBucketLifecycle => lifecycle::put(call, body).await,
        Operation::PutBucketVersioning => versions::put(call, body).await,
        Operation::PutBucketCors => cors::put(call, body).await,
        Operation::PutObject => put::put(call, body).await,
        Operation::PutObjectAcl => object::put_acl(call),
        Operation::PutObjectTagging => object::put_tags(call, body).await,
        Operation::PutSymlink => symlink::put(call),
        Operation::RestoreObject => restore::restore(call, body).await,
        Operation::UploadPartCopy => multipart::copy_part(call).await,
        Operation::UploadPart => multipart::put_part(call, body).await,
        Operation::Other => Err(OssError::not_implemented(&asked(call))),
        Operation::NotAllowed => Err(OssError::method_not_allowed()),
    }
}

/// What a call of an operation that is not here asks for; its parameters choose the operation.
fn asked(call: &call::Call<'_>) -> String {
    let names: Vec<_> = call.head.query.pairs().iter().map(|(name, _)| name.as_str()).collect();
    let mut names = names.join(", ");
    names.truncate(names.floor_char_boundary(200));
    format!("the operation that the query parameters choose ({names})")
}
