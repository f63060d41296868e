//! From checked settings to the rooms' own types.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::access_key_sources::KeySources;
use super::build_auth;
use super::byte_size::ByteSize;
use super::check_edge::UNIX;
use super::check_grant::ROLE_FOR_ALL;
use super::check_serving;
use super::fault::ConfigError;
use super::format;
use super::load::Loaded;
use super::redis;
use super::settings::{
    AuditTarget, AuthSettings, CorsSettings, GrantSettings, LimitSettings, PolicySource, SignatureVersion, StsSettings,
    StsSignature,
};
use super::tls::Tls;
use crate::access_key::{self, AccessKeys, Metadata, Source};
use crate::audit::Destination;
use crate::caller::Authenticator;
use crate::keys::AccessKey;
use crate::limits::Rates;
use crate::policy::{self, Grant, GrantSpec, Grants, ObjectSettings};
use crate::replicas;
use crate::sts::{ClientOptions, SignatureScheme, endpoint};

/// Everything that a server is made of.
#[derive(Debug)]
pub struct Configured {
    /// How STS is reached.
    pub sts: ClientOptions,
    /// STS elsewhere, asked when the first does not answer.
    pub second_sts: Option<ClientOptions>,
    /// The most calls of STS in a second.
    pub calls_per_second: u32,
    /// The most sessions that are held.
    pub max_sessions: usize,
    /// Through what the vault is shared with other replicas, if it is.
    pub replicas: Option<replicas::Options>,
    /// Where the AccessKey comes from, if there is one.
    pub access_keys: Option<AccessKeys>,
    /// Who may ask.
    pub authenticator: Authenticator,
    /// What may be had.
    pub grants: Grants,
    /// Where the audit trail goes, if anywhere.
    pub audit: Option<Destination>,
    /// The collector that spans go to, if they go anywhere.
    pub otel: Option<String>,
    /// The grant behind the published samples' paths, where they are served.
    pub classic: Option<String>,
    /// The hosts that requests may be sent to; if empty, see `local_hosts_only`.
    pub hosts: Vec<String>,
    /// Whether, without `hosts`, only requests for hosts that no other site can have are answered.
    pub local_hosts_only: bool,
    /// Which pages may read our answers.
    pub cors: CorsSettings,
    /// The headers that a page may send besides our own, for forward-auth to see.
    pub page_headers: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpNet>,
    /// Whether whoever comes by a Unix socket is such a proxy too.
    pub unix_proxy: bool,
    /// Whether what did not come over https is refused.
    pub require_https: bool,
    /// What TLS is spoken with, if it is.
    pub tls: Option<Tls>,
    /// How long browsers are told to come by https alone.
    pub hsts: Option<Duration>,
    /// How often one may ask.
    pub rates: Rates,
    /// What requests may cost.
    pub limits: Limits,
    /// How long connections are let in after the signal to stop, and how long is then waited for what is under way.
    pub shutdown: (Duration, Duration),
    /// A folder that is served at `/`.
    pub static_dir: Option<PathBuf>,
}

/// What requests may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of a body.
    pub body: usize,
    /// The longest from the head to the answer.
    pub request_timeout: Duration,
    /// The longest for a client to send a head.
    pub header_timeout: Duration,
    /// The longest for a client to send a body.
    pub body_timeout: Duration,
    /// After which time a connection without traffic is closed.
    pub idle_timeout: Duration,
    /// The most bytes of a head.
    pub head: usize,
    /// The most connections at once.
    pub connections: u32,
    /// The most connections at once from one address.
    pub connections_per_address: u32,
    /// The most requests at once.
    pub in_flight: u32,
}

impl Limits {
    fn of(settings: &LimitSettings) -> Self {
        let bytes = |size: ByteSize| usize::try_from(size.bytes()).unwrap_or(usize::MAX);
        Self {
            body: bytes(settings.body),
            request_timeout: settings.request_timeout,
            header_timeout: settings.header_timeout,
            body_timeout: settings.body_timeout,
            idle_timeout: settings.idle_timeout,
            head: bytes(settings.head),
            connections: settings.connections,
            connections_per_address: settings.connections_per_address.unwrap_or(settings.connections.div_ceil(4)),
            in_flight: settings.in_flight,
        }
    }
}

