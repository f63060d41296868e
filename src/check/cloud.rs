//! How the cloud is asked: one HTTP client, one clock set right by the cloud's own.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};

use super::report::{Calls, Outcome};
use crate::clock::Clock;
use crate::diagnose::{Answer, known_of_oss};
use crate::keys::{AccessKey, SessionKey};
use crate::policy::Session;
use crate::signing::v4::{self, PRODUCT, Signer};
use crate::signing::{Request, encode};
use crate::sts::{AssumeRole, Client, StsError};

/// More than any answer that is read here has; a longer one is cut off.
const MAX_ANSWER: usize = 256 * 1024;

/// The longest for name resolution, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(8);

/// The two services and the time.
pub(super) struct Cloud {
    http: reqwest::Client,
    /// For addresses of this machine, which no proxy of the environment is asked for.
    loopback: reqwest::Client,
    sts: Client,
    clock: Arc<dyn Clock>,
    /// How far the cloud's clock is ahead of ours, in milliseconds.
    offset: AtomicI64,
    sts_calls: AtomicU32,
    oss_calls: AtomicU32,
}

/// Where a bucket is, and how its signatures are scoped.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What stands before `/<key>`.
    pub(super) base: String,
    pub(super) bucket: String,
    pub(super) region: String,
}

/// An answer, read to its end.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer, in a sentence without an address: a signed one would be a secret.
#[derive(Debug)]
pub(super) struct NoAnswer(pub(super) String);

/// A request to a bucket.
#[derive(Clone, Copy, Default)]
pub(super) struct Ask<'a> {
    pub(super) method: &'static str,
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl Cloud {
    pub(super) fn new(sts: Client, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        let zero = AtomicU32::default;
        let (http, loopback) = (client(true)?, client(false)?);
        Ok(Self { http, loopback, sts, clock, offset: AtomicI64::default(), sts_calls: zero(), oss_calls: zero() })
    }

    /// The time of the cloud, as far as it is known.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::milliseconds(self.offset.load(Ordering::Relaxed))
    }

    /// This machine's own time.
    pub(super) fn machine_time(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Signs by the cloud's clock from now on, so that a wrong one of ours hides nothing else.
    pub(super) fn correct(&self, offset: TimeDelta) {
        self.offset.store(offset.num_milliseconds(), Ordering::Relaxed);
    }

    pub(super) fn calls(&self) -> Calls {
        Calls { sts: self.sts_calls.load(Ordering::Relaxed), oss: self.oss_calls.load(Ordering::Relaxed) }
    }

    /// Opens a session.
    pub(super) async fn open(&self, session: &Session, access_key: &AccessKey) -> Result<SessionKey, StsError> {
        self.sts_calls.fetch_add(1, Ordering::Relaxed);
        let (role, policy) = (session.role(), session.policy());
        let request = AssumeRole {
            role_arn: &role.arn,
            role_session_name: session.name(),
            duration_seconds: session.duration(),
            policy: policy.as_deref(),
            external_id: role.external_id.as_deref(),
            source_identity: role.source_identity.as_deref(),
        };
        self.sts.assume_role(&request, access_key, self.now()).await.map(|assumed| assumed.session_key)
    }

    /// Asks a bucket with a signature in the headers, as an SDK does.
    pub(super) async fn signed(&self, place: &Place, ask: Ask<'_>, key: &AccessKey) -> Result<Reply, NoAnswer> {
        let proof = self.proof(place, &ask, key);
        let headers: Vec<_> =
            ask.headers.iter().copied().chain(proof.iter().map(|(name, value)| (*name, value.as_str()))).collect();
        self.send(&url_of(place, &ask), Ask { headers: &headers, ..ask }).await
    }

    /// The headers that sign what is asked. Not in the future that sends it, which would have to have room for the signer.
    fn proof(&self, place: &Place, ask: &Ask<'_>, key: &AccessKey) -> Vec<(&'static str, String)> {
        let now = self.now();
        let signer = Signer::new(key, &place.region, PRODUCT, now.date_naive());
        let request = Request {
            method: ask.method,
            bucket: Some(&place.bucket),
            key: ask.key,
            query: ask.query,
            headers: ask.headers,
            additional_headers: &[],
        };
        v4::sign_headers(&request, &signer, now)
    }

    /// Asks a bucket without any signature.
    pub(super) async fn unsigned(&self, place: &Place, ask: Ask<'_>) -> Result<Reply, NoAnswer> {
        self.send(&url_of(place, &ask), ask).await
    }

    /// Sends a request to a URL that says all but method, headers and body.
    pub(super) async fn send(&self, url: &str, ask: Ask<'_>) -> Result<Reply, NoAnswer> {
        self.oss_calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(self.exchange(url, ask)).await
    }

    /// Asks STS for nothing, to hear whether it is there.
    pub(super) async fn knock(&self, endpoint: &str) -> Result<Reply, NoAnswer> {
        self.sts_calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(self.exchange(endpoint, Ask { method: "GET", ..Ask::default() })).await
    }

    async fn exchange(&self, url: &str, ask: Ask<'_>) -> Result<Reply, NoAnswer> {
        let method = Method::from_bytes(ask.method.as_bytes()).expect("the methods here are HTTP's own");
        let client = if is_loopback(url) { &self.loopback } else { &self.http };
        let request = client.request(method, url).body(ask.body.to_vec());
        let request = ask.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut response = request.send().await.map_err(NoAnswer::of)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(NoAnswer::of)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                break;
            }
        }
        Ok(Reply { status, headers, body })
    }
}

