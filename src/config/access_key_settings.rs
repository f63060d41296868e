//! The AccessKey of the configuration file as a type.

use std::path::PathBuf;

use serde::Deserialize;

use super::secret;
use crate::keys::Secret;

/// `[access_key]`: the key that may call `AssumeRole`, or where it comes from. The environment is the better place for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct AccessKeySettings {
    /// The public half, such as `LTAI5t…`.
    pub id: Option<String>,
    /// The half that signs.
    #[serde(deserialize_with = "secret")]
    pub secret: Option<Secret>,
    /// The `SecurityToken`, when the key itself is temporary.
    #[serde(deserialize_with = "secret")]
    pub token: Option<Secret>,
    /// The one place that is asked; without it the places are searched as the official SDKs do.
    pub source: Option<KeySource>,
    /// A JSON file with the key; a relative path is seen from the folder of the file that names it.
    pub file: Option<PathBuf>,
    /// The profile in the file of the SDKs or of the CLI.
    pub profile: Option<String>,
    /// The role of the ECS instance; without it the one that is attached.
    pub ecs_role: Option<String>,
    /// Whether the metadata service may be asked without a token (`IMDSv1`) where it gives none.
    pub imds_v1: bool,
    /// The identity provider whose token takes a role: `acs:ram::<account>:oidc-provider/<name>`.
    pub oidc_provider_arn: Option<String>,
    /// The role that the token takes.
    pub oidc_role_arn: Option<String>,
    /// The file with the token.
    pub oidc_token_file: Option<PathBuf>,
    /// The address that gives the key: `https`, or `http` on this machine.
    pub uri: Option<String>,
    /// A program that prints the key, and its arguments.
    pub command: Vec<String>,
    /// The AccessKey that stands in for the first.
    pub second: SecondKeySettings,
}

/// `[access_key.second]`: id and secret, or a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct SecondKeySettings {
    /// The public half.
    pub id: Option<String>,
    /// The half that signs.
    #[serde(deserialize_with = "secret")]
    pub secret: Option<Secret>,
    /// A JSON file with the key, in place of both.
    pub file: Option<PathBuf>,
}

/// `access_key.source`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum KeySource {
    /// `access_key.file`.
    File,
    /// The credentials file of the SDKs.
    Profile,
    /// The configuration of the CLI.
    Cli,
    /// A role, by the token in `access_key.oidc_token_file`.
    Oidc,
    /// The role of the ECS instance.
    Ecs,
    /// `access_key.uri`.
    Uri,
    /// `access_key.command`.
    Command,
}

impl Default for AccessKeySettings {
    fn default() -> Self {
        Self {
            id: None,
            secret: None,
            token: None,
            source: None,
            file: None,
            profile: None,
            ecs_role: None,
            // As the official SDKs have it.
            imds_v1: true,
            oidc_provider_arn: None,
            oidc_role_arn: None,
            oidc_token_file: None,
            uri: None,
            command: Vec::new(),
            second: SecondKeySettings::default(),
        }
    }
}
