//! `[vault.redis]`, checked and built.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use super::check::Check;
use super::problem::{Problem, step};
use super::redis_settings::{RedisMode, RedisSettings};
use crate::replicas::{Mode, Options, SealingKey};

const PREFIX: &str = "1 to 64 characters of [A-Za-z0-9:_.-]";
const ADDRESS: &str = "\"redis://host:port\", or \"rediss://\" for TLS, without user, password and parameters";

impl Check<'_> {
    pub(super) fn redis(&mut self, redis: &mut RedisSettings) {
        if redis.urls.is_empty() {
            self.missing(
                &["vault", "redis", "urls"],
                "it says where Redis is, such as [\"redis://redis.internal:6379\"]",
            );
        }
        for (index, url) in redis.urls.iter().enumerate() {
            if !is_address(url) {
                // What was found stays unsaid: such a text may hold a password.
                self.blame(&["vault", "redis", "urls", &step(index)], &Problem::expected(ADDRESS));
            }
        }
        if redis.mode == RedisMode::Single && redis.urls.len() > 1 {
            let text = "has one address unless vault.redis.mode is \"sentinel\" or \"cluster\"";
            self.blame(&["vault", "redis", "urls"], &Problem::Other(text.to_owned()));
        }
        match (redis.mode == RedisMode::Sentinel, redis.master.is_some()) {
            (true, false) => {
                self.missing(&["vault", "redis", "master"], "it is the name by which the sentinels know the server");
            }
            (false, true) => {
                let text = "is for vault.redis.mode = \"sentinel\" alone";
                self.blame(&["vault", "redis", "master"], &Problem::Other(text.to_owned()));
            }
            _ => {}
        }
        self.text(&["vault", "redis", "prefix"], &redis.prefix, is_prefix, PREFIX);
        self.sealing_keys(redis);
        self.positive(&["vault", "redis", "connect_timeout"], redis.connect_timeout);
        self.positive(&["vault", "redis", "timeout"], redis.timeout);
        if let Some(file) = &mut redis.ca_file {
            self.anchor(&["vault", "redis", "ca_file"], file);
            match authorities(file) {
                Ok(pem) => redis.authorities = Some(pem),
                Err(problem) => self.blame(&["vault", "redis", "ca_file"], &Problem::Other(problem)),
            }
        }
    }

    fn sealing_keys(&mut self, redis: &RedisSettings) {
        if redis.sealing_keys.is_empty() {
            let advice = "what lies in Redis is sealed: give \"id:key\", the key as of `openssl rand -base64 32`";
            self.missing(&["vault", "redis", "sealing_keys"], advice);
        }
        let mut ids = Vec::new();
        for (index, key) in redis.sealing_keys.iter().enumerate() {
            let path = ["vault", "redis", "sealing_keys", &step(index)];
            match SealingKey::parse(key.expose()) {
                None => self.blame(&path, &Problem::expected("\"id:key\", the key as of `openssl rand -base64 32`")),
                Some(key) if ids.contains(&key.id) => {
                    self.blame(&path, &Problem::Other("has the id of another key: each needs its own".to_owned()));
                }
                Some(key) => ids.push(key.id),
            }
        }
    }
}

/// What checked settings come to.
pub(super) fn options(redis: RedisSettings) -> Options {
    Options {
        urls: redis.urls,
        mode: match redis.mode {
            RedisMode::Single => Mode::Single,
            RedisMode::Sentinel => Mode::Sentinel { master: redis.master.unwrap_or_default() },
            RedisMode::Cluster => Mode::Cluster,
        },
        user: redis.user,
        password: redis.password,
        authorities: redis.authorities,
        prefix: redis.prefix,
        connect_timeout: redis.connect_timeout,
        timeout: redis.timeout,
        sealing_keys: redis.sealing_keys.iter().filter_map(|key| SealingKey::parse(key.expose())).collect(),
        replicas: redis.replicas,
    }
}

fn is_address(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let database = url.path().trim_start_matches('/');
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    bare && has_host
        && matches!(url.scheme(), "redis" | "rediss" | "valkey" | "valkeys")
        && (database.is_empty() || database.parse::<u16>().is_ok())
}

/// Braces would tell a cluster where to keep everything.
fn is_prefix(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'.' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

fn authorities(file: &Path) -> Result<String, String> {
    let pem = fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    match certificates.next() {
        Some(Ok(_)) if certificates.all(|certificate| certificate.is_ok()) => Ok(pem),
        _ => Err("must hold certificates as PEM".to_owned()),
    }
}