fn url_of(place: &Place, ask: &Ask<'_>) -> String {
    let pairs = ask.query.iter().map(|(name, value)| format!("{}={}", encode::value(name), encode::value(value)));
    let query = pairs.collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}/{}{mark}{query}", place.base, encode::path(ask.key.unwrap_or_default()))
}

/// Follows nothing and trusts only HTTPS, but on this machine.
fn client(remote: bool) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("oss-vend/", env!("CARGO_PKG_VERSION")))
        .https_only(remote)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT);
    if remote { builder.build() } else { builder.no_proxy().build() }
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl NoAnswer {
    /// The innermost cause says most: "connection refused" and not "error sending request".
    fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut cause: &dyn Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self(cause.to_string())
    }

    /// As the end of a step.
    pub(super) fn outcome(&self, what: &str) -> Outcome {
        Outcome::failed(format!("{what}: no answer of OSS: {}", self.0))
            .hint("`grants.*.endpoint` or `grants.*.public_host` must name a host that this machine reaches")
    }
}

impl Reply {
    /// The error of OSS or STS in it.
    pub(super) fn error(&self) -> Option<Answer> {
        if self.status.is_success() {
            return None;
        }
        let in_header = self.header("x-oss-err").map(|value| format!("x-oss-err: {value}"));
        Answer::read(&String::from_utf8_lossy(&self.body)).or_else(|| Answer::read(&in_header?))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it was read through a symbolic link, whose target may be any object.
    pub(super) fn is_link(&self) -> bool {
        self.header("x-oss-object-type").is_some_and(|kind| kind.eq_ignore_ascii_case("Symlink"))
    }

    /// The time of whoever answered.
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc2822(self.header("date")?).ok().map(|date| date.to_utc())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether OSS understood and said that this is not allowed, whoever asks.
    pub(super) fn is_denied(&self) -> bool {
        self.error()
            .is_some_and(|error| error.code == "AccessDenied" && !error.message().contains("specified endpoint"))
    }

    /// Whether OSS said that there is no such object, which it says only to those who may look.
    pub(super) fn is_no_such_key(&self) -> bool {
        self.error().is_some_and(|error| error.code == "NoSuchKey")
    }

    /// As the end of a step that wanted a success.
    pub(super) fn refused(&self, what: &str) -> Outcome {
        let Some(error) = self.error() else { return self.not_oss(what) };
        let known = known_of_oss(&error.code, error.ec(), error.message());
        let ec = error.ec().map(|ec| format!(", EC {ec}")).unwrap_or_default();
        let meaning = known.map(|known| format!(": {}", known.meaning)).unwrap_or_default();
        let status = self.status.as_u16();
        let outcome = Outcome::failed(format!("{what} is refused with {status} {}{ec}{meaning}", error.code));
        let outcome = outcome.code(Some(&error.code));
        let hint = match (known, error.request_id()) {
            (Some(known), _) => known.change.to_owned(),
            (None, Some(id)) => format!("this code is not known here; the cloud's support finds the request by {id}"),
            (None, None) => "this code is not known here".to_owned(),
        };
        outcome.hint(hint)
    }

    fn not_oss(&self, what: &str) -> Outcome {
        let how = if self.status.is_redirection() { "it redirects" } else { "its answer is none of OSS's" };
        Outcome::failed(format!("{what}: what answers is not OSS: HTTP {}, {how}", self.status.as_u16())).hint(
            "look at `grants.*.endpoint` and `grants.*.public_host` for a mistyped host, and for a proxy or a login page in \
             between",
        )
    }
}
