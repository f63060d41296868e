//! The connection to STS: one request, one answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::redirect::Policy;
use thiserror::Error;
use tokio::time::Instant;
use url::{Host, Url};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::answer::Assumed;
use super::error::StsError;
use super::oidc::AssumeRoleWithOidc;
use super::reply::{Notes, Reply};
use super::request::{AssumeRole, SignatureScheme};
use super::wire::{Target, Wire};
use crate::keys::AccessKey;
use crate::signing::Stamp;

/// How STS is reached.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Scheme, host and port of STS; HTTPS, but for a loopback host. See [`endpoint`](super::endpoint()).
    pub endpoint: Url,
    /// How requests are signed.
    pub scheme: SignatureScheme,
    /// The limit for name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The limit for the whole exchange, the last byte of the answer included.
    pub timeout: Duration,
}

/// Asks STS for session keys. Holds a pool of connections: make one and share it.
///
/// The proxy that the environment names (`HTTPS_PROXY`) is used, but not for a loopback host.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    target: Target,
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

/// A session key takes 1 to 3 KB, so this is ample; and an answer without end costs no more memory.
const MAX_ANSWER: usize = 64 * 1024;

/// Calls are rare, so a connection is kept only for those of one burst: an older one may be closing at the other end.
const IDLE_CONNECTION: Duration = Duration::from_secs(10);

impl Client {
    /// A client for one endpoint; nothing is sent yet.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let ClientOptions { endpoint, scheme, connect_timeout, timeout } = options;
        let target = Target { endpoint, scheme };
        let loopback = is_loopback(&target.endpoint);
        check(&target, loopback)?;
        let builder = reqwest::Client::builder()
            .user_agent(concat!("oss-vend/", env!("CARGO_PKG_VERSION")))
            .https_only(!loopback)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            .pool_idle_timeout(IDLE_CONNECTION);
        let builder = if loopback { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(ClientError::Tls)?, target })
    }

    /// Calls `AssumeRole` once, signed by `access_key` at `now`, which is also when the life of the session key begins.
    pub async fn assume_role(
        &self,
        request: &AssumeRole<'_>,
        access_key: &AccessKey,
        now: DateTime<Utc>,
    ) -> Result<Assumed, StsError> {
        let started = Instant::now();
        let nonce = Uuid::new_v4().to_string();
        let stamp = Stamp { nonce: &nonce, at: now };
        let outcome = match self.target.sign(request, access_key, stamp) {
            Ok(wire) => self.exchange(wire).await.and_then(|reply| Assumed::read(&reply, now)),
            Err(error) => Err(error),
        };
        self.log("AssumeRole", &outcome, started.elapsed());
        outcome
    }

    /// Calls `AssumeRoleWithOIDC` once at `now`, which is also when the life of the session key begins.
    pub async fn assume_role_with_oidc(
        &self,
        request: &AssumeRoleWithOidc<'_>,
        now: DateTime<Utc>,
    ) -> Result<Assumed, StsError> {
        let started = Instant::now();
        let outcome = self.exchange(self.target.unsigned(request, now)).await;
        let outcome = outcome.and_then(|reply| Assumed::read(&reply, now));
        self.log("AssumeRoleWithOIDC", &outcome, started.elapsed());
        outcome
    }

    async fn exchange(&self, Wire { url, headers, body }: Wire) -> Result<Reply, StsError> {
        let response = self.http.post(url).headers(headers).body(body).send().await?;
        let (status, notes) = (response.status(), Notes::new(response.headers()));
        Ok(Reply { status, notes, body: read(response).await? })
    }

    fn log(&self, action: &str, outcome: &Result<Assumed, StsError>, elapsed: Duration) {
        let (kind, code, sts_request_id) = match outcome {
            Ok(assumed) => ("granted", None, Some(assumed.request_id.as_str())),
            Err(error) => (error.kind(), error.code(), error.request_id()),
        };
        tracing::debug!(endpoint = self.target.host(), outcome = kind, code, sts_request_id, ?elapsed, "{action}");
    }
}

/// The body, or nothing as soon as it is too long; the rest is then never read.
/// All room is taken at once, so that no half-grown copy of a secret is left behind.
async fn read(mut response: reqwest::Response) -> Result<Option<Zeroizing<Vec<u8>>>, StsError> {
    let mut body = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > MAX_ANSWER - body.len() {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn check(target: &Target, loopback: bool) -> Result<(), ClientError> {
    let url = &target.endpoint;
    let secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    match (secure, bare && url.authority() == target.host()) {
        (false, _) => Err(ClientError::NotHttps),
        (true, false) => Err(ClientError::NotAnOrigin),
        (true, true) => Ok(()),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(endpoint: &str) -> Result<Client, ClientError> {
        Client::new(ClientOptions {
            endpoint: Url::parse(endpoint).unwrap(),
            scheme: SignatureScheme::default(),
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(8),
        })
    }

    #[test]
    fn only_a_loopback_host_may_be_reached_without_tls() {
        for endpoint in ["https://sts.aliyuncs.com", "http://127.0.0.1:9001", "http://localhost:1", "http://[::1]:1/"] {
            assert!(client(endpoint).is_ok(), "{endpoint}");
        }
        for endpoint in
            ["http://sts.aliyuncs.com", "http://10.0.0.1", "http://localhost.example.com", "ftp://127.0.0.1"]
        {
            assert!(matches!(client(endpoint), Err(ClientError::NotHttps)), "{endpoint}");
        }
    }

    #[test]
    fn an_endpoint_is_an_origin() {
        for extra in ["a/b", "?q=1", "#f"] {
            assert!(
                matches!(client(&format!("https://sts.aliyuncs.com/{extra}")), Err(ClientError::NotAnOrigin)),
                "{extra}"
            );
        }
        assert!(matches!(client("https://user:hush@sts.aliyuncs.com"), Err(ClientError::NotAnOrigin)));
    }
}
