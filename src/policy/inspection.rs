//! A grant as its operator looks at it: the sessions that it opens, whoever it is for.

use chrono::{DateTime, Utc};

use super::grant::Grant;
use super::session::Session;
use super::template::Unfillable;
use crate::caller::Caller;

/// What a grant would open for a caller. It is for checks: nobody has looked whether the caller may have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The caller's directory: empty, or ending with `/`.
    pub dir: String,
    /// The session whose key a caller gets as credentials.
    pub credentials: Session,
    /// The session whose key signs forms and URLs that upload or delete.
    pub signing: Session,
    /// The session whose key signs URLs that read.
    pub reading: Session,
    /// What every key begins with that the signing session can write.
    pub signing_prefix: String,
}

impl Grant {
    /// What the grant would open for `caller`; its `callers` and `require` are not asked.
    pub fn inspect(&self, caller: &Caller, now: DateTime<Utc>) -> Result<Inspection, Unfillable> {
        let dir = self.dir(caller, now)?;
        let filling = self.filling(caller, now, &dir);
        Ok(Inspection {
            credentials: self.caller_session(caller, now, dir.clone(), self.duration())?.0,
            signing: self.signing_session(&filling)?.into_owned(),
            reading: self.reading_session(&filling)?.into_owned(),
            signing_prefix: self.signing_prefix().to_owned(),
            dir,
        })
    }
}
