//! Reads the configuration file and the environment; nothing else in this crate does.
//!
//! # Who wins
//! A key takes its value from the first of these that has one. An empty variable has none.
//!
//! | | source | what it sets |
//! |---|---|---|
//! | 1 | `OSS_VEND__<SECTION>__<KEY>` | every key; lists as JSON or with commas between |
//! | 2 | the file | every key |
//! | 3 | `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_ACCESS_KEY_SECRET`, `ALIBABA_CLOUD_SECURITY_TOKEN` | the `AccessKey` |
//! | | `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_STS_REGION`, `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED` | `sts.role_arn`, `sts.region`, `sts.vpc` |
//! | | `ALIBABA_CLOUD_ROLE_SESSION_NAME` | `session_name` of every grant |
//! | | `OTEL_EXPORTER_OTLP_ENDPOINT` | `otel.endpoint`, where the program is built with the feature `otel` |
//! | 4 | `OSS_ACCESS_KEY_ID`, `OSS_ACCESS_KEY_SECRET`, `OSS_SESSION_TOKEN` | the `AccessKey` |
//! | | `OSS_STS_ROLE_ARN` | `sts.role_arn` |
//! | | `OSS_BUCKET`, `OSS_REGION`, `OSS_ENDPOINT` | the grant `default`, where the file has no grant |
//! | 5 | `ACCESS_KEY_ID`, `ACCESS_KEY_SECRET`, `RAM_ROLE_ARN`, `BUCKET`, `REGION` | the same |
//! | | `API_KEY_HASH`, `API_KEY_ID` | one API key (`app` without `API_KEY_ID`), where nothing else sets `auth.api_keys` |
//! | 6 | the default | every key but `bucket` and `region` of a grant |
//!
//! Id, secret and token of the `AccessKey` are taken from one source together: the first that sets any of them. Half a
//! pair is an error, never a reason to look further. Where none sets any, and `[access_key]` names no other source, the
//! places are searched that the official SDKs search, in their order: RRSA's variables, the CLI's configuration, the
//! credentials file, the ECS instance's role, `ALIBABA_CLOUD_CREDENTIALS_URI`; each under the SDKs' own variables.
//! `ALIBABA_CLOUD_ROLE_ARN` beside `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` is the pod's role: `sts.role_arn` then takes it last.
//! A grant that is in no file may vend `sts`, `post` and `put`, so that each of the three routes answers; one of a file has
//! the default.
//! An unknown `OSS_VEND__…` variable is an error, as an unknown key is.
//!
//! # Every key
//! A grant's name stands where `default` does; in a variable its `-` is written `_`. Meaning and reason of each key are in
//! `config/oss-vend.example.toml`.
//!
#![doc = include_str!("reference.md")]

mod access_key;
mod access_key_settings;
mod access_key_sources;
mod auth_settings;
mod build;
mod build_auth;
mod byte_size;
mod changes;
mod check;
mod check_audience;
mod check_auth;
mod check_edge;
mod check_grant;
mod check_identities;
mod check_serving;
mod count;
mod duration;
mod environment;
mod fault;
mod files;
mod format;
mod grant_settings;
mod load;
mod overlay;
mod problem;
mod rate;
mod read;
mod redis;
mod redis_settings;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod tree;
mod widening;

use serde::Deserialize;
use serde::de::Deserializer;

pub use access_key_sources::KeySources;
pub use build::{Configured, Limits};
pub use byte_size::{ByteSize, NotASize};
pub use changes::{Changes, Written};
pub use environment::Environment;
pub use fault::ConfigError;
pub use files::{Content, Files};
pub use load::Loaded;
pub use rate::Rate;
pub use settings::{
    AccessKeySettings, AdminSettings, ApiKeySettings, AuditSettings, AuditTarget, AuthSettings, ClassicSettings,
    CorsSettings, ForwardSettings, FrontSettings, GrantObjectSettings, GrantSettings, JwtSettings, KeySource,
    LimitSettings, OtelSettings, PolicySource, ProcessSettings, ProxySettings, RedisMode, RedisSettings, RuleSettings,
    SecondKeySettings, Settings, SignatureVersion, StsSettings, StsSignature, TlsSettings, VaultSettings,
};
pub use tls::Tls;
pub use widening::AccessRules;

use crate::keys::Secret;

/// Reads a secret that may be absent.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}
