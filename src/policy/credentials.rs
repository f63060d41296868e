//! May this caller have temporary credentials, and for which session?

use chrono::{DateTime, Utc};

use super::denied::Denied;
use super::grant::{DURATIONS, Grant};
use super::method::Method;
use super::session::Session;
use crate::caller::Caller;

/// The lengths that a caller may choose, in seconds. A ladder, not any number: each length is a session of its own, and
/// thousands of lengths would be thousands of calls of STS.
const STEPS: [u32; 7] = [900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200];

/// The caller may have credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialsPermit {
    /// The session to open.
    pub session: Session,
    /// The directory in which they are good.
    pub dir: String,
    /// Whether the grant allows less time than was asked for.
    pub clamped: bool,
}

impl Grant {
    /// Decides on credentials that live at most `duration` seconds.
    pub fn credentials(
        &self,
        caller: &Caller,
        duration: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<CredentialsPermit, Denied> {
        self.allow(caller, Method::Sts)?;
        let longest = self.duration();
        let asked = duration.unwrap_or(longest);
        if !DURATIONS.contains(&asked) {
            return Err(Denied::parameter("duration", "is 900 to 43,200 seconds"));
        }
        let step = STEPS.into_iter().filter(|step| *step <= asked).max().unwrap_or(*DURATIONS.start());
        let chosen = if asked >= longest { longest } else { step.min(longest) };
        let dir = self.dir(caller, now)?;
        let session = self.caller_session(&self.filling(caller, now, &dir), chosen)?;
        Ok(CredentialsPermit { session, dir, clamped: asked > longest })
    }
}
