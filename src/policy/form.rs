//! May this caller have a signed form, and with which conditions?

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::denied::Denied;
use super::grant::Grant;
use super::method::Method;
use super::object_key::ObjectKey;
use super::session::Session;
use super::upload::{self, Life, Naming, SignatureVersion};
use crate::caller::Caller;

/// What a caller says of the form it wants; nothing in it is verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct FormAsk<'a> {
    /// How the object is to be named.
    pub naming: Naming<'a>,
    /// The type that the form will send.
    pub content_type: Option<&'a str>,
    /// The size of the file in bytes, if it is known.
    pub size: Option<u64>,
    /// How long the form is to be good, in seconds.
    pub expires: Option<u32>,
    /// Whether an object that exists is kept.
    pub forbid_overwrite: bool,
    /// The scheme; V4 if it is not said.
    pub signature: Option<SignatureVersion>,
}

/// The key that a form may write.
#[derive(Clone, Debug, PartialEq)]
pub enum FormKey {
    /// This one.
    Exact(ObjectKey),
    /// Any that begins with this directory.
    Below(String),
}

impl FormKey {
    /// The key, or what it begins with.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(key) => key.as_str(),
            Self::Below(dir) => dir,
        }
    }
}

/// The caller may have a form.
#[derive(Clone, Debug, PartialEq)]
pub struct FormPermit<'a> {
    /// The session whose key signs.
    pub session: Cow<'a, Session>,
    /// The key that may be written.
    pub key: FormKey,
    /// The sizes that are allowed, in bytes, both ends included.
    pub sizes: (u64, u64),
    /// The type that the form has to send, and no other; none means any.
    pub content_type: Option<Cow<'a, str>>,
    /// Whether the form has to forbid overwriting.
    pub forbid_overwrite: bool,
    /// How long the form is good.
    pub life: Life,
    /// The scheme.
    pub signature: SignatureVersion,
    /// How many bytes of the key are the caller's directory.
    dir_length: usize,
}

impl FormPermit<'_> {
    /// The caller's directory.
    #[must_use]
    pub fn dir(&self) -> &str {
        &self.key.as_str()[..self.dir_length]
    }
}

impl Grant {
    /// Decides on a form; `uuid` names a new object.
    pub fn form<'a>(
        &'a self,
        caller: &Caller,
        ask: &FormAsk<'a>,
        uuid: &str,
        now: DateTime<Utc>,
    ) -> Result<FormPermit<'a>, Denied> {
        self.allow(caller, Method::Post)?;
        let dir = self.dir_of_key(caller, now)?;
        let dir_length = dir.len();
        upload::allow_naming(self, &ask.naming)?;
        let key = upload::key(self, &self.filling(caller, now, ""), dir, &ask.naming, uuid)?;
        let content_type = self.form_type(ask)?;
        Ok(FormPermit {
            session: self.signing_session(&self.filling(caller, now, &key.as_str()[..dir_length]))?,
            sizes: self.form_sizes(ask.size)?,
            content_type,
            forbid_overwrite: ask.forbid_overwrite,
            life: upload::life(self, ask.expires)?,
            signature: upload::signature(self, ask.signature)?,
            key,
            dir_length,
        })
    }

    /// A form that names a type is bound to it. Where the grant limits types or is strict, the form has to name one, since
    /// OSS compares the form's field and not the file's own.
    fn form_type<'a>(&'a self, ask: &FormAsk<'a>) -> Result<Option<Cow<'a, str>>, Denied> {
        if self.content_types.is_empty() && ask.content_type.is_none() && !self.object.strict_form {
            return Ok(None);
        }
        upload::content_type(self, ask.content_type, ask.naming.name()).map(Some)
    }

    fn form_sizes(&self, size: Option<u64>) -> Result<(u64, u64), Denied> {
        match size {
            Some(exact) => upload::size(self, exact).map(|()| (exact, exact)),
            None => Ok((*self.sizes.start(), *self.sizes.end())),
        }
    }
}
