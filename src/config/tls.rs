//! The certificate and the key that the server itself speaks TLS with.

use std::fmt::{self, Debug, Formatter};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::check::Check;
use super::problem::Problem;
use super::settings::{Settings, TlsSettings};

/// What TLS is spoken with.
#[derive(Clone)]
pub struct Tls {
    /// Versions, protocols, certificate and key.
    pub server: Arc<ServerConfig>,
    /// When the certificate ends, if that can be read from it.
    pub ends: Option<DateTime<Utc>>,
    /// Stands for certificate and key where configurations are compared.
    pub(super) mark: String,
}

impl Debug for Tls {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// The key that is to blame, and why.
type Fault = (&'static str, String);

impl Check<'_> {
    /// Where the paths of the two files start.
    pub(super) fn tls_paths(&self, tls: &mut TlsSettings) {
        self.anchor(&["tls", "certificate"], &mut tls.certificate);
        self.anchor(&["tls", "key"], &mut tls.key);
    }

    /// What the two files hold, if they go together.
    pub(super) fn tls(&mut self, settings: &Settings) -> Option<Tls> {
        let tls = settings.tls.as_ref()?;
        for (key, file) in [("certificate", &tls.certificate), ("key", &tls.key)] {
            if file.as_os_str().is_empty() {
                self.missing(&["tls", key], "certificate and key are two files, or one that is named twice");
                return None;
            }
        }
        match Tls::read(tls) {
            Ok(tls) => Some(tls),
            Err((key, problem)) => {
                self.blame(&["tls", key], &Problem::Other(problem));
                None
            }
        }
    }
}

impl Tls {
    fn read(settings: &TlsSettings) -> Result<Self, Fault> {
        let named = |key, file: &Path, problem: String| (key, format!("{problem}: {}", file.display()));
        let bytes = |key, file: &Path| {
            let problem =
                |error: std::io::Error| (key, format!("must be a file that can be read; {}: {error}", file.display()));
            fs::read(file).map(Zeroizing::new).map_err(problem)
        };
        let (certificate, key) = (bytes("certificate", &settings.certificate)?, bytes("key", &settings.key)?);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate).filter_map(Result::ok).collect();
        let Some(first) = chain.first() else {
            let problem = "must be a PEM file with the server's certificate first and its issuers after it";
            return Err(named("certificate", &settings.certificate, problem.to_owned()));
        };
        let ends = not_after(first);
        let mark = Sha256::new_with_prefix(&*certificate).chain_update(&*key).finalize();
        // What is wrong with a key is not told in words of its own.
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
            named("key", &settings.key, "must be a PEM file with a private key that has no password".to_owned())
        })?;
        let server = server_config(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                named("key", &settings.key, "is not the key of tls.certificate".to_owned())
            }
            error => named("certificate", &settings.certificate, format!("cannot be used with tls.key ({error})")),
        })?;
        Ok(Self { server: Arc::new(server), ends, mark: const_hex::encode(mark) })
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The end of a certificate's life (RFC 5280 §4.1): the second time in the fourth or fifth element of what is signed.
fn not_after(certificate: &[u8]) -> Option<DateTime<Utc>> {
    const VERSION: u8 = 0xA0;
    const UTC_TIME: u8 = 0x17;
    let (_, certificate, _) = element(certificate)?;
    let (_, signed, _) = element(certificate)?;
    let mut rest = signed;
    if element(rest)?.0 == VERSION {
        rest = element(rest)?.2;
    }
    for _serial_algorithm_issuer in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (kind, time, _) = element(element(validity)?.2)?;
    let text = std::str::from_utf8(time).ok()?;
    let century = match (kind, text.get(..2)?.parse::<u8>().ok()?) {
        (UTC_TIME, 50..) => "19",
        (UTC_TIME, _) => "20",
        _ => "",
    };
    NaiveDateTime::parse_from_str(&format!("{century}{text}"), "%Y%m%d%H%M%SZ").ok().map(|time| time.and_utc())
}

/// Tag and content of the first element of `der`, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7F => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}
