//! Replicas that share their sessions through a real Redis.
//!
//! Each test starts its own `redis-server`, on its own port, and ends it. Where there is none the tests say that they are
//! skipped; with `OSS_VEND_TEST_REDIS=required`, as in `tests/run.sh`, that is a failure.

#![allow(clippy::print_stdout, reason = "figures are a part of what these tests show")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod budget;
mod cloud;
mod ends;
mod modes;
mod outages;
mod processes;
mod seals;
mod server;
mod sharing;
