//! May this caller have a signed form, and with which conditions?

use std::sync::Arc;

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

/// The caller may have a form.
#[derive(Clone, Debug, PartialEq)]
pub struct FormPermit {
    /// The session whose key signs.
    pub session: Arc<Session>,
    /// The caller's directory.
    pub dir: String,
    /// The key that may be written.
    pub key: FormKey,
    /// The sizes that are allowed, in bytes, both ends included.
    pub sizes: (u64, u64),
    /// The types that are allowed; empty means any.
    pub content_types: Vec<String>,
    /// The type that the form has to send, if there is one.
    pub content_type: Option<String>,
    /// How long the form is good.
    pub life: Life,
    /// The scheme.
    pub signature: SignatureVersion,
}

impl Grant {
    /// Decides on a form; `uuid` names a new object.
    pub fn form(
        &self,
        caller: &Caller,
        ask: &FormAsk<'_>,
        uuid: &str,
        now: DateTime<Utc>,
    ) -> Result<FormPermit, Denied> {
        self.allow(caller, Method::Post)?;
        let dir = self.dir(caller, now)?;
        let filling = self.filling(caller, now, &dir);
        let key = upload::key(self, &filling, &ask.naming, uuid)?;
        let content_type = self.form_type(ask)?;
        Ok(FormPermit {
            session: self.signing_session(&filling)?,
            key: key.map_or_else(|| FormKey::Below(dir.clone()), FormKey::Exact),
            sizes: self.form_sizes(ask.size)?,
            content_types: content_type.clone().map_or_else(|| self.content_types.clone(), |one| vec![one]),
            content_type,
            life: upload::life(self, ask.expires)?,
            signature: upload::signature(self, ask.signature)?,
            dir,
        })
    }

    /// A form that names a type is bound to it. Where the grant limits types, the form has to name one, since OSS
    /// compares the form's field and not the file's own.
    fn form_type(&self, ask: &FormAsk<'_>) -> Result<Option<String>, Denied> {
        if self.content_types.is_empty() && ask.content_type.is_none() {
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
