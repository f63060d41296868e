//! The configuration file as types: one struct for a table, one field for a key, same names, each with its default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::byte_size::ByteSize;
use super::count::count;
use super::duration;
use super::rate::Rate;

pub use super::access_key_settings::{AccessKeySettings, KeySource, SecondKeySettings};
pub use super::auth_settings::{ApiKeySettings, AuthSettings, ForwardSettings, JwtSettings, ProxySettings};
pub use super::grant_settings::{
    GrantObjectSettings, GrantSettings, PolicySource, ProcessSettings, RuleSettings, SignatureVersion,
};
pub use super::redis_settings::{RedisMode, RedisSettings};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Settings {
    /// Where the server listens: `address:port`, `host:port` or `unix:/path`.
    pub listen: String,
    /// The hosts that requests may be sent to, names or IP addresses without a port; if empty, any, or where loopback is
    /// the only reason that callers without proof are served, IP addresses, `localhost` and `*.localhost`.
    pub hosts: Vec<String>,
    /// After the signal to stop, how long new connections are still taken while `/readyz` says no.
    #[serde(deserialize_with = "duration::required")]
    pub shutdown_delay: Duration,
    /// How long requests that are under way may then take to end.
    #[serde(deserialize_with = "duration::required")]
    pub shutdown_timeout: Duration,
    /// A folder that is served at `/`; a relative one is seen from the folder of the file that names it.
    pub static_dir: Option<PathBuf>,
    /// How STS is reached, and what every session shares.
    pub sts: StsSettings,
    /// How much is remembered.
    pub vault: VaultSettings,
    /// The key that calls STS. `Settings::load` moves it into `Loaded` and leaves the defaults here.
    pub access_key: AccessKeySettings,
    /// Who may ask.
    pub auth: AuthSettings,
    /// Which pages may ask from a browser.
    pub cors: CorsSettings,
    /// What stands in front of the server.
    pub proxy: FrontSettings,
    /// TLS of the server's own.
    pub tls: Option<TlsSettings>,
    /// What requests may cost, and how often they may come.
    pub limits: LimitSettings,
    /// The trail of who got what.
    pub audit: AuditSettings,
    /// The operator's own listener.
    pub admin: AdminSettings,
    /// The collector of spans.
    pub otel: OtelSettings,
    /// The paths of the published samples.
    pub classic: ClassicSettings,
    /// What may be vended, by name; a name is `[a-z0-9][a-z0-9_-]{0,31}`. Never empty once loaded.
    pub grants: BTreeMap<String, GrantSettings>,
}

/// `[sts]`: how STS is reached, and what every session shares.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct StsSettings {
    /// The region whose STS is asked, such as `cn-hangzhou`; without it the central address is.
    pub region: Option<String>,
    /// The address of STS as `https://host`, in place of the one that follows from `region`; loopback may be `http`.
    pub endpoint: Option<String>,
    /// The address of another region's STS, asked when the first one does not answer.
    pub second_endpoint: Option<String>,
    /// Whether to take the address that only a VPC reaches; needs `region`.
    pub vpc: bool,
    /// The role to assume where a grant names none: `acs:ram::<account>:role/<name>`.
    pub role_arn: Option<String>,
    /// The `ExternalId` that the role's trust policy demands.
    pub external_id: Option<String>,
    /// The `SourceIdentity` of every session.
    pub source_identity: Option<String>,
    /// The life of a session where a grant sets none: whole seconds, 900 to 43,200, and no longer than the role allows.
    #[serde(deserialize_with = "duration::required")]
    pub duration: Duration,
    /// How requests to STS are signed.
    pub signature: StsSignature,
    /// The longest time to open a connection to STS.
    #[serde(deserialize_with = "duration::required")]
    pub connect_timeout: Duration,
    /// The longest time for a whole call to STS.
    #[serde(deserialize_with = "duration::required")]
    pub timeout: Duration,
    /// The most calls of STS in a second.
    pub calls_per_second: u32,
}

/// `[vault]`: how much is remembered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct VaultSettings {
    /// The most sessions that are held, at least 10.
    pub max_sessions: usize,
    /// What several replicas share their sessions through.
    pub redis: Option<RedisSettings>,
}

/// The two schemes STS understands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum StsSignature {
    /// ACS3-HMAC-SHA256.
    V3,
    /// RPC 1.0 with HMAC-SHA1, for private clouds that know no other.
    V1,
}

/// `[cors]`: which pages may ask from a browser.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct CorsSettings {
    /// Origins exactly as a browser sends them, such as `https://app.example.com`; `*` alone is every page there is.
    pub origins: Vec<String>,
    /// Origins with any one label in front, such as `https://*.example.com`, which is not `https://example.com`.
    pub origin_patterns: Vec<String>,
    /// Whether those pages may send cookies along.
    pub credentials: bool,
    /// How long a browser may remember that it may ask.
    #[serde(deserialize_with = "duration::required")]
    pub max_age: Duration,
}

/// `[proxy]`: what stands in front of the server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct FrontSettings {
    /// The addresses or networks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`; `unix` is whoever
    /// comes by a Unix socket.
    pub trusted: Vec<String>,
    /// Whether requests are refused that did not come over https, to us or to one of those proxies.
    pub require_https: bool,
}

/// `[tls]`: TLS of the server's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct TlsSettings {
    /// A PEM file with the server's certificate and, after it, those of its issuers.
    pub certificate: PathBuf,
    /// A PEM file with its private key.
    pub key: PathBuf,
    /// How long browsers are told to come by https alone (`Strict-Transport-Security`).
    #[serde(deserialize_with = "duration::optional")]
    pub hsts: Option<Duration>,
}