impl Loaded {
    /// Builds the rooms' types; every fault is told.
    pub fn build(self) -> Result<Configured, ConfigError> {
        let Self { settings, access_key, key_sources, policy_texts, tls, local_hosts_only, .. } = self;
        let mut faults = Vec::new();
        let mut grants = Grants::new();
        let mut rates = Rates::new(settings.limits.per_caller.quota(), settings.limits.per_address.quota());
        if settings.limits.shared {
            rates = rates.shared();
        }
        for (name, grant) in settings.grants {
            if let Some(quota) = grant.limit.quota() {
                rates = rates.with_grant(&name, quota);
            }
            let text = policy_texts.get(&name).cloned();
            // A listener on loopback may have opened the server to all since the settings were checked.
            if settings.auth.serves_anonymous() && grant.policy == PolicySource::Role && grant.audience().is_open() {
                faults.push(format!("grants.{name}.policy {ROLE_FOR_ALL}"));
            }
            match Grant::build(spec(name.clone(), grant, text, Beside { sts: &settings.sts, auth: &settings.auth })) {
                Ok(grant) => {
                    let misuses = check_serving::misuses(&grant, &settings.auth, &settings.classic);
                    faults.extend(misuses.into_iter().map(|(key, problem)| format!("grants.{name}.{key} {problem}")));
                    grants.insert(name, grant);
                }
                Err(problems) => {
                    faults.extend(
                        problems.into_iter().map(|fault| format!("grants.{name}.{}: {}", fault.key, fault.problem)),
                    );
                }
            }
        }
        let of_reads = policy::confine_reads(&mut grants).into_iter();
        faults.extend(of_reads.map(|(name, fault)| format!("grants.{name}.{}: {}", fault.key, fault.problem)));
        let read = grants.values().flat_map(Grant::claims).map(str::to_owned).collect();
        let authenticator = build_auth::authenticator(&settings.auth, &settings.cors, read)
            .map_err(|error| ConfigError::of(format!("auth: {error}")))?;
        let classic = settings.classic.enabled.then_some(settings.classic.grant);
        let (first, second) = endpoints(&settings.sts);
        let options = |key: &str, address: &str| {
            client_options(&settings.sts, address).map_err(|error| ConfigError::of(format!("{key}: {error}")))
        };
        let sts = options("sts.endpoint", &first)?;
        let second_sts = second.map(|second| options("sts.second_endpoint", &second)).transpose()?;
        if !faults.is_empty() {
            return Err(ConfigError::of(faults.join("\n")));
        }
        Ok(Configured {
            access_keys: access_keys(access_key, key_sources, &sts)?,
            sts,
            second_sts,
            calls_per_second: settings.sts.calls_per_second,
            max_sessions: settings.vault.max_sessions,
            replicas: settings.vault.redis.map(redis::options),
            authenticator,
            grants,
            audit: match settings.audit.to {
                AuditTarget::Stdout => Some(Destination::Stdout),
                AuditTarget::Off => None,
                AuditTarget::File(file) => Some(Destination::File(file)),
            },
            otel: settings.otel.endpoint,
            classic,
            hosts: settings.hosts,
            local_hosts_only,
            cors: settings.cors,
            page_headers: settings.auth.forward.map(|forward| forward.headers).unwrap_or_default(),
            proxies: settings.proxy.trusted.iter().filter_map(|network| format::network(network)).collect(),
            unix_proxy: settings.proxy.trusted.iter().any(|proxy| proxy == UNIX),
            require_https: settings.proxy.require_https,
            tls,
            hsts: settings.tls.and_then(|tls| tls.hsts),
            rates,
            limits: Limits::of(&settings.limits),
            shutdown: (settings.shutdown_delay, settings.shutdown_timeout),
            static_dir: settings.static_dir,
        })
    }
}

/// Where the AccessKey comes from: `given` or else one of `sources`.
fn access_keys(
    given: Option<AccessKey>,
    sources: KeySources,
    sts: &ClientOptions,
) -> Result<Option<AccessKeys>, ConfigError> {
    let KeySources { first, second, imds_v1 } = sources;
    let Some(first) = given.map(Source::Given).or(first) else { return Ok(None) };
    let options = access_key::Options { first, second, sts: sts.clone(), metadata: Metadata::of_instance(imds_v1) };
    AccessKeys::new(options).map(Some).map_err(|error| ConfigError::of(format!("access_key: {error}")))
}

/// The address of STS, and another one if it is configured.
fn endpoints(sts: &StsSettings) -> (String, Option<String>) {
    const CENTRAL: &str = "https://sts.aliyuncs.com";
    let regional = || sts.region.as_deref().map(|region| endpoint(region, sts.vpc));
    let first = sts.endpoint.clone().or_else(regional).unwrap_or_else(|| CENTRAL.to_owned());
    (first, sts.second_endpoint.clone())
}

fn client_options(sts: &StsSettings, address: &str) -> Result<ClientOptions, url::ParseError> {
    Ok(ClientOptions {
        endpoint: Url::parse(address)?,
        scheme: match sts.signature {
            StsSignature::V3 => SignatureScheme::Acs3,
            StsSignature::V1 => SignatureScheme::Rpc,
        },
        connect_timeout: sts.connect_timeout,
        timeout: sts.timeout,
    })
}

/// What of the configuration a grant depends on besides its own section.
#[derive(Clone, Copy)]
pub(super) struct Beside<'s> {
    pub(super) sts: &'s StsSettings,
    pub(super) auth: &'s AuthSettings,
}

pub(super) fn spec(name: String, grant: GrantSettings, text: Option<String>, beside: Beside<'_>) -> GrantSpec {
    let Beside { sts, auth } = beside;
    let seconds = |length: Duration| u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
    GrantSpec {
        name,
        audience: grant.audience(),
        bucket: grant.bucket,
        region: grant.region,
        endpoint: grant.endpoint,
        public_host: grant.public_host,
        dir: grant.dir,
        unsafe_id: grant.unsafe_id,
        key: grant.key,
        keys: grant.keys,
        serves_anonymous: auth.may_serve_anonymous(),
        methods: grant.methods.into_iter().collect(),
        min_size: grant.min_size.bytes(),
        max_size: grant.max_size.map(ByteSize::bytes),
        allow_unsized_put: grant.allow_unsized_put,
        content_types: grant.content_types,
        default_content_type: grant.default_content_type,
        object: ObjectSettings { strict_form: grant.strict_form, ..grant.object.into() },
        process_allow: grant.process.allow,
        expires: seconds(grant.expires),
        max_expires: seconds(grant.max_expires),
        signature_v1: grant.signature_versions.contains(&SignatureVersion::V1),
        role_arn: grant.role_arn.or_else(|| sts.role_arn.clone()).unwrap_or_default(),
        session_name: grant.session_name,
        duration: seconds(grant.duration.unwrap_or(sts.duration)),
        external_id: sts.external_id.clone(),
        source_identity: sts.source_identity.clone(),
        policy: match grant.policy {
            PolicySource::Generated => policy::PolicySource::Generated,
            PolicySource::Role => policy::PolicySource::Role,
            PolicySource::File(_) => policy::PolicySource::Text(text.unwrap_or_default()),
        },
        reads: grant.reads,
    }
}
