//! `AssumeRole` on the wire: one call to STS, its answer, and what went wrong sorted by who must act.
//!
//! [`AssumeRole`] says what is wanted, [`Client`] asks for it once, [`Assumed`] is what STS granted, [`StsError`] why it did not.
//! [`AssumeRoleWithOidc`] asks with an identity token in place of an AccessKey.
//! Nothing is tried twice here: whoever calls decides that, by [`StsError::retry`].
//!
//! The protocol: <https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole>.

mod answer;
mod client;
mod endpoint;
mod error;
mod message;
mod oidc;
mod refusal;
mod reply;
mod request;
mod retold;
mod verdict;
mod wire;

pub use answer::Assumed;
pub use client::{Client, ClientError, ClientOptions};
pub use endpoint::endpoint;
pub use error::{Flaw, Stage, StsError};
pub use message::Message;
pub use oidc::AssumeRoleWithOidc;
pub use refusal::Refusal;
pub use request::{AssumeRole, SignatureScheme};
pub use retold::Retold;
pub use verdict::{Blame, Retry, hint};
