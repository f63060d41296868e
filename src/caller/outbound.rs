//! Questions to an issuer or to the application: HTTPS but for loopback, no redirects, no endless answers.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use thiserror::Error;
use url::{Host, Url};

/// The longest answer that is read, in bytes; a key set of a hundred keys has half of that.
const MAX_ANSWER: usize = 256 * 1024;

/// The limit for name resolution, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(3);

/// Asks URLs. Holds pools of connections: make one and share it.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The proxy that the environment names is used.
    distant: reqwest::Client,
    /// No proxy stands between this machine and itself.
    loopback: reqwest::Client,
}

/// The TLS library or its certificates could not be set up.
#[derive(Debug, Error)]
#[error("TLS cannot be set up")]
pub struct NoTls(#[source] reqwest::Error);

/// Why a question has no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// The answer would cross a network in the clear.
    #[error("its address is not https (http is for loopback hosts only)")]
    NotHttps,
    /// The answer has too many bytes.
    #[error("its answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
    /// It was not reached, or not in time.
    #[error("it cannot be reached: {0}")]
    Unreachable(reqwest::Error),
}

/// An answer of any status.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Outbound {
    /// Sets up the clients; nothing is sent yet.
    pub fn new() -> Result<Self, NoTls> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("oss-vend/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT)
        };
        let distant = builder().https_only(true).build().map_err(NoTls)?;
        Ok(Self { distant, loopback: builder().no_proxy().build().map_err(NoTls)? })
    }

    /// Asks `url` once, for at most `patience`.
    pub(super) async fn get(&self, url: &Url, headers: HeaderMap, patience: Duration) -> Result<Reply, NoAnswer> {
        let client = match is_secure(url) {
            false => return Err(NoAnswer::NotHttps),
            true if is_loopback(url) => &self.loopback,
            true => &self.distant,
        };
        let mut response = client.get(url.clone()).headers(headers).timeout(patience).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if chunk.len() > MAX_ANSWER - body.len() {
                return Err(NoAnswer::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }
}

impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

/// Whether what is asked of `url` can be believed: it is HTTPS, or on this machine.
pub(super) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
