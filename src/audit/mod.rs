//! The audit trail: one line of JSON for each exit of a vending route, apart from the diagnostic log.
//!
//! An event says who got or was refused what, and by which key it can be found again in the cloud's own trail. It never
//! holds a secret, a token or a signature: of a token it has the SHA-256, so that one that turns up can be traced.
//!
//! Writing is behind the request: an event is formatted into memory, and a thread of the trail's own writes what has
//! gathered. When the disk or the reader cannot follow, memory stays bounded, events are dropped, and the trail says how
//! many. Refusals are dropped first, so that a flood of them displaces no event of what was vended.

mod event;
mod queue;
mod sink;

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use self::event::{Event, Who};
pub use self::queue::Counts;
use self::queue::{Queue, Unwritten};
use self::sink::Sink;

/// How long the writer is waited for. One that does not get on, since nobody reads its pipe, must not keep the server from
/// stopping or from taking another configuration.
const WAIT: Duration = Duration::from_secs(5);

/// Where the trail goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// The end of this file, which is made if it is not there.
    File(PathBuf),
}

/// An open trail. What is recorded is written by a thread of its own until the trail is dropped.
#[derive(Debug)]
pub struct Trail {
    queue: Arc<Queue>,
}

impl Trail {
    /// Opens the trail; a file that cannot be opened is an error now rather than a silent gap later.
    pub fn open(destination: &Destination) -> io::Result<Self> {
        Self::to(Sink::open(destination)?)
    }

    fn to(sink: Sink) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let theirs = Arc::clone(&queue);
        // The thread ends when the queue is closed and written. Nothing joins it: it may never get on.
        let _detached = thread::Builder::new().name("audit".into()).spawn(move || sink.run(&theirs))?;
        Ok(Self { queue })
    }

    /// Puts `event` into the trail, unless too much waits already.
    pub fn record(&self, event: &Event<'_>) {
        thread_local! {
            /// The line that is being written; its memory serves the next one.
            static LINE: RefCell<String> = const { RefCell::new(String::new()) };
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            event.push_line(line);
            self.queue.push(line.as_bytes(), event.share());
        });
    }

    /// Opens the file again before the next event is written: the old one was moved away.
    pub fn reopen(&self) {
        self.queue.ask_to_reopen();
    }

    /// Waits until everything recorded so far is written. If that takes longer than five seconds, it logs how many events
    /// are not written, and returns.
    pub fn flush(&self) {
        self.queue.flush(WAIT).unwrap_or_else(report);
    }

    /// What became of the events since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.queue.counts()
    }
}

impl Drop for Trail {
    /// Has what is left written, and waits for that as [`Trail::flush`] does.
    fn drop(&mut self) {
        self.queue.close(WAIT).unwrap_or_else(report);
    }
}

fn report(Unwritten { events }: Unwritten) {
    tracing::error!(events, "audit events are not written: the audit destination does not accept data");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn event(route: &str) -> Event<'_> {
        Event { route, ..Event::default() }
    }

    fn routes(file: &std::path::Path) -> Vec<String> {
        let text = fs::read_to_string(file).unwrap();
        let route =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["route"].as_str().map(str::to_owned);
        text.lines().map(|line| route(line).unwrap()).collect()
    }

    #[test]
    fn events_are_written_in_order_and_behind_what_is_there() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("audit.log");
        for routes in [["a", "b"], ["c", "d"]] {
            let trail = Trail::open(&Destination::File(file.clone())).unwrap();
            for route in routes {
                trail.record(&event(route));
            }
        }
        assert_eq!(routes(&file), ["a", "b", "c", "d"]);
    }

    #[test]
    fn after_a_reopen_a_file_that_was_moved_away_gets_nothing_more() {
        let folder = TempDir::new().unwrap();
        let [file, old] = ["audit.log", "audit.log.1"].map(|name| folder.path().join(name));
        let trail = Trail::open(&Destination::File(file.clone())).unwrap();
        trail.record(&event("before"));
        trail.flush();
        fs::rename(&file, &old).unwrap();
        trail.reopen();
        trail.record(&event("after"));
        trail.flush();
        assert_eq!((routes(&old), routes(&file)), (vec!["before".to_owned()], vec!["after".to_owned()]));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error_at_start() {
        let folder = TempDir::new().unwrap();
        assert!(Trail::open(&Destination::File(folder.path().join("none/audit.log"))).is_err());
    }

    #[test]
    fn dropping_a_trail_whose_reader_is_gone_does_not_wait() {
        let (_reader, writer) = io::pipe().unwrap();
        let trail = Trail::to(Sink::of(std::os::fd::OwnedFd::from(writer).into())).unwrap();
        let route = "x".repeat(1000);
        (0..200).for_each(|_| trail.record(&event(&route)));
        let unwritten = trail.queue.flush(Duration::from_millis(100)).unwrap_err();
        assert!((1..=200).contains(&unwritten.events));
        trail.record(&event("after"));
        drop(trail);
    }

    #[test]
    fn many_threads_lose_nothing() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("audit.log");
        let trail = Trail::open(&Destination::File(file.clone())).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| trail.record(&event("a"))));
            }
        });
        drop(trail);
        assert_eq!(routes(&file).len(), 2000);
    }
}
