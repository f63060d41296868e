//! The refusals of both services: OSS answers in XML, STS in JSON or XML.

use axum::http::StatusCode;

/// A refusal of OSS. `xml` renders it; the request id and the host are added there.
#[derive(Debug)]
pub(crate) struct OssError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// OSS's own finer code, such as `0002-00000201`; also sent as `x-oss-ec`.
    pub(crate) ec: Option<&'static str>,
    /// Further XML elements in order, such as `StringToSign`.
    pub(crate) details: Vec<(&'static str, String)>,
    /// Further headers of the answer.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl OssError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), ec: None, details: Vec::new(), headers: Vec::new() }
    }

    /// Adds OSS's finer code.
    pub(crate) fn ec(mut self, ec: &'static str) -> Self {
        self.ec = Some(ec);
        self
    }

    /// Adds an XML element.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// 400 with a code of its own.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 403 with a code of its own.
    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404 with a code of its own.
    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409 with a code of its own.
    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::forbidden("AccessDenied", message)
    }

    pub(crate) fn invalid_argument(name: &str, value: &str, message: impl Into<String>) -> Self {
        Self::bad_request("InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
    }

    pub(crate) fn signature_does_not_match(ec: &'static str) -> Self {
        let message = "The request signature we calculated does not match the signature you provided. \
                       Check your key and signing method.";
        Self::forbidden("SignatureDoesNotMatch", message).ec(ec)
    }

    pub(crate) fn invalid_access_key_id(id: &str) -> Self {
        let message = "The OSS Access Key Id you provided does not exist in our records.";
        Self::forbidden("InvalidAccessKeyId", message).ec("0002-00000902").with("OSSAccessKeyId", id)
    }

    pub(crate) fn access_key_disabled(id: &str) -> Self {
        let message = "The OSS Access Key Id you provided is disabled.";
        Self::forbidden("InvalidAccessKeyId", message).ec("0002-00000902").with("OSSAccessKeyId", id)
    }

    pub(crate) fn invalid_security_token() -> Self {
        Self::forbidden("InvalidSecurityToken", "The security token you provided is invalid.")
    }

    pub(crate) fn security_token_expired() -> Self {
        Self::forbidden("SecurityTokenExpired", "The security token you provided has expired.")
    }

    pub(crate) fn no_such_bucket(bucket: &str) -> Self {
        let error = Self::not_found("NoSuchBucket", "The specified bucket does not exist.");
        error.ec("0015-00000101").with("BucketName", bucket)
    }

    pub(crate) fn no_such_key(key: &str) -> Self {
        Self::not_found("NoSuchKey", "The specified key does not exist.").ec("0026-00000001").with("Key", key)
    }

    pub(crate) fn no_such_version(key: &str, version: &str) -> Self {
        let error = Self::not_found("NoSuchVersion", "The specified version does not exist.");
        error.with("Key", key).with("VersionId", version)
    }

    pub(crate) fn no_such_upload(upload_id: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, \
                       or the upload may have been aborted or completed.";
        Self::not_found("NoSuchUpload", message).with("UploadId", upload_id)
    }

    pub(crate) fn invalid_bucket_name(bucket: &str) -> Self {
        let error = Self::bad_request("InvalidBucketName", "The specified bucket is not valid.");
        error.ec("0015-00000001").with("BucketName", bucket)
    }

    pub(crate) fn invalid_object_name(key: &str) -> Self {
        Self::bad_request("InvalidObjectName", "The specified object is not valid.").with("ObjectName", key)
    }

    pub(crate) fn file_already_exists() -> Self {
        let message = "The object you specified already exists and can not be overwritten.";
        Self::conflict("FileAlreadyExists", message).ec("0026-00000002")
    }

    pub(crate) fn entity_too_large() -> Self {
        Self::bad_request("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
    }

    pub(crate) fn entity_too_small() -> Self {
        Self::bad_request("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size.")
    }

    pub(crate) fn malformed_xml() -> Self {
        Self::bad_request("MalformedXML", "The XML you provided was not well-formed or did not validate.")
    }

    pub(crate) fn not_implemented(what: &str) -> Self {
        let message = format!("The emulator does not implement {what}.");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "The specified method is not allowed against this resource.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(crate) fn missing_content_length() -> Self {
        let message = "You must provide the Content-Length HTTP header.";
        Self::new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", message)
    }

    pub(crate) fn precondition_failed(condition: &'static str) -> Self {
        let message = "At least one of the pre-conditions you specified did not hold.";
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message).with("Condition", condition)
    }

    pub(crate) fn invalid_range() -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range cannot be satisfied.")
    }

    pub(crate) fn internal() -> Self {
        let message = "We encountered an internal error. Please try again.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }
}

/// A refusal of STS.
#[derive(Debug)]
pub(crate) struct StsError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl StsError {
    pub(crate) fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// 400, as most refusals of STS.
    pub(crate) fn bad_request(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn access_key_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    }

    /// A parameter that must be there is not.
    pub(crate) fn missing(name: &str) -> Self {
        Self::bad_request(format!("Missing{name}"), format!("{name} is mandatory for this action."))
    }

    /// A parameter or header that may occur once occurs more often.
    pub(crate) fn repeated(name: &str) -> Self {
        Self::bad_request("InvalidParameter", format!("The parameter {name} occurs more than once."))
    }

    pub(crate) fn signature_does_not_match(string_to_sign: &str) -> Self {
        let message = "Specified signature is not matched with our calculation.";
        Self::bad_request("SignatureDoesNotMatch", format!("{message} server string to sign is:{string_to_sign}"))
    }

    pub(crate) fn incomplete_signature(message: impl Into<String>) -> Self {
        Self::bad_request("IncompleteSignature", message)
    }

    pub(crate) fn no_permission(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "NoPermission", message)
    }
}
