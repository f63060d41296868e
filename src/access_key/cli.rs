//! The configuration of the Alibaba Cloud CLI, `~/.aliyun/config.json`.
//!
//! <https://www.alibabacloud.com/help/en/cli/configure-credentials>

use std::path::PathBuf;

use serde::Deserialize;

use super::document::{self, secret};
use super::error::Fault;
use super::role::{ChainedRole, OidcRole};
use super::source::{SESSION_NAME, Source};
use crate::keys::{AccessKey, Secret};

/// How many profiles may lean on one another.
const DEPTH: u32 = 5;

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    current: String,
    #[serde(default)]
    profiles: Vec<Profile>,
}

/// One profile; which of these count, its mode says.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Profile {
    name: String,
    mode: String,
    access_key_id: Option<String>,
    #[serde(deserialize_with = "secret")]
    access_key_secret: Option<Secret>,
    #[serde(deserialize_with = "secret")]
    sts_token: Option<Secret>,
    ram_role_name: Option<String>,
    ram_role_arn: Option<String>,
    ram_session_name: Option<String>,
    policy: Option<String>,
    external_id: Option<String>,
    expired_seconds: Option<u32>,
    #[serde(rename = "source_profile")]
    base: Option<String>,
    oidc_provider_arn: Option<String>,
    oidc_token_file: Option<PathBuf>,
    process_command: Option<String>,
}

/// The source that the profile `name`, or else the current one, of the file `text` describes.
pub(super) fn source(text: &[u8], name: Option<&str>) -> Result<Source, Fault> {
    let config: Config = serde_json::from_slice(text).map_err(|_| Fault::Shape("a configuration of the CLI"))?;
    config.source(name.unwrap_or(&config.current), DEPTH)
}

/// What a command of the mode External printed: a profile of the mode AK or `StsToken`.
pub(super) fn printed(text: &[u8]) -> Result<document::Obtained, Fault> {
    let profile: Profile = serde_json::from_slice(text).map_err(|_| Fault::Shape("a profile of the CLI"))?;
    let key = match profile.mode.as_str() {
        "AK" | "StsToken" => profile.key()?,
        _ => return Err(Fault::Unsupported("the command must print a profile of the mode AK or StsToken".to_owned())),
    };
    Ok(document::Obtained { key, expiration: None, fingerprint: None })
}

impl Config {
    fn source(&self, name: &str, depth: u32) -> Result<Source, Fault> {
        let profile = self.profiles.iter().find(|profile| profile.name == name);
        let profile = profile.ok_or_else(|| Fault::NoProfile(name.to_owned()))?;
        match profile.mode.as_str() {
            "AK" | "StsToken" => profile.key().map(Source::Given),
            "RamRoleArn" => profile.role(Source::Given(profile.key()?)),
            "EcsRamRole" => Ok(Source::Ecs { role: filled(profile.ram_role_name.as_ref()) }),
            "RamRoleArnWithEcs" => profile.role(Source::Ecs { role: filled(profile.ram_role_name.as_ref()) }),
            "OIDC" => profile.oidc(),
            "ChainableRamRoleArn" => {
                let base = filled(profile.base.as_ref()).ok_or(Fault::Lacks("source_profile"))?;
                let depth = depth.checked_sub(1).ok_or(Fault::Malformed("source_profile, which goes in a circle"))?;
                profile.role(self.source(&base, depth)?)
            }
            "External" => {
                let command = profile.process_command.as_deref().unwrap_or_default().split_whitespace();
                Ok(Source::External(command.map(str::to_owned).collect()))
            }
            mode => Err(unsupported(mode)),
        }
    }
}

fn unsupported(mode: &str) -> Fault {
    let reason = match mode {
        "CloudSSO" | "OAuth" => {
            "it belongs to a person who logs in with a browser, and a server has nobody to log in again when it ends; \
             give the server a RAM role or a RAM user of its own"
        }
        "RsaKeyPair" => "RSA key pairs are for accounts on the site of Japan alone",
        "CredentialsURI" => "name the address in access_key.uri",
        _ => "it is none that is known",
    };
    Fault::Unsupported(format!("profiles of this mode cannot be used: {reason}"))
}

impl Profile {
    fn key(&self) -> Result<AccessKey, Fault> {
        let token = if self.mode == "AK" { None } else { self.sts_token.clone() };
        if self.mode == "StsToken" && token.as_ref().is_none_or(|token| token.expose().is_empty()) {
            return Err(Fault::Lacks("sts_token"));
        }
        document::key(self.access_key_id.clone(), self.access_key_secret.clone(), token)
    }

    fn role(&self, base: Source) -> Result<Source, Fault> {
        let role = ChainedRole {
            role_arn: filled(self.ram_role_arn.as_ref()).ok_or(Fault::Lacks("ram_role_arn"))?,
            session_name: filled(self.ram_session_name.as_ref()).unwrap_or_else(|| SESSION_NAME.to_owned()),
            policy: filled(self.policy.as_ref()),
            external_id: filled(self.external_id.as_ref()),
            seconds: self.expired_seconds.filter(|seconds| *seconds > 0),
        };
        Ok(Source::Chained { base: Box::new(base), role })
    }

