//! Loads of whole configurations.

mod access_key;
mod auth;
mod environment;
mod example;
mod faults;
mod key_sources;
mod overlaps;
mod redis;
mod tls;
mod uploads;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{ConfigError, Environment, Loaded, Settings};

/// The least that a file needs to be accepted.
const LEAST: &str =
    "[sts]\nrole_arn = \"acs:ram::1:role/r\"\n[grants.default]\nbucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\n";

/// The least that an environment needs to do without a file.
const PLAIN: [(&str, &str); 3] =
    [("BUCKET", "examplebucket"), ("REGION", "cn-hangzhou"), ("RAM_ROLE_ARN", "acs:ram::1:role/r")];

/// A folder with a file `oss-vend.toml` in it.
struct Folder(TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::write(folder.path("oss-vend.toml"), text).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        Settings::load(Some(&self.path("oss-vend.toml")), &environment(variables))
    }

    /// What is wrong, with the folder taken out of the names.
    fn faults(&self, variables: &[(&str, &str)]) -> String {
        let folder = format!("{}/", self.0.path().display());
        self.load(variables).unwrap_err().to_string().replace(&folder, "")
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().copied().collect()
}

fn load(text: &str, variables: &[(&str, &str)]) -> Loaded {
    Folder::with(text).load(variables).unwrap_or_else(|error| panic!("{error}"))
}

fn load_plain(variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let all: Vec<_> = PLAIN.iter().chain(variables).copied().collect();
    Settings::load(None, &environment(&all))
}
