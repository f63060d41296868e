//! Why a caller does not get what it asks for.

use thiserror::Error;

use super::method::Method;
use super::object_key::InvalidKey;
use super::process::InvalidProcess;
use super::template::Unfillable;

/// The reasons, each for the one who can change it: the caller, or the operator who wrote the grant.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Denied {
    /// The grant is not for this caller; which rule it does not meet stays unsaid.
    #[error("this grant is not for this caller")]
    Caller,
    /// The grant has not this method.
    #[error("this grant does not allow {0}")]
    Method(Method),
    /// The grant has the method, for callers who prove who they are.
    #[error("this grant allows {0} only to callers who prove who they are")]
    ProofNeeded(Method),
    /// The grant names its callers, and something about this one does not fit.
    #[error(transparent)]
    Template(#[from] Unfillable),
    /// The key is none that we vend.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// The caller names an object, and the grant leaves that to the server.
    #[error("the server names the objects that are uploaded under this grant, so \"key\" is not allowed")]
    KeyNamed,
    /// The key is not below the caller's directory.
    #[error("the key does not begin with the directory {dir:?}")]
    OutsideDirectory {
        /// The caller's directory.
        dir: String,
    },
    /// A parameter is needed here.
    #[error("the parameter {name:?} is missing: {why}")]
    Missing {
        /// The parameter's name.
        name: &'static str,
        /// What it is needed for.
        why: &'static str,
    },
    /// A parameter's value makes no sense, or not together with the others.
    #[error("the parameter {name:?} {problem}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// What is wrong, as the end of a sentence.
        problem: String,
    },
    /// The type is none of those that the grant allows.
    #[error("the content type {asked:?} is not allowed by this grant")]
    ContentType {
        /// The type asked for, or guessed from the name.
        asked: String,
        /// Those that are.
        allowed: Vec<String>,
    },
    /// A download's type is one that a browser might run.
    #[error("the response content type {asked:?} is not allowed by this grant without an attachment disposition")]
    ResponseContentType {
        /// The type asked for.
        asked: String,
        /// Those that the grant lists.
        allowed: Vec<String>,
    },
    /// The storage class is none of those that the grant lists.
    #[error("the storage class {asked:?} is not allowed by this grant")]
    StorageClass {
        /// The class asked for.
        asked: &'static str,
        /// Those that are.
        allowed: Vec<&'static str>,
    },
    /// The processing has an operation or a parameter that the grant does not allow.
    #[error("the parameter \"process\" {0}")]
    Process(#[from] InvalidProcess),
    /// The size is not within the grant's limits.
    #[error("{asked} bytes are not within this grant's limits of {min} to {max} bytes")]
    Size {
        /// The size asked for.
        asked: u64,
        /// The least, in bytes.
        min: u64,
        /// The most, in bytes.
        max: u64,
    },
    /// The old signature is asked for and the grant does not allow it.
    #[error("this grant does not allow signature version v1")]
    SignatureVersion,
}

impl Denied {
    pub(super) fn parameter(name: &'static str, problem: impl Into<String>) -> Self {
        Self::Parameter { name, problem: problem.into() }
    }
}
