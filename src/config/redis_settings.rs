//! `[vault.redis]` as types.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Deserializer;

use super::count;
use super::duration;
use super::secret;
use crate::keys::Secret;

/// `[vault.redis]`: what several replicas share their sessions through.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct RedisSettings {
    /// `redis://host:port`, or `rediss://…` for TLS: the server, the sentinels, or some nodes of the cluster.
    pub urls: Vec<String>,
    /// What those addresses are.
    pub mode: RedisMode,
    /// The name by which the sentinels know the server.
    pub master: Option<String>,
    /// The user that Redis knows us by.
    pub user: Option<String>,
    /// Its password, which sentinels share.
    #[serde(deserialize_with = "secret")]
    pub password: Option<Secret>,
    /// The authorities that signed Redis' certificate, as PEM; without it those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// What `ca_file` holds; the check reads it.
    #[serde(skip)]
    pub authorities: Option<String>,
    /// What all names in Redis begin with.
    pub prefix: String,
    /// What seals the entries: `id:` and 32 bytes in Base64. The first one seals, all of them open.
    #[serde(deserialize_with = "secrets")]
    pub sealing_keys: Vec<Secret>,
    /// The longest time to connect; no request waits for it.
    #[serde(deserialize_with = "duration::required")]
    pub connect_timeout: Duration,
    /// The longest time for an answer of Redis.
    #[serde(deserialize_with = "duration::required")]
    pub timeout: Duration,
    /// How many replicas there are, for as long as Redis has not told.
    #[serde(deserialize_with = "count::optional")]
    pub replicas: Option<u32>,
}

/// What the addresses of Redis are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum RedisMode {
    /// One server.
    #[default]
    Single,
    /// Sentinels, which know the server.
    Sentinel,
    /// Nodes of a cluster.
    Cluster,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            mode: RedisMode::Single,
            master: None,
            user: None,
            password: None,
            ca_file: None,
            authorities: None,
            prefix: "oss-vend".to_owned(),
            sealing_keys: Vec::new(),
            connect_timeout: Duration::from_secs(2),
            // Some hundred times what Redis takes, and a wait that nobody notices.
            timeout: Duration::from_millis(250),
            replicas: None,
        }
    }
}

fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.into_iter().map(Secret::new).collect())
}
