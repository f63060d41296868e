//! Follows the files of the configuration: a change is loaded once it has settled, and at once when someone says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::StartError;
use super::notify::Notify;
use super::reload::Reload;
use crate::clock::Clock;
use crate::config::{Content, Files, Loaded};

/// How often the files are looked at. A change is taken when two looks in a row see the same, so that no file is read
/// while it is being written.
const LOOK: Duration = Duration::from_secs(2);

/// Reads the configuration anew.
pub type Load = Arc<dyn Fn() -> Result<Loaded, StartError> + Send + Sync>;

/// Has a server follow its configuration.
pub struct Follower {
    reload: Arc<Reload>,
    load: Load,
    files: Files,
    sight: Sight,
    /// Why the last configuration was refused, so that it is said once.
    refused: Option<String>,
    notify: Notify,
}

/// What was seen of the files.
#[derive(Debug, Default)]
struct Sight {
    /// What they held when they were loaded last, whatever came of it; `None` if they are to be loaded in any case.
    judged: Option<Content>,
    last: Option<Content>,
}

impl Sight {
    /// Whether the files hold something new, and have come to rest.
    fn has_settled(&mut self, seen: Content) -> bool {
        let at_rest = self.last.replace(seen) == Some(seen);
        at_rest && self.judged != Some(seen)
    }
}

impl Follower {
    /// Follows `files`, from which the running configuration was read, for the server behind `reload`. They are read once
    /// more soon: they may have changed since.
    #[must_use]
    pub fn new(reload: Arc<Reload>, files: Files, load: Load, notify: Notify) -> Self {
        Self { reload, load, files, sight: Sight::default(), refused: None, notify }
    }

    /// Follows until it is dropped. Whoever sends a `hangup` has everything read at once, and the audit file opened again.
    pub async fn run(mut self, mut hangup: mpsc::Receiver<()>, clock: Arc<dyn Clock>) {
        loop {
            let hung_up = tokio::select! {
                Some(()) = hangup.recv() => true,
                () = clock.sleep(LOOK) => false,
            };
            // Files are read and clients are built: nothing for a thread that answers requests.
            let looked = tokio::task::spawn_blocking(move || {
                if hung_up {
                    self.told();
                } else {
                    self.look();
                }
                self
            });
            match looked.await {
                Ok(follower) => self = follower,
                Err(error) => return tracing::error!(%error, "the configuration is no longer followed"),
            }
        }
    }

    fn told(&mut self) {
        self.notify.reloading();
        self.reload.reopen_audit();
        self.refused = None;
        if self.take() == Some(false) {
            tracing::info!("the configuration was read again: nothing changed");
        }
        self.notify.ready();
    }

    /// A configuration that was refused is tried again and again: what it lacks may be a file that it only names.
    fn look(&mut self) {
        if self.sight.has_settled(self.files.content()) || self.refused.is_some() {
            self.take();
        }
    }

    /// Loads what the files hold; tells whether anything changed, or `None` if it was refused.
    fn take(&mut self) -> Option<bool> {
        self.sight.judged = Some(self.files.content());
        let taken = (self.load)().and_then(|loaded| {
            let files = loaded.files.clone();
            self.reload.reload(loaded).map(|changes| (files, changes))
        });
        match taken {
            Ok((files, changes)) => {
                if files != self.files {
                    self.files = files;
                    self.sight = Sight::default();
                }
                let was_refused = self.refused.take().is_some();
                if !changes.is_empty() {
                    tracing::info!(%changes, "the configuration was reloaded");
                } else if was_refused {
                    tracing::info!("the configuration is again the one that runs");
                }
                Some(!changes.is_empty())
            }
            Err(error) => {
                let reason = error.to_string();
                if self.refused.as_ref() != Some(&reason) {
                    self.reload.metrics().reloaded(false);
                    tracing::error!(reason, "the new configuration is refused, and the one before stays");
                }
                self.refused = Some(reason);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_file_is_loaded_once_when_it_has_come_to_rest() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("oss-vend.toml");
        let files: Files = [file.clone()].into_iter().collect();
        let mut sight = Sight::default();
        let mut look = |text: &str, judge: bool| {
            fs::write(&file, text).unwrap();
            let settled = sight.has_settled(files.content());
            sight.judged = if judge { Some(files.content()) } else { sight.judged };
            settled
        };
        assert!(!look("a", false));
        assert!(look("a", true), "it may have changed before it was first looked at");
        assert!(!look("a", false));
        for written in ["", "b", "bc"] {
            assert!(!look(written, false), "it is being written");
        }
        assert!(look("bc", true));
        assert!(!look("bc", false));
    }
}
