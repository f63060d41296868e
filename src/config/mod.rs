//! Reads the configuration file and the environment; nothing else in this crate does.

mod byte_size;
mod duration;
mod settings;

use serde::Deserialize;
use serde::de::Deserializer;

pub use byte_size::{ByteSize, NotASize};
pub use settings::{
    AccessKeySettings, ApiKeySettings, AuthSettings, ClassicSettings, CorsSettings, GrantSettings, LimitSettings,
    Method, PolicySource, Settings, SignatureVersion, StsSettings, StsSignature,
};

use crate::keys::Secret;

/// Reads a secret that may be absent.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}
