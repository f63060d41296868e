//! Keeps what each test's thread logs. One subscriber serves the whole program, and it is there before the first event:
//! one that comes and goes with a test would sometimes miss what another test registered in that moment.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing::Level;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the log, at the most talkative level of every library. Call it before anything that may log.
pub(crate) fn record() {
    static RECORDING: Once = Once::new();
    RECORDING.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).with_writer(|| Lines);
        subscriber.init();
    });
}

/// What this thread has logged since it was last asked.
pub(crate) fn take() -> String {
    String::from_utf8(LINES.take()).unwrap()
}