/// `[limits]`: what requests may cost, and how often they may come.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct LimitSettings {
    /// The largest request body.
    pub body: ByteSize,
    /// The longest time from the request's head to the end of the answer.
    #[serde(deserialize_with = "duration::required")]
    pub request_timeout: Duration,
    /// The longest time for a client to send a request's head, from its first byte; and from the start of a connection to
    /// that byte, TLS handshake included.
    #[serde(deserialize_with = "duration::required")]
    pub header_timeout: Duration,
    /// The longest time for a client to send a request's body.
    #[serde(deserialize_with = "duration::required")]
    pub body_timeout: Duration,
    /// After which time a connection on which nothing happens is closed; at the latest after twice that.
    #[serde(deserialize_with = "duration::required")]
    pub idle_timeout: Duration,
    /// The largest head of a request: 8 KiB to 1 MiB.
    pub head: ByteSize,
    /// The most connections at once; later ones wait to be accepted.
    #[serde(deserialize_with = "count")]
    pub connections: u32,
    /// The most connections at once from one address, or one /64 of IPv6; more are closed at once. A quarter of
    /// `connections` without it. Loopback, Unix sockets and trusted proxies have no such limit.
    #[serde(deserialize_with = "super::count::optional")]
    pub connections_per_address: Option<u32>,
    /// The most requests at once; later ones are refused.
    #[serde(deserialize_with = "count")]
    pub in_flight: u32,
    /// How often each known caller may ask.
    pub per_caller: Rate,
    /// Whether what callers ask of other replicas counts too; needs `[vault.redis]`.
    pub shared: bool,
    /// How often may be asked from each address, or each /64 of IPv6.
    pub per_address: Rate,
}

/// `[audit]`: the trail of who got what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct AuditSettings {
    /// Where it goes.
    pub to: AuditTarget,
}

/// Where the audit trail goes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub enum AuditTarget {
    /// `"stdout"`: standard output, which nothing else writes to.
    #[default]
    Stdout,
    /// `"off"`: nowhere.
    Off,
    /// Anything else: the end of this file; a relative one is seen from the folder of the file that names it.
    File(PathBuf),
}

impl From<String> for AuditTarget {
    fn from(text: String) -> Self {
        match text.as_str() {
            "stdout" => Self::Stdout,
            "off" => Self::Off,
            _ => Self::File(text.into()),
        }
    }
}

/// `[admin]`: the operator's own listener, with `/metrics`, `/healthz` and `/readyz`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct AdminSettings {
    /// Where it listens: `address:port` or `host:port`; nowhere without it.
    pub listen: Option<String>,
}

/// `[otel]`: the collector of spans, for a program that is built with the feature `otel`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct OtelSettings {
    /// Its address as `https://host`; loopback may be `http`. Spans go to `/v1/traces` there.
    pub endpoint: Option<String>,
}

/// `[classic]`: the paths of the published samples.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ClassicSettings {
    /// Whether the paths answer. Their forms carry no token, so the long-lived key itself signs them.
    pub enabled: bool,
    /// The grant they vend from.
    pub grant: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Loopback: nobody else can reach a server whose operator has not decided who may.
            listen: "127.0.0.1:8000".to_owned(),
            hosts: Vec::new(),
            // Where a load balancer asks /readyz, longer than it takes to notice.
            shutdown_delay: Duration::ZERO,
            // Below the half minute after which containers are killed.
            shutdown_timeout: Duration::from_secs(20),
            static_dir: None,
            sts: StsSettings::default(),
            vault: VaultSettings::default(),
            access_key: AccessKeySettings::default(),
            auth: AuthSettings::default(),
            cors: CorsSettings::default(),
            proxy: FrontSettings::default(),
            tls: None,
            limits: LimitSettings::default(),
            audit: AuditSettings::default(),
            admin: AdminSettings::default(),
            otel: OtelSettings::default(),
            classic: ClassicSettings::default(),
            grants: BTreeMap::new(),
        }
    }
}

impl Default for StsSettings {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: None,
            second_endpoint: None,
            vpc: false,
            role_arn: None,
            external_id: None,
            source_identity: None,
            // STS's own default, which every role allows.
            duration: Duration::from_hours(1),
            signature: StsSignature::V3,
            connect_timeout: Duration::from_secs(2),
            // Below `limits.request_timeout`, so that a page hears of a slow STS from us.
            timeout: Duration::from_secs(8),
            // Beneath the account's 100, which others share.
            calls_per_second: 80,
        }
    }
}

impl Default for VaultSettings {
    fn default() -> Self {
        // About 2 KB each, so 200 MB at the most.
        Self { max_sessions: 100_000, redis: None }
    }
}

impl Default for CorsSettings {
    fn default() -> Self {
        Self { origins: Vec::new(), origin_patterns: Vec::new(), credentials: false, max_age: Duration::from_mins(10) }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            // A hundred items of `/presigned-url` with keys of 600 bytes each.
            body: ByteSize::new(64 * 1024),
            request_timeout: Duration::from_secs(15),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            // Longer than the minute for which proxies keep a connection: who closes first must not be us.
            idle_timeout: Duration::from_secs(75),
            head: ByteSize::new(32 * 1024),
            // Ten thousand pages may be waiting for the first session together.
            connections: 16_384,
            connections_per_address: None,
            in_flight: 16_384,
            // A page that signs five hundred files one by one does not meet it.
            per_caller: Rate::per_second(20, 500),
            shared: false,
            // An office behind one address.
            per_address: Rate::per_second(100, 2000),
        }
    }
}

impl Default for ClassicSettings {
    fn default() -> Self {
        Self { enabled: false, grant: "default".to_owned() }
    }
}
