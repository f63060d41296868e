//! Why there is no AccessKey.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::sts::StsError;

/// Why a source gave no AccessKey. No word of it is a secret, or was written by whoever answered.
#[derive(Clone, Debug, Error)]
#[error("{place}: {fault}")]
pub struct AccessKeyError {
    /// The source, as [`AccessKeys::source`](super::AccessKeys::source) names it.
    pub place: &'static str,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a source of the AccessKey.
#[derive(Clone, Debug, Error)]
pub enum Fault {
    /// A file cannot be read.
    #[error("{file} cannot be read: {error}")]
    Unreadable {
        /// Which one.
        file: String,
        /// Why.
        error: Arc<io::Error>,
    },
    /// What was read has not the documented shape.
    #[error("what was read is not {0}")]
    Shape(&'static str),
    /// A value is absent or empty.
    #[error("there is no {0}")]
    Lacks(&'static str),
    /// A value holds what it never should.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The answer itself says that it is a failure.
    #[error("its Code is {0:?}, not \"Success\"")]
    Unsuccessful(String),
    /// Another status than 200; a redirect is never followed.
    #[error("its answer has the status {0}")]
    Status(u16),
    /// The instance has no role.
    #[error("no RAM role is attached to this instance, or none of this name")]
    NoRole,
    /// More bytes than any key has.
    #[error("what was read is too long")]
    TooLong,
    /// It was not reached.
    #[error("it cannot be reached")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// The key would cross a network in the clear.
    #[error("its address is not https (http is for loopback hosts and the metadata service only)")]
    NotHttps,
    /// It did not answer in time.
    #[error("it took too long")]
    TookTooLong,
    /// The key was over before it came.
    #[error("the key that it gave has expired")]
    Expired,
    /// The file has no such profile.
    #[error("there is no profile {0:?}")]
    NoProfile(String),
    /// This program cannot get a key that way.
    #[error("{0}")]
    Unsupported(String),
    /// The command did not start, or did not end well.
    #[error("the command {0}")]
    Command(String),
    /// STS granted no key to begin with.
    #[error(transparent)]
    Sts(Arc<StsError>),
    /// All sources of the chain failed; each with its reason.
    #[error("no place that was searched has one ({0})")]
    Nowhere(String),
    /// The attempt ended without an outcome; that is our fault.
    #[error("the attempt broke off")]
    BrokeOff,
}

impl AccessKeyError {
    /// What the operator should change.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        if let Fault::Sts(error) = &self.fault
            && let Some(hint) = error.hint()
        {
            return hint;
        }
        match self.place {
            "file" => "`access_key.file` must be readable and hold JSON: {\"AccessKeyId\": …, \"AccessKeySecret\": …}",
            "profile" => "look at the profile in ~/.alibabacloud/credentials that `access_key.profile` names",
            "cli" => {
                "look at the profile in ~/.aliyun/config.json that `access_key.profile` names; `aliyun configure` makes one"
            }
            "oidc" => {
                "look at `access_key.oidc_token_file`, `access_key.oidc_provider_arn` and `access_key.oidc_role_arn`, and at \
                 the annotation of the pod's service account"
            }
            "ecs" => "attach a RAM role to this instance, and compare its name with `access_key.ecs_role`",
            "uri" => "what answers at `access_key.uri` must give JSON: {\"AccessKeyId\": …, \"AccessKeySecret\": …}",
            "command" => {
                "`access_key.command` must end with 0 and print JSON: {\"AccessKeyId\": …, \"AccessKeySecret\": …}"
            }
            _ => {
                "give an AccessKey: ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or a source in \
                 [access_key]"
            }
        }
    }
}

impl From<reqwest::Error> for Fault {
    /// The address is left out: it may hold a password of its own.
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::TookTooLong } else { Self::Unreachable(Arc::new(error.without_url())) }
    }
}
