//! What a grant offers to a caller who has not said yet what it wants.

use chrono::{DateTime, Utc};

use super::denied::Denied;
use super::grant::Grant;
use super::template::Filling;
use crate::caller::Caller;

impl Grant {
    /// The caller's directory, if the grant is for this caller and everything that it hands out can be made for it.
    pub fn offer(&self, caller: &Caller, now: DateTime<Utc>) -> Result<String, Denied> {
        self.audience.admit(caller)?;
        let dir = self.dir(caller, now)?;
        self.caller_session(caller, now, dir.clone(), self.duration())?;
        let filling = self.filling(caller, now, &dir);
        self.key.fill(&Filling { unverified_filename: "any", ..filling })?;
        Ok(dir)
    }
}
