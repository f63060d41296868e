//! From the method, the address and the query to the operation that is meant.

use axum::http::Method;

use super::super::wire::Query;
use super::parameters;

/// Defines the operations and the list of them.
macro_rules! operations {
    ($($(#[$about:meta])* $name:ident,)*) => {
        /// What a request asks for, by the names of OSS's API.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum Operation {
            $($(#[$about])* $name,)*
        }

        /// The names of all operations.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

operations! {
    AbortMultipartUpload,
    AppendObject,
    CompleteMultipartUpload,
    CopyObject,
    DeleteBucket,
    DeleteBucketCors,
    DeleteBucketLifecycle,
    DeleteMultipleObjects,
    DeleteObject,
    DeleteObjectTagging,
    GetBucketAcl,
    GetBucketCors,
    GetBucketInfo,
    GetBucketLifecycle,
    GetBucketLocation,
    GetBucketStat,
    GetBucketVersioning,
    GetObject,
    GetObjectAcl,
    GetObjectMeta,
    GetObjectTagging,
    GetSymlink,
    HeadObject,
    InitiateMultipartUpload,
    ListBuckets,
    ListMultipartUploads,
    ListObjectVersions,
    ListObjects,
    ListObjectsV2,
    ListParts,
    OptionObject,
    PostObject,
    PutBucket,
    PutBucketAcl,
    PutBucketCors,
    PutBucketLifecycle,
    PutBucketVersioning,
    PutObject,
    PutObjectAcl,
    PutObjectTagging,
    PutSymlink,
    RestoreObject,
    UploadPart,
    UploadPartCopy,
    /// One that OSS has and the emulator has not.
    Other,
    /// One that OSS has not either.
    NotAllowed,
}

impl Operation {
    /// The operation that `method` and `query` ask of an address of that level. `copies`: there is an `x-oss-copy-source`.
    pub(super) fn of(method: &Method, level: Level, query: &Query, copies: bool) -> Self {
        if *method == Method::OPTIONS {
            return Self::OptionObject;
        }
        let operation = match level {
            Level::Service if *method == Method::GET => Self::ListBuckets,
            Level::Service => Self::NotAllowed,
            Level::Bucket => Self::of_bucket(method, query),
            Level::Object => Self::of_object(method, query, copies),
        };
        match operation {
            Self::NotAllowed => Self::NotAllowed,
            _ if parameters::fit(operation, method, query) => operation,
            _ => Self::Other,
        }
    }

    fn of_bucket(method: &Method, query: &Query) -> Self {
        let has = |name| query.contains(name);
        match method.as_str() {
            "GET" if has("acl") => Self::GetBucketAcl,
            "GET" if has("bucketInfo") => Self::GetBucketInfo,
            "GET" if has("cors") => Self::GetBucketCors,
            "GET" if has("lifecycle") => Self::GetBucketLifecycle,
            "GET" if has("location") => Self::GetBucketLocation,
            "GET" if has("stat") => Self::GetBucketStat,
            "GET" if has("versioning") => Self::GetBucketVersioning,
            "GET" if has("versions") => Self::ListObjectVersions,
            "GET" if has("uploads") => Self::ListMultipartUploads,
            "GET" if query.first("list-type") == Some("2") => Self::ListObjectsV2,
            "GET" => Self::ListObjects,
            "PUT" if has("cors") => Self::PutBucketCors,
            "PUT" if has("acl") => Self::PutBucketAcl,
            "PUT" if has("lifecycle") => Self::PutBucketLifecycle,
            "PUT" if has("versioning") => Self::PutBucketVersioning,
            "PUT" => Self::PutBucket,
            "DELETE" if has("cors") => Self::DeleteBucketCors,
            "POST" if has("delete") => Self::DeleteMultipleObjects,
            "POST" => Self::PostObject,
            "DELETE" if has("lifecycle") => Self::DeleteBucketLifecycle,
            "DELETE" => Self::DeleteBucket,
            _ => Self::NotAllowed,
        }
    }

    fn of_object(method: &Method, query: &Query, copies: bool) -> Self {
        let has = |name| query.contains(name);
        match method.as_str() {
            "GET" if has("acl") => Self::GetObjectAcl,
            "GET" if has("symlink") => Self::GetSymlink,
            "GET" if has("tagging") => Self::GetObjectTagging,
            "GET" if has("uploadId") => Self::ListParts,
            "GET" | "HEAD" if has("objectMeta") => Self::GetObjectMeta,
            "GET" => Self::GetObject,
            "HEAD" => Self::HeadObject,
            "PUT" if has("acl") => Self::PutObjectAcl,
            "PUT" if has("tagging") => Self::PutObjectTagging,
            "PUT" if has("symlink") => Self::PutSymlink,
            "PUT" if has("uploadId") && copies => Self::UploadPartCopy,
            "PUT" if has("uploadId") || has("partNumber") => Self::UploadPart,
            "PUT" if copies => Self::CopyObject,
            "PUT" => Self::PutObject,
            "POST" if has("append") => Self::AppendObject,
            "POST" if has("restore") => Self::RestoreObject,
            "POST" if has("uploads") => Self::InitiateMultipartUpload,
            "POST" if has("uploadId") => Self::CompleteMultipartUpload,
            "POST" if !query.pairs().is_empty() => Self::Other,
            "DELETE" if has("tagging") => Self::DeleteObjectTagging,
            "DELETE" if has("uploadId") => Self::AbortMultipartUpload,
            "DELETE" => Self::DeleteObject,
            _ => Self::NotAllowed,
        }
    }

    /// As OSS's API calls it.
    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }
}

/// What an address names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Level {
    Service,
    Bucket,
    Object,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, level: Level, query: &str) -> Operation {
        let method = method.parse().expect("a method");
        Operation::of(&method, level, &Query::parse(query).expect("a query"), false)
    }

    #[test]
    fn parameters_choose_the_operation_with_a_value_or_without() {
        for (method, level, query, expected) in [
            ("GET", Level::Service, "", Operation::ListBuckets),
            ("GET", Level::Bucket, "prefix=a", Operation::ListObjects),
            ("GET", Level::Bucket, "list-type=2", Operation::ListObjectsV2),
            ("GET", Level::Bucket, "acl=", Operation::GetBucketAcl),
            ("GET", Level::Bucket, "website", Operation::Other),
            ("PUT", Level::Bucket, "", Operation::PutBucket),
            ("PUT", Level::Bucket, "acl", Operation::PutBucketAcl),
            ("POST", Level::Bucket, "", Operation::PostObject),
            ("POST", Level::Bucket, "delete", Operation::DeleteMultipleObjects),
            ("HEAD", Level::Bucket, "", Operation::NotAllowed),
            ("PUT", Level::Object, "uploadId=U&partNumber=1", Operation::UploadPart),
            ("PUT", Level::Object, "x-oss-process=x", Operation::Other),
            ("PUT", Level::Object, "legalHold", Operation::Other),
            ("PUT", Level::Object, "%6cegalHold=", Operation::Other),
            ("PUT", Level::Object, "LEGALHOLD", Operation::Other),
            ("PUT", Level::Object, "cache=1", Operation::Other),
            ("PUT", Level::Object, "acl&tagging", Operation::Other),
            ("PUT", Level::Object, "symlink&versionId=1", Operation::Other),
            ("PUT", Level::Object, "callback=e30=&callback-var=", Operation::PutObject),
            ("PUT", Level::Object, "Expires=1&OSSAccessKeyId=a&Signature=b", Operation::PutObject),
            ("POST", Level::Object, "seal&position=1", Operation::Other),
            ("POST", Level::Object, "append&position=0", Operation::AppendObject),
            ("POST", Level::Object, "uploads&sequential", Operation::InitiateMultipartUpload),
            ("POST", Level::Bucket, "policy", Operation::Other),
            ("DELETE", Level::Bucket, "overwriteConfig", Operation::Other),
            ("DELETE", Level::Bucket, "tagging", Operation::Other),
            ("GET", Level::Object, "cache=1&response-expires=0", Operation::GetObject),
            ("GET", Level::Object, "RETENTION", Operation::Other),
            ("GET", Level::Object, "X-OSS-new", Operation::Other),
            ("GET", Level::Object, "partNumber=1", Operation::Other),
            ("GET", Level::Bucket, "tagging", Operation::Other),
            ("GET", Level::Service, "regions", Operation::Other),
            ("GET", Level::Object, "versionId=null", Operation::GetObject),
            ("PATCH", Level::Object, "", Operation::NotAllowed),
            ("OPTIONS", Level::Object, "versionId=null", Operation::OptionObject),
        ] {
            assert_eq!(of(method, level, query), expected, "{method} {level:?} {query}");
        }
    }
}
