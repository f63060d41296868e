//! Where a browser reaches a bucket (protocol: OSS signing, "Addresses").

use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

/// The address of a bucket as a browser uses it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// What stands before `/<key>` in a URL: `https://<bucket>.<host>`, `<scheme>://<ip>/<bucket>` or the custom domain.
    pub base: String,
    /// What an SDK takes as its endpoint.
    pub endpoint: String,
    /// Whether the endpoint is a custom domain, which SDKs have to be told.
    pub custom_domain: bool,
}

/// Why an address cannot be given to browsers.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidAddress {
    /// It is not `https://host[:port]`.
    #[error("{0:?} is not of the form https://host[:port]")]
    Form(String),
    /// It is plain http and not loopback.
    #[error("{0:?} is plain http: a browser's upload and its credentials would be readable on the way; use https")]
    PlainHttp(String),
    /// It can only be reached inside Alibaba Cloud.
    #[error("{0:?} is an internal address, which no browser reaches; use the public one")]
    Internal(String),
}

impl Address {
    /// The address of `bucket` in `region`, at another `endpoint` than the region's public one, or under a custom domain.
    pub fn new(
        bucket: &str,
        region: &str,
        endpoint: Option<&str>,
        public_host: Option<&str>,
    ) -> Result<Self, InvalidAddress> {
        if let Some(host) = public_host {
            let base = origin(&checked(host)?);
            return Ok(Self { endpoint: base.clone(), base, custom_domain: true });
        }
        let default = format!("https://oss-{region}.aliyuncs.com");
        let url = checked(endpoint.unwrap_or(&default))?;
        let endpoint = origin(&url);
        let base = if has_path_style(&url) {
            format!("{endpoint}/{bucket}")
        } else {
            endpoint.replacen("://", &format!("://{bucket}."), 1)
        };
        Ok(Self { base, endpoint, custom_domain: false })
    }
}

/// A bucket cannot be put before an address of numbers, nor does every resolver know the names below `localhost`.
fn has_path_style(url: &Url) -> bool {
    !matches!(url.host(), Some(Host::Domain(name)) if name != "localhost")
}

fn checked(text: &str) -> Result<Url, InvalidAddress> {
    let given = || text.to_owned();
    let full = if text.contains("://") { given() } else { format!("https://{text}") };
    let url = Url::parse(&full).map_err(|_| InvalidAddress::Form(given()))?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !bare || url.password().is_some() || !matches!(url.scheme(), "http" | "https") {
        return Err(InvalidAddress::Form(given()));
    }
    let host = url.host_str().ok_or_else(|| InvalidAddress::Form(given()))?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(InvalidAddress::PlainHttp(given()));
    }
    if host.ends_with(".aliyuncs.com") && host.split('.').any(|label| label.ends_with("-internal")) {
        return Err(InvalidAddress::Internal(given()));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn origin(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(endpoint: Option<&str>, public_host: Option<&str>) -> Result<String, InvalidAddress> {
        Address::new("b", "cn-hangzhou", endpoint, public_host).map(|address| address.base)
    }

    #[test]
    fn each_kind_of_address_has_its_form() {
        for (endpoint, public_host, expected) in [
            (None, None, "https://b.oss-cn-hangzhou.aliyuncs.com"),
            (Some("oss-accelerate.aliyuncs.com"), None, "https://b.oss-accelerate.aliyuncs.com"),
            (Some("https://cn-hangzhou.oss.aliyuncs.com/"), None, "https://b.cn-hangzhou.oss.aliyuncs.com"),
            (Some("http://127.0.0.1:9000"), None, "http://127.0.0.1:9000/b"),
            (Some("http://[::1]:9000"), None, "http://[::1]:9000/b"),
            (Some("http://localhost:9000"), None, "http://localhost:9000/b"),
            (None, Some("static.example.com"), "https://static.example.com"),
            (None, Some("https://static.example.com:8443"), "https://static.example.com:8443"),
        ] {
            assert_eq!(base(endpoint, public_host).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn an_address_that_no_page_should_use_is_refused() {
        for (endpoint, why) in [
            ("http://oss-cn-hangzhou.aliyuncs.com", "PlainHttp"),
            ("http://10.0.0.1:9000", "PlainHttp"),
            ("https://oss-cn-hangzhou-internal.aliyuncs.com", "Internal"),
            ("https://h/path", "Form"),
            ("https://user:pass@h", "Form"),
            ("ftp://h", "Form"),
            ("https://", "Form"),
        ] {
            let error = format!("{:?}", base(Some(endpoint), None).unwrap_err());
            assert!(error.starts_with(why), "{endpoint}: {error}");
        }
    }
}
