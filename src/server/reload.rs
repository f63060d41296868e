//! Another configuration in the place of the one that runs, between two requests.

use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::StartError;
use super::connection_limit::ConnectionLimit;
use super::running::{Lasting, Running};
use crate::api::Entrance;
use crate::config::{AccessRules, Changes, Loaded};
use crate::metrics::Metrics;

/// What the listeners were bound with.
const FIXED: [&str; 2] = ["listen", "admin.listen"];

/// The handle by which a running server takes another configuration.
#[derive(Debug)]
pub struct Reload {
    running: ArcSwap<Running>,
    lasting: Lasting,
    pub(super) connections: Arc<ConnectionLimit>,
    /// One reload at a time.
    turn: Mutex<()>,
}

impl Reload {
    pub(super) fn new(loaded: Loaded, lasting: Lasting) -> Result<Self, StartError> {
        let running = Running::build(loaded, &lasting, None)?;
        let connections = ConnectionLimit::new(running.connections, running.connections_per_address);
        let running = ArcSwap::from_pointee(running);
        Ok(Self { running, lasting, connections, turn: Mutex::new(()) })
    }

    /// Has every request from now on answered as `loaded` says, but for the listeners, and returns what is different.
    /// Requests that are under way end as they were begun; on an error everything stays as it is.
    ///
    /// A configuration that serves callers without proof, where the running one does not, is refused whatever made it so.
    /// What else it allows beyond the running one is logged at `warn`.
    ///
    /// What lives on: sessions of which no input changed, counts of limits that are the same, callers that are
    /// remembered unless `auth` or the claims that grants read changed, the audit trail unless it goes elsewhere, the clock as STS has corrected it.
    pub fn reload(&self, loaded: Loaded) -> Result<Changes, StartError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.running.load_full();
        let changes = loaded.written.changes(&before.written);
        if changes.is_empty() {
            return Ok(changes);
        }
        let access = AccessRules::of(&loaded);
        if access.serves_anonymous() && !before.access.serves_anonymous() {
            return Err(StartError::WouldOpen);
        }
        let widened = access.widened_since(&before.access);
        let next = Running::build(loaded, &self.lasting, Some((&before, &changes)))?;
        self.connections.set(next.connections, next.connections_per_address);
        let next = Arc::new(next);
        self.running.store(Arc::clone(&next));
        if !widened.is_empty() {
            tracing::warn!(changes = widened.join("; "), "reload widens access");
        }
        if let Some(trail) = before.trail().filter(|trail| !next.trail().is_some_and(|next| Arc::ptr_eq(trail, next))) {
            trail.flush(); // here it may block; the last request that holds the trail may not
        }
        self.metrics().reloaded(true);
        for key in FIXED.into_iter().filter(|key| changes.touch(key)) {
            tracing::warn!("{key} cannot change without a restart");
        }
        Ok(changes)
    }

    /// Has `/readyz` and every answer over HTTP/1.1 say that the server stops.
    pub(super) fn announce_stop(&self) {
        self.lasting.stopping.store(true, Ordering::Relaxed);
    }

    /// Opens the file of the audit trail again: the old one was moved away.
    pub fn reopen_audit(&self) {
        if let Some(trail) = self.running().trail() {
            trail.reopen();
        }
    }

    /// What is counted, whatever the configuration.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.lasting.metrics
    }

    pub(super) fn running(&self) -> Guard<Arc<Running>> {
        self.running.load()
    }

    /// What answers a request that comes now, to its end.
    pub(super) fn entrance(&self) -> impl Deref<Target = Entrance> + Send + use<> {
        Present(self.running.load())
    }
}

/// What ran when a request came.
struct Present(Guard<Arc<Running>>);

impl Deref for Present {
    type Target = Entrance;

    fn deref(&self) -> &Entrance {
        &self.0.entrance
    }
}