    fn oidc(&self) -> Result<Source, Fault> {
        let file = self.oidc_token_file.clone().filter(|file| !file.as_os_str().is_empty());
        Ok(Source::Oidc(OidcRole {
            provider_arn: filled(self.oidc_provider_arn.as_ref()).ok_or(Fault::Lacks("oidc_provider_arn"))?,
            role_arn: filled(self.ram_role_arn.as_ref()).ok_or(Fault::Lacks("ram_role_arn"))?,
            token_file: file.ok_or(Fault::Lacks("oidc_token_file"))?,
            session_name: filled(self.ram_session_name.as_ref()).unwrap_or_else(|| SESSION_NAME.to_owned()),
        }))
    }
}

/// The CLI writes an empty text for what is not there.
fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> Vec<u8> {
        let key = |name: &str, mode: &str| json!({"name": name, "mode": mode, "access_key_id": "LTAIcli", "access_key_secret": "hush"});
        let with = |mut profile: serde_json::Value, more: serde_json::Value| {
            profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            profile
        };
        let role = json!({"ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "", "expired_seconds": 900});
        let oidc = json!({"name": "pod", "mode": "OIDC", "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
                          "oidc_token_file": "/token", "ram_role_arn": "acs:ram::1:role/r"});
        json!({"current": "default", "meta_path": "", "profiles": [
            key("default", "AK"),
            with(key("session", "StsToken"), json!({"sts_token": "CAIS"})),
            key("tokenless", "StsToken"),
            with(key("role", "RamRoleArn"), role.clone()),
            {"name": "instance", "mode": "EcsRamRole", "ram_role_name": ""},
            oidc,
            with(json!({"name": "chained", "mode": "ChainableRamRoleArn", "source_profile": "role"}), role.clone()),
            with(json!({"name": "circle", "mode": "ChainableRamRoleArn", "source_profile": "circle"}), role),
            {"name": "external", "mode": "External", "process_command": "get-key --for  oss"},
            {"name": "person", "mode": "CloudSSO"},
            {"name": "browser", "mode": "OAuth"},
            {"name": "new", "mode": "hush"},
        ]})
        .to_string()
        .into_bytes()
    }

    fn of(name: &str) -> Result<Source, Fault> {
        source(&config(), Some(name))
    }

    #[test]
    fn each_mode_is_the_source_that_it_describes() {
        let Source::Given(key) = source(&config(), None).unwrap() else { panic!() };
        assert_eq!((key.id.as_str(), key.secret.expose(), key.token.is_none()), ("LTAIcli", "hush", true));
        let Source::Given(key) = of("session").unwrap() else { panic!() };
        assert_eq!(key.token.unwrap().expose(), "CAIS");
        let Source::Chained { base, role } = of("role").unwrap() else { panic!() };
        assert!(matches!(*base, Source::Given(_)));
        assert_eq!((role.session_name.as_str(), role.seconds), (SESSION_NAME, Some(900)));
        assert!(matches!(of("instance").unwrap(), Source::Ecs { role: None }));
        assert!(matches!(of("pod").unwrap(), Source::Oidc(oidc) if oidc.token_file == std::path::Path::new("/token")));
        let Source::Chained { base, .. } = of("chained").unwrap() else { panic!() };
        assert!(matches!(*base, Source::Chained { .. }));
        assert!(matches!(of("external").unwrap(), Source::External(command) if command == ["get-key", "--for", "oss"]));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (name, told) in [
            ("nobody", "there is no profile \"nobody\""),
            ("tokenless", "there is no sts_token"),
            ("circle", "source_profile, which goes in a circle"),
            ("person", "profiles of this mode cannot be used: it belongs to a person"),
            ("browser", "profiles of this mode cannot be used: it belongs to a person"),
            ("new", "profiles of this mode cannot be used: it is none that is known"),
        ] {
            let fault = of(name).unwrap_err().to_string();
            assert!(fault.starts_with(told), "{fault}");
        }
        for text in ["", "{\"profiles\": 7}", "{\"profiles\": [{\"access_key_secret\": [\"hush\"]}]}"] {
            let fault = source(text.as_bytes(), None).unwrap_err();
            assert_eq!(fault.to_string(), "what was read is not a configuration of the CLI");
        }
    }

    #[test]
    fn what_an_external_command_prints_is_a_key_and_no_other_source() {
        let good = br#"{"mode":"StsToken","access_key_id":"STS.x","access_key_secret":"s","sts_token":"t"}"#;
        assert_eq!(printed(good).unwrap().key.id, "STS.x");
        assert!(printed(br#"{"mode":"External","process_command":"again"}"#).is_err());
        assert!(printed(b"hush").is_err());
    }
}
