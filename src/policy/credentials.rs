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
    /// Whether the grant allows less time than was asked for.
    pub clamped: bool,
    /// Where it is not the prefix of the session's policy: one copy of it is enough.
    dir: Option<String>,
}

impl CredentialsPermit {
    /// The directory in which they are good.
    #[must_use]
    pub fn dir(&self) -> &str {
        self.dir.as_deref().or(self.session.prefix()).unwrap_or_default()
    }

    /// The same, taken out.
    #[must_use]
    pub fn into_dir(self) -> String {
        self.dir.or_else(|| self.session.into_prefix()).unwrap_or_default()
    }
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
        let step = || STEPS.into_iter().filter(|step| *step <= asked).max().unwrap_or(*DURATIONS.start());
        let chosen = if asked >= longest { longest } else { step() };
        let (session, dir) = self.caller_session(caller, now, self.dir(caller, now)?, chosen)?;
        Ok(CredentialsPermit { session, dir, clamped: asked > longest })
    }
}
