//! The credentials file of the official SDKs, `~/.alibabacloud/credentials`: sections of `key = value` lines.
//!
//! <https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-python-access-credentials>

use std::collections::HashMap;
use std::path::PathBuf;

use super::document;
use super::error::Fault;
use super::role::{ChainedRole, OidcRole};
use super::source::{SESSION_NAME, Source};
use crate::keys::Secret;

/// The settings of one section.
struct Section<'t>(HashMap<&'t str, &'t str>);

/// The source that the profile `name` of the file `text` describes.
pub(super) fn source(text: &str, name: &str) -> Result<Source, Fault> {
    let section = Section::find(text, name).ok_or_else(|| Fault::NoProfile(name.to_owned()))?;
    if section.text("enable").is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return Err(Fault::Unsupported(format!("the profile {name:?} has enable = false")));
    }
    match section.text("type").ok_or(Fault::Lacks("type in the profile"))? {
        "access_key" => section.key(None),
        "sts" => section.key(Some(section.text("sts_token").or(section.text("security_token")).unwrap_or_default())),
        "ram_role_arn" => section.role(),
        "oidc_role_arn" => section.oidc(),
        "ecs_ram_role" => Ok(Source::Ecs { role: section.text("role_name").map(str::to_owned) }),
        kind => Err(unsupported(kind)),
    }
}

fn unsupported(kind: &str) -> Fault {
    let reason = match kind {
        "rsa_key_pair" => "RSA key pairs are for accounts on the site of Japan alone",
        "bearer" => "a bearer token cannot call STS",
        _ => "it is none that is known",
    };
    Fault::Unsupported(format!("profiles of this type cannot be used: {reason}"))
}

impl<'t> Section<'t> {
    fn find(text: &'t str, name: &str) -> Option<Self> {
        let mut found = None;
        let mut inside = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
            if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                inside = header.trim() == name;
                if inside {
                    found.get_or_insert_with(HashMap::new);
                }
            } else if let (true, Some((key, value))) = (inside, line.split_once('=')) {
                found.get_or_insert_with(HashMap::new).insert(key.trim(), bare(value.trim()));
            }
        }
        found.map(Self)
    }

    fn text(&self, key: &str) -> Option<&'t str> {
        self.0.get(key).copied().filter(|value| !value.is_empty())
    }

    fn owned(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    fn demand(&self, key: &'static str) -> Result<String, Fault> {
        self.owned(key).ok_or(Fault::Lacks(key))
    }

    fn key(&self, token: Option<&str>) -> Result<Source, Fault> {
        if token.is_some_and(str::is_empty) {
            return Err(Fault::Lacks("sts_token"));
        }
        let secret = self.text("access_key_secret").map(Secret::new);
        document::key(self.owned("access_key_id"), secret, token.map(Secret::new)).map(Source::Given)
    }

    fn role(&self) -> Result<Source, Fault> {
        let role = ChainedRole {
            role_arn: self.demand("role_arn")?,
            session_name: self.text("role_session_name").unwrap_or(SESSION_NAME).to_owned(),
            policy: self.owned("policy"),
            external_id: self.owned("external_id"),
            seconds: None,
        };
        let token = self.text("sts_token").or(self.text("security_token"));
        Ok(Source::Chained { base: Box::new(self.key(token)?), role })
    }

    fn oidc(&self) -> Result<Source, Fault> {
        Ok(Source::Oidc(OidcRole {
            provider_arn: self.demand("oidc_provider_arn")?,
            role_arn: self.demand("role_arn")?,
            token_file: PathBuf::from(self.demand("oidc_token_file_path")?),
            session_name: self.text("role_session_name").unwrap_or(SESSION_NAME).to_owned(),
        }))
    }
}

/// The value without quotes, which some write around it.
fn bare(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
# what the SDKs write
[default]
enable = true
type = access_key
access_key_id = LTAIprofile
access_key_secret = hush=1

[session]
type = sts
access_key_id = \"STS.id\"
access_key_secret = hush
sts_token = CAIS

[ role ]
type=ram_role_arn
access_key_id=LTAIprofile
access_key_secret=hush
role_arn=acs:ram::1:role/r

[pod]
type = oidc_role_arn
role_arn = acs:ram::1:role/r
oidc_provider_arn = acs:ram::1:oidc-provider/p
oidc_token_file_path = /var/run/token
role_session_name = pod

[instance]
type = ecs_ram_role
role_name = web

[off]
enable = false
type = access_key

[old]
type = rsa_key_pair

[half]
type = access_key
access_key_id = LTAIprofile

[untyped]
access_key_id = LTAIprofile
";

    #[test]
    fn each_type_is_the_source_that_it_describes() {
        let Source::Given(key) = source(FILE, "default").unwrap() else { panic!() };
        assert_eq!((key.id.as_str(), key.secret.expose(), key.token.is_none()), ("LTAIprofile", "hush=1", true));
        let Source::Given(key) = source(FILE, "session").unwrap() else { panic!() };
        assert_eq!((key.id.as_str(), key.token.unwrap().expose()), ("STS.id", "CAIS"));
        let Source::Chained { base, role } = source(FILE, "role").unwrap() else { panic!() };
        assert!(matches!(*base, Source::Given(_)) && role.role_arn == "acs:ram::1:role/r");
        assert_eq!(role.session_name, SESSION_NAME);
        let Source::Oidc(oidc) = source(FILE, "pod").unwrap() else { panic!() };
        assert_eq!((oidc.session_name.as_str(), oidc.token_file.to_str()), ("pod", Some("/var/run/token")));
        assert!(matches!(source(FILE, "instance").unwrap(), Source::Ecs { role: Some(role) } if role == "web"));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (name, told) in [
            ("nobody", "there is no profile \"nobody\""),
            ("off", "the profile \"off\" has enable = false"),
            ("old", "profiles of this type cannot be used: RSA key pairs"),
            ("half", "there is no AccessKeySecret"),
            ("untyped", "there is no type in the profile"),
        ] {
            let fault = source(FILE, name).unwrap_err().to_string();
            assert!(fault.starts_with(told), "{fault}");
        }
    }
}
