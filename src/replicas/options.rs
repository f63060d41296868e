//! How Redis is reached, and what seals the entries.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::Secret;

/// How Redis is reached, and what is shared through it.
#[derive(Clone, Debug)]
pub struct Options {
    /// `redis://host:port/db` or `rediss://…`: one server, the sentinels, or some nodes of the cluster.
    pub urls: Vec<String>,
    /// What those addresses are.
    pub mode: Mode,
    /// The user that Redis knows us by.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The authorities whose certificates are believed, as PEM; without it, those that the system trusts.
    pub authorities: Option<String>,
    /// What all names in Redis begin with.
    pub prefix: String,
    /// The longest to connect; no request waits for it.
    pub connect_timeout: Duration,
    /// The longest for an answer. Beyond it Redis is left alone until it answers again.
    pub timeout: Duration,
    /// What seals entries: the first one does, and all of them open.
    pub sealing_keys: Vec<SealingKey>,
    /// How many replicas there are, for as long as Redis has not told.
    pub replicas: Option<u32>,
}

/// What the addresses are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mode {
    /// One server.
    Single,
    /// Sentinels that know the server called `master`.
    Sentinel {
        /// Its name.
        master: String,
    },
    /// Nodes of a cluster.
    Cluster,
}

/// A key of 256 bits with a name that is no secret.
#[derive(Clone, Debug)]
pub struct SealingKey {
    /// Its name, 1 to 32 characters.
    pub id: String,
    secret: Secret,
}

/// The bytes of a sealing key.
const LENGTH: usize = 32;
/// The most characters of its name.
const LONGEST_ID: usize = 32;

impl SealingKey {
    /// Reads `id:key`, the key in Base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, key) = text.split_once(':')?;
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let parsed = Self { id: id.to_owned(), secret: Secret::new(key) };
        ((1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(named) && parsed.bytes().is_some()).then_some(parsed)
    }

    pub(super) fn bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = Zeroizing::new(STANDARD.decode(self.secret.expose()).ok()?);
        (bytes.len() == LENGTH).then_some(bytes)
    }
}

/// Why options cannot be used.
#[derive(Debug, Error)]
pub enum Unusable {
    /// There is no address, or one that is none of Redis.
    #[error("vault.redis.urls: {0}")]
    Address(String),
    /// Redis' certificate authorities cannot be read.
    #[error("vault.redis.ca_file: {0}")]
    Authorities(String),
    /// There is no key to seal with, or one that is no key.
    #[error("vault.redis.sealing_keys: at least one \"id:key\" is needed, its key 32 bytes in Base64")]
    SealingKey,
}
