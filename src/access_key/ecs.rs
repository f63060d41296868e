//! The RAM role of the ECS instance, from its metadata service.
//!
//! <https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata>

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use super::document::{self, Code, Obtained};
use super::error::Fault;
use super::outbound::{Outbound, Reply};

/// The metadata service, and how it is asked.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Where it is: `http://100.100.100.200`, which no network lies before; tests have theirs elsewhere.
    pub base: Url,
    /// Whether it may be asked without a token (`IMDSv1`) where it gives none.
    pub v1: bool,
}

impl Metadata {
    /// The service of an instance.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn of_instance(v1: bool) -> Self {
        Self { base: Url::parse("http://100.100.100.200").expect("the address is one"), v1 }
    }
}

const TTL: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token");

/// A token is taken for each renewal, so a minute is ample.
const TTL_SECONDS: HeaderValue = HeaderValue::from_static("60");

const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

/// The key of `role`, or of the role that is attached.
pub(super) async fn obtain(http: &Outbound, metadata: &Metadata, role: Option<&str>) -> Result<Obtained, Fault> {
    let headers = headers(http, metadata).await?;
    let role = match role {
        Some(role) => role.to_owned(),
        None => attached(http, metadata, headers.clone()).await?,
    };
    let text = ask(http, metadata, &format!("{ROLES}{role}"), headers).await?.good()?;
    let obtained = document::read(&text, Code::Required)?;
    if obtained.key.token.is_none() { Err(Fault::Lacks("SecurityToken")) } else { Ok(obtained) }
}

/// The header with the token of `IMDSv2`. Where there is none to be had, none, unless that is not allowed.
async fn headers(http: &Outbound, metadata: &Metadata) -> Result<HeaderMap, Fault> {
    let url = at(metadata, "/latest/api/token")?;
    let reply = http.ask(Method::PUT, url, HeaderMap::from_iter([(TTL, TTL_SECONDS)])).await?;
    match reply.good().and_then(|token| header(&token)) {
        Ok(token) => Ok(HeaderMap::from_iter([(TOKEN, token)])),
        Err(_) if metadata.v1 => Ok(HeaderMap::new()),
        Err(fault) => Err(fault),
    }
}

fn header(token: &[u8]) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_bytes(token.trim_ascii()).map_err(|_| Fault::Malformed("the metadata token"))?;
    value.set_sensitive(true);
    if value.is_empty() { Err(Fault::Lacks("metadata token")) } else { Ok(value) }
}

async fn attached(http: &Outbound, metadata: &Metadata, headers: HeaderMap) -> Result<String, Fault> {
    let text = ask(http, metadata, ROLES, headers).await?.good()?;
    let name = String::from_utf8_lossy(text.trim_ascii()).into_owned();
    if is_role_name(&name) { Ok(name) } else { Err(Fault::Malformed("the role's name")) }
}

async fn ask(http: &Outbound, metadata: &Metadata, path: &str, headers: HeaderMap) -> Result<Reply, Fault> {
    let reply = http.ask(Method::GET, at(metadata, path)?, headers).await?;
    if reply.status == StatusCode::NOT_FOUND { Err(Fault::NoRole) } else { Ok(reply) }
}

fn at(metadata: &Metadata, path: &str) -> Result<Url, Fault> {
    metadata.base.join(path).map_err(|_| Fault::Malformed("the role's name"))
}

/// `[A-Za-z0-9._-]{1,64}`: what a path can carry as it is.
pub(super) fn is_role_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&text.len()) && ![".", ".."].contains(&text) && text.bytes().all(plain)
}
