//! Questions to what hands out keys: HTTPS but for this machine, no redirects, no endless answers.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::error::Fault;

/// A key takes 1 to 3 KB; an answer without end costs no more memory than this.
pub(super) const MAX_ANSWER: usize = 64 * 1024;

/// The limit for name resolution, TCP and TLS together; what is asked is near. The SDKs take a second too.
const CONNECT: Duration = Duration::from_secs(1);

/// The limit for a whole exchange.
const TOTAL: Duration = Duration::from_secs(5);

/// Asks URLs.
#[derive(Clone, Debug)]
pub(super) struct Outbound {
    /// The proxy that the environment names is used.
    distant: reqwest::Client,
    /// No proxy stands between this machine and itself, or its metadata.
    near: reqwest::Client,
}

/// An answer of any status.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Outbound {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("oss-vend/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT)
                .timeout(TOTAL)
                .pool_max_idle_per_host(0)
        };
        Ok(Self { distant: builder().https_only(true).build()?, near: builder().no_proxy().build()? })
    }

    /// Asks `url` once.
    pub(super) async fn ask(&self, method: Method, url: Url, headers: HeaderMap) -> Result<Reply, Fault> {
        let client = match is_safe(&url) {
            false => return Err(Fault::NotHttps),
            true if is_near(&url) => &self.near,
            true => &self.distant,
        };
        let mut response = client.request(method, url).headers(headers).send().await?;
        let status = response.status();
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
        while let Some(chunk) = response.chunk().await? {
            if chunk.len() > MAX_ANSWER - body.len() {
                return Err(Fault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, body })
    }
}

impl Reply {
    /// The body of an answer with the status 200.
    pub(super) fn good(self) -> Result<Zeroizing<Vec<u8>>, Fault> {
        if self.status == StatusCode::OK { Ok(self.body) } else { Err(Fault::Status(self.status.as_u16())) }
    }
}

/// Whether a key may come from `url`: it is HTTPS, or no network lies between.
#[must_use]
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_near(url)
}

/// Whether `url` is on this machine or is its metadata service: no network lies between that others could listen on.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => {
            address.is_loopback() || address.is_link_local() || address.octets() == [100, 100, 100, 200]
        }
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_asked_in_the_clear_over_a_network() {
        let outbound = Outbound::new().unwrap();
        for address in ["http://example.com/", "http://10.0.0.1/", "http://localhost.example.com/", "ftp://127.0.0.1/"]
        {
            let asked = outbound.ask(Method::GET, Url::parse(address).unwrap(), HeaderMap::new()).await;
            assert!(matches!(asked, Err(Fault::NotHttps)), "{address}");
        }
        for address in ["http://127.0.0.1/", "http://[::1]/", "http://localhost/", "http://100.100.100.200/"] {
            assert!(is_near(&Url::parse(address).unwrap()), "{address}");
        }
    }
}
