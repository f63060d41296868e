//! May this caller have this? Pure: no clock is read and nothing is sent; the answer is a permit or a reason.
//!
//! - [`Grant`]: an entry of the configuration, checked and prepared at start;
//! - [`Audience`]: for whom a grant is;
//! - [`Grant::credentials`], [`Grant::form`], [`Grant::url`]: the three decisions;
//! - [`Template`]: texts with typed slots; [`ObjectKey`]: keys that are no trap; [`document`] and
//!   [`policy_file`]: the inline policy;
//! - [`ObjectSettings`]: what uploads are stored with; [`Processing`]: what a download may have processed;
//! - [`overlaps`]: grants of one bucket whose callers reach what is promised to others;
//! - [`Session`]: the input of `AssumeRole` that a permit asks for;
//! - [`confine_reads`]: which grants sign GET and HEAD with a session for the caller's directory alone.

pub mod address;
mod audience;
mod boundaries;
mod credentials;
mod denied;
pub mod document;
mod form;
mod grant;
mod inspection;
mod method;
mod named_by;
pub mod object_key;
mod object_settings;
mod offer;
mod overlap;
pub mod policy_file;
pub mod process;
mod public_acl;
mod reach;
mod reads;
mod response;
mod session;
mod subset;
pub mod template;
#[cfg(test)]
mod tests;
mod upload;
mod url;
mod written;

use std::collections::BTreeMap;

pub use self::address::{Address, InvalidAddress};
pub use self::audience::{Audience, ClaimValue, Rule, Test};
pub use self::credentials::CredentialsPermit;
pub use self::denied::Denied;
pub use self::form::{FormAsk, FormKey, FormPermit};
pub use self::grant::{DURATIONS, Grant, GrantSpec, InvalidGrant, MAX_EXPIRES, MAX_UPLOAD, PolicySource};
pub use self::inspection::Inspection;
pub use self::method::{Method, Methods};
pub use self::named_by::NamedBy;
pub use self::object_key::{InvalidKey, ObjectKey};
pub use self::object_settings::{FormField, ObjectAcl, ObjectSettings, StorageClass};
pub use self::overlap::{Overlap, OverlapReason, overlaps};
pub use self::process::Processing;
pub use self::reads::{Reads, confine_reads};
pub use self::session::{Role, Session, session_name};
pub use self::template::{InvalidTemplate, Template, Unfillable, UnsafeId};
pub use self::upload::{Life, Naming, SignatureVersion};
pub use self::url::{UploadHeaders, UrlAsk, UrlPermit};

/// The grants by name.
pub type Grants = BTreeMap<String, Grant>;
