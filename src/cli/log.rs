//! Where events go: standard error, as text on a terminal and as JSON lines elsewhere.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

pub(super) fn start(filter: &str) -> Result<(), ParseError> {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(filter)?).with_writer(stderr);
    // Whoever reads the log may go away; a request must not fail for it, and there is nowhere else to complain.
    let builder = builder.log_internal_errors(false);
    if stderr().is_terminal() {
        builder.with_target(false).init();
    } else {
        builder.json().flatten_event(true).init();
    }
    Ok(())
}
