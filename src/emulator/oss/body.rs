//! Reading a request's body: never more than is allowed, never before it is known who sends it.

use std::io;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::super::error::OssError;
use super::super::store::Written;
use super::call::Call;
use super::head::Head;

/// Longest object or part that is sent at once.
pub(super) const LONGEST: u64 = 5 * 1024 * 1024 * 1024;

/// Longest XML document: a thousand keys with every byte escaped.
const LONGEST_DOCUMENT: usize = 8 * 1024 * 1024;

/// What is read of a refused body, so that its sender gets to see the refusal rather than a broken connection.
const DRAINED: usize = 8 * 1024 * 1024;

/// How long a refused body is read.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The next bytes of a body.
pub(super) async fn chunk(body: &mut Body) -> Result<Option<Bytes>, OssError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| incomplete())?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Stores a body whose length is known or bounded and whose `Content-MD5`, if there is one, is right.
pub(super) async fn store(call: &Call<'_>, body: &mut Body) -> Result<Written, OssError> {
    if !call.head.measured {
        return Err(OssError::missing_content_length());
    }
    let promised = promised_md5(call.head)?;
    let length = call.head.header("content-length")?.and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > LONGEST) {
        return Err(OssError::entity_too_large());
    }
    let mut writer = call.state.store.writer().await?;
    while let Some(chunk) = chunk(body).await? {
        if writer.size() + chunk.len() as u64 > LONGEST {
            return Err(OssError::entity_too_large());
        }
        writer.write(&chunk).await?;
    }
    let written = writer.finish().await?;
    if promised.is_none_or(|promised| promised == written.md5) { Ok(written) } else { Err(digest_mismatch()) }
}

/// Reads an XML document; its `Content-MD5`, if there is one, is checked.
pub(super) async fn document(head: &Head, body: &mut Body) -> Result<Vec<u8>, OssError> {
    let promised = promised_md5(head)?;
    let mut document = Vec::new();
    while let Some(chunk) = chunk(body).await? {
        if document.len() + chunk.len() > LONGEST_DOCUMENT {
            return Err(OssError::malformed_xml());
        }
        document.extend_from_slice(&chunk);
    }
    if promised.is_none_or(|promised| promised == md5_of(&document)) { Ok(document) } else { Err(digest_mismatch()) }
}

/// Reads on for a while and forgets it.
pub(super) async fn drain(body: &mut Body) {
    let forget = async {
        let mut left = DRAINED;
        while let Ok(Some(chunk)) = chunk(body).await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // A body that takes longer than that is cut off, as it would have been without draining.
    let _ = tokio::time::timeout(DRAIN_TIME, forget).await;
}

fn promised_md5(head: &Head) -> Result<Option<[u8; 16]>, OssError> {
    let Some(text) = head.header("content-md5")? else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or_else(|| {
        OssError::bad_request("InvalidDigest", "The Content-MD5 you specified was invalid.").with("Content-MD5", text)
    })
}

fn md5_of(bytes: &[u8]) -> [u8; 16] {
    use md5::Digest as _;
    md5::Md5::digest(bytes).into()
}

fn digest_mismatch() -> OssError {
    OssError::bad_request("InvalidDigest", "The Content-MD5 you specified did not match what we received.")
}

/// The body ended before its time.
pub(super) fn incomplete() -> OssError {
    OssError::bad_request(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length header.",
    )
}

impl From<io::Error> for OssError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => {
                let message =
                    "The emulator has no room left: in memory it keeps 2 GiB, in a data folder what the disk holds.";
                Self::new(http::StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
            }
            io::ErrorKind::QuotaExceeded => {
                Self::bad_request("TooManyBuckets", "You have attempted to create more buckets than allowed.")
            }
            _ => {
                tracing::warn!(%error, "the emulator's store failed");
                Self::internal()
            }
        }
    }
}
